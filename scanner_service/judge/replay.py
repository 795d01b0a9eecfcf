"""Judge what was seen of a message again, under another policy, and say what would become of it now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from scanner_service.judge.judge_message import judge_message
from scanner_service.judge.kept_decision import KeptDecision, decision_of
from scanner_service.judge.policy_bank import PolicyBook, traffic_of
from scanner_service.judge.record_codec import JudgedRecord
from verdict_api.envelope import Envelope


class Aspect(StrEnum):
    """What of a decision may differ from another, the gravest first."""

    DESTINY = "destiny"
    RECIPIENTS = "recipients"
    REPLACED_BY = "replaced_by"
    ADDED_RECIPIENTS = "added_recipients"
    REPLY = "reply"
    TAGS = "tags"
    CATEGORIES = "categories"
    RULE = "rule"
    WOULD_BE = "would_be"


@dataclass(frozen=True, slots=True)
class Change:
    """A message that another policy decides otherwise; ``changed`` has one aspect or more, the gravest first."""

    mail_id: str
    envelope: Envelope
    before: KeptDecision
    after: KeptDecision
    changed: tuple[Aspect, ...]

    @property
    def kind(self) -> str:
        """The change as it is counted: ``reject -> pass``, or what else is new."""
        if self.changed[0] is Aspect.DESTINY:
            return f"{self.before.destiny} -> {self.after.destiny}"
        if self.changed[0] is Aspect.RECIPIENTS:
            return f"{_of_a_recipient(self.before, self.after)}, for a recipient"
        would_be, now = self.before.would_be, self.after.would_be
        if self.changed[0] is Aspect.WOULD_BE:
            return f"would be {(would_be or self.before).destiny} -> would be {(now or self.after).destiny}"
        return f"another {self.changed[0].replace('_', ' ')}"


def replay(record: JudgedRecord, book: PolicyBook) -> Change | None:
    """Return what another policy makes of a message that was judged; None if it decides the same."""
    return change_to(rejudge(record, book), record)


def change_to(after: KeptDecision, record: JudgedRecord) -> Change | None:
    """Return how a decision differs from the one that was made; None if it does not."""
    facts, before = record.facts, record.decision
    changed = _differences(before, after)
    return Change(facts.mail_id, facts.envelope, before, after, changed) if changed else None


def rejudge(record: JudgedRecord, book: PolicyBook) -> KeptDecision:
    """Return what a policy decides about a message that was judged."""
    policy = book.policy_for(traffic_of(record.facts))
    return decision_of(judge_message(record.facts, policy), book.version)


def _differences(before: KeptDecision, after: KeptDecision) -> tuple[Aspect, ...]:
    return tuple(aspect for aspect, seen in _SEEN.items() if seen(before) != seen(after))


def _of_a_recipient(before: KeptDecision, after: KeptDecision) -> str:
    pairs = zip(before.recipients, after.recipients, strict=False)
    return next((f"{was.destiny} -> {one.destiny}" for was, one in pairs if was.destiny != one.destiny), "recipients")


def _would_be(decision: KeptDecision) -> object:
    """Return what is left aside of observing: who got the mail is compared already."""
    one = decision.would_be
    return None if one is None else (one.destiny, _codes(one), one.recipients, one.added_recipients)


def _codes(decision: KeptDecision) -> tuple[int, str]:
    """Return the reply without its text: words of an administrator may name what only the message knows."""
    return decision.reply.code, decision.reply.enhanced


_SEEN: Mapping[Aspect, Callable[[KeptDecision], object]] = MappingProxyType(
    {
        Aspect.DESTINY: lambda one: one.destiny,
        Aspect.RECIPIENTS: lambda one: [(each.address, each.destiny) for each in one.recipients],
        Aspect.REPLACED_BY: lambda one: [each.replaced_by for each in one.recipients],
        Aspect.ADDED_RECIPIENTS: lambda one: one.added_recipients,
        Aspect.REPLY: _codes,
        Aspect.TAGS: lambda one: (one.is_spam, one.subject_tag),
        Aspect.CATEGORIES: lambda one: [each.categories for each in one.recipients],
        Aspect.RULE: lambda one: [each.rule for each in one.recipients],
        Aspect.WOULD_BE: _would_be,
    }
)
