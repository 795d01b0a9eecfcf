"""Say what a policy holds for one recipient of one kind of mail, and which entry of which bank says so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scanner_service.judge.categories import CATEGORIES, CHECKS
from scanner_service.judge.fate import usual_mixed
from scanner_service.judge.lookup import EXTENSION_DELIMITER
from scanner_service.judge.policy import DEFAULT_NAME, Level
from scanner_service.judge.policy_bank import Bank, PolicyBook, Traffic
from scanner_service.judge.recipient_policy import DEFAULT_RULE_SET, PASSES, RecipientPolicy
from scanner_service.judge.tables import AddressKeys, Found
from scanner_service.judge.text_template import TextTemplate
from scanner_service.model.finding import ContentCategory
from verdict_api.envelope import Recipient

Value: TypeAlias = str | int | float | bool | tuple[str, ...] | None

# What holds where nobody says anything, for the settings that are one value for all recipients.
_PLAIN: dict[str, Value] = {
    "tags": True,
    "bounces": False,
    "refuse": True,
    "soft_bounce": False,
    "observe": (),
    "recipient_delimiter": EXTENSION_DELIMITER,
}
_BY_CATEGORY = ("lovers", "bypass", "redirect", "copy_to", "address_extension", "subject_tags", "replies", "alerts")
_OF_LOCAL_RECIPIENTS = ("redirect", "address_extension")
_BY_WORD = {category.word: category for category in ContentCategory}


@dataclass(frozen=True, slots=True)
class ExplainedSetting:
    """A setting as policies name it, its value, and the bank, the table and the key that decided.

    ``bank`` is empty where nobody says anything, and the value is what holds then, None for nothing.
    """

    setting: str
    value: Value
    bank: str = ""
    table: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ExplainedBank:
    """Whether a bank holds, and of each of its conditions which parts the mail meets."""

    bank: str
    holds: bool
    when: tuple[tuple[tuple[str, bool], ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What holds: the name of the policy, all banks, every setting. ``is_local`` is None if only Courier knows."""

    policy: str
    policy_version: str
    is_local: bool | None
    banks: tuple[ExplainedBank, ...]
    settings: tuple[ExplainedSetting, ...]


def explain(book: PolicyBook, traffic: Traffic) -> Explanation:
    """Return what holds for the first recipient of the mail."""
    recipient = traffic.envelope.recipients[0]
    policy = book.policy_for(traffic)
    # Where nobody knows whether a recipient is local, what would hold for a local one is to be seen.
    asked = Recipient(recipient.address, local=recipient.local is not False)
    for_recipient = RecipientPolicy.of(policy, asked)
    knows_local = policy.local_domains is not None or recipient.local is not None
    return Explanation(
        policy=policy.name,
        policy_version=book.version,
        is_local=for_recipient.is_local if knows_local else None,
        banks=tuple(_bank(bank, traffic) for bank in book.banks),
        settings=(
            *_by_categories(for_recipient),
            *_by_recipient(for_recipient, traffic.envelope.sender),
            *_plain(book, traffic),
        ),
    )


def _bank(bank: Bank, traffic: Traffic) -> ExplainedBank:
    when = tuple(tuple(condition.checks(traffic)) for condition in bank.when)
    return ExplainedBank(bank.policy.name, bank.holds(traffic), when)


def _by_categories(policy: RecipientPolicy) -> Iterator[ExplainedSetting]:
    tables: Any = policy.policy  # of values of several types
    for category in CATEGORIES:
        yield _setting(f"destinies.{category}", policy.destiny_of(category))
    for category in CATEGORIES:
        usual = usual_mixed(_BY_WORD[category.partition(".")[0]])
        yield _setting(f"mixed.{category}", policy.by_category(tables.mixed, category), usual.value)
    for name in _BY_CATEGORY:
        for category in CHECKS if name == "bypass" else CATEGORIES:
            usual_value = False if name in ("lovers", "bypass") else None
            holds = policy.is_local or name not in _OF_LOCAL_RECIPIENTS
            found = policy.by_category(getattr(tables, name), category) if holds else None
            yield _setting(f"{name}.{category}", found, usual_value)


def _by_recipient(policy: RecipientPolicy, sender: str) -> Iterator[ExplainedSetting]:
    tables: Any = policy.policy
    for level in Level:
        yield _setting(f"spam_levels.{level}", policy.find(tables.spam_levels.get(level)))
    senders = [AddressKeys.of(sender)]
    yield _setting("white_senders", policy.is_white(senders), unsaid=False)
    yield _setting("black_senders", policy.is_black(senders), unsaid=False)
    yield _setting("sender_scores", policy.score_of(senders))
    yield _setting("message_size_limit", policy.size_limit())
    yield _setting("banned_rule_set", policy.find(tables.banned_rule_set), DEFAULT_RULE_SET)
    yield _setting("local_domains", policy.find(tables.local_domains))


def _plain(book: PolicyBook, traffic: Traffic) -> Iterator[ExplainedSetting]:
    """Yield the settings that have no tables: the topmost bank that says something decides."""
    holding: Sequence[Bank] = [bank for bank in book.banks if bank.holds(traffic)]
    layers = [*((bank.policy.name, bank.policy) for bank in reversed(holding)), (DEFAULT_NAME, book.base)]
    for name, unsaid in _PLAIN.items():
        said = ((bank, getattr(policy, name)) for bank, policy in layers)
        bank, value = next(((bank, one) for bank, one in said if one is not None), ("", unsaid))
        shown = tuple(sorted(value)) if isinstance(value, frozenset) else value
        yield ExplainedSetting(name, shown, bank, name if bank else "", "." if bank else "")


def _setting(name: str, found: Found[Value | TextTemplate] | None, unsaid: Value = None) -> ExplainedSetting:
    if found is None:
        return ExplainedSetting(name, unsaid)
    if found is PASSES:
        return ExplainedSetting(name, PASSES.value)
    value = found.value.source if isinstance(found.value, TextTemplate) else found.value
    return ExplainedSetting(name, value, found.place.bank, found.place.setting, found.key)
