"""What was decided about a message, as far as another policy could decide otherwise; it is kept with the facts."""

from dataclasses import dataclass

from scanner_service.model.judgement import Judgement
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny


@dataclass(frozen=True, slots=True)
class KeptRecipient:
    """What became of the mail of one recipient; see verdict_api.verdict.RecipientVerdict."""

    address: str
    destiny: Destiny
    replaced_by: str | None = None
    rule: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDecision:
    """What became of a message.

    ``is_spam`` and ``subject_tag`` are how it was marked. ``would_be`` is what it would have been if all had counted
    that the policy only observes, None if that is this.
    """

    destiny: Destiny
    reply: SmtpReply
    recipients: tuple[KeptRecipient, ...]
    added_recipients: tuple[str, ...] = ()
    is_spam: bool = False
    subject_tag: str = ""
    policy_version: str = ""
    would_be: "KeptDecision | None" = None


def decision_of(judgement: Judgement, policy_version: str) -> KeptDecision:
    """Return what is kept of a judgement."""
    would_be = judgement.would_be
    return KeptDecision(
        destiny=judgement.destiny,
        reply=judgement.reply,
        recipients=tuple(
            KeptRecipient(one.address, one.destiny, one.replaced_by, one.rule, one.categories)
            for one in judgement.recipients
        ),
        added_recipients=judgement.added_recipients,
        is_spam=judgement.tags.wanted and judgement.tags.is_spam,
        subject_tag=judgement.tags.subject_tag if judgement.tags.wanted else "",
        policy_version=policy_version,
        would_be=None if would_be is None else decision_of(would_be, policy_version),
    )
