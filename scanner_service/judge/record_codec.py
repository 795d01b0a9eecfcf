"""The record of a judged message as JSON: ``{"facts": …, "decision": …}``, so that no older policy is ever needed."""

from dataclasses import dataclass

from scanner_service.judge.facts import Facts
from scanner_service.judge.facts_codec import facts_from_fields, facts_to_fields
from scanner_service.judge.kept_decision import KeptDecision, KeptRecipient, decision_of
from scanner_service.model.judgement import Judgement
from verdict_api.json_codec import reply_from_fields, reply_to_fields
from verdict_api.json_fields import Fields, from_json, to_json
from verdict_api.verdict import Destiny


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """What was seen of a message, and what was decided."""

    facts: Facts
    decision: KeptDecision


def record_of(facts: Facts, judgement: Judgement, policy_version: str) -> str:
    """Return the record of a judged message, in ASCII."""
    decision = decision_to_fields(decision_of(judgement, policy_version))
    return to_json({"facts": facts_to_fields(facts), "decision": decision}).decode("ascii")


def decode_record(text: str) -> JudgedRecord:
    """Read what ``record_of`` wrote.

    Raises:
        CodecError: it is something else; with the place.
    """
    fields = Fields("record", from_json("record", text.encode("utf-8", "surrogatepass")))
    return JudgedRecord(facts_from_fields(fields.object("facts")), _decision_of(fields.object("decision")))


def decision_to_fields(decision: KeptDecision) -> dict[str, object]:
    """Return the fields of a decision."""
    fields: dict[str, object] = {
        "destiny": decision.destiny,
        "reply": reply_to_fields(decision.reply),
        "recipients": [
            {
                "address": one.address,
                "destiny": one.destiny,
                "replaced_by": one.replaced_by,
                "rule": one.rule,
                "categories": one.categories,
            }
            for one in decision.recipients
        ],
        "added_recipients": decision.added_recipients,
        "is_spam": decision.is_spam,
        "subject_tag": decision.subject_tag,
        "policy_version": decision.policy_version,
    }
    if decision.would_be is not None:
        fields["would_be"] = decision_to_fields(decision.would_be)
    return fields


def _decision_of(fields: Fields) -> KeptDecision:
    would_be = fields.optional("would_be", fields.object)
    return KeptDecision(
        destiny=fields.choice("destiny", Destiny),
        reply=reply_from_fields(fields.object("reply")),
        recipients=tuple(
            KeptRecipient(
                address=one.text("address"),
                destiny=one.choice("destiny", Destiny),
                replaced_by=one.optional("replaced_by", one.text),
                rule=one.text("rule", ""),
                categories=one.texts("categories"),
            )
            for one in fields.objects("recipients")
        ),
        added_recipients=fields.texts("added_recipients"),
        is_spam=fields.flag("is_spam", default=False),
        subject_tag=fields.text("subject_tag", ""),
        policy_version=fields.text("policy_version", ""),
        would_be=None if would_be is None else _decision_of(would_be),
    )
