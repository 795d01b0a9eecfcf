"""The texts that administrators word: replies, alerts and subject tags, each a template by content category."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import cast

from scanner_service.judge.facts import Facts
from scanner_service.judge.fate import Fate
from scanner_service.judge.text_template import TextTemplate
from scanner_service.judge.text_variables import REPLY_EXAMPLES, Judged, judged_variables
from scanner_service.model.finding import Finding
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, SpamReport

REPLY_LIMIT_CHARACTERS = 400  # an SMTP line has 512 (RFC 5321 §4.5.3.1.5), with the codes
ALERT_LIMIT_CHARACTERS = 400
SUBJECT_TAG_LIMIT_CHARACTERS = 100


def read_template(source: str, limit: int) -> TextTemplate:
    """Return a template that may name what is known when a message is judged.

    Raises:
        TextTemplateError: see TextTemplate.parse.
    """
    return TextTemplate.parse("the template", source, limit, REPLY_EXAMPLES)


def reply_in_own_words(reply: SmtpReply, facts: Facts, fate: Fate, destiny: Destiny) -> SmtpReply:
    """Return the reply with the administrator's text, if there is one that these values do not undo."""
    if fate.decisive is None:
        return reply
    found = fate.policy.reply_of(fate.decisive.full_category)
    text = render(found.value, facts, fate, destiny, fate.decisive) if found else ""
    return SmtpReply(reply.code, reply.enhanced, text) if text else reply


def alert_of(facts: Facts, delivered: Sequence[Fate]) -> str:
    """Return what the administrator has to say in the header of what was found; empty if that is nothing."""
    said: dict[str, None] = {}
    for fate in delivered:
        for finding in fate.findings:
            if (found := fate.policy.alert_of(finding.full_category)) is not None:
                said[render(found.value, facts, fate, Destiny.PASS, finding)] = None
    return "; ".join(filter(None, said))[:ALERT_LIMIT_CHARACTERS]


def subject_tag_of(facts: Facts, fate: Fate) -> str:
    """Return what stands in front of the subject for one recipient: that of the worst category that has one."""
    for finding in fate.tagged:
        if (found := fate.policy.subject_tag_of(finding.full_category)) is not None:
            return (
                found.value
                if isinstance(found.value, str)
                else render(found.value, facts, fate, Destiny.PASS, finding)
            )
    return ""


def render(template: TextTemplate, facts: Facts, fate: Fate, destiny: Destiny, finding: Finding) -> str:
    """Return a text about one finding, for one recipient; empty if the values undo the template."""
    policy = fate.policy
    judged = Judged(
        destiny,
        finding.full_category,
        fate.findings,
        fate.spam.report if fate.spam else SpamReport(),
        policy.policy.name,
        fate.because.rule if fate.because else "",
        (policy.keys.address,),
    )
    values = ChainMap(
        cast("dict[str, object]", judged_variables(judged)),  # nobody writes to them
        cast("dict[str, object]", facts.values),
    )
    return template.render(cast("Mapping[str, object]", values))
