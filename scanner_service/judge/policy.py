"""What holds for a class of traffic: the settings of one bank, and of several laid over each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from scanner_service.judge.tables import Lookup
from verdict_api.verdict import Destiny


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Mixed(StrEnum):
    """What a rejection becomes when others get the mail: SMTP has one answer for all of them."""

    SOFTEST = "softest"  # the recipient gets it, tagged
    STRICTEST = "strictest"  # nobody gets it
    DISCARD = "discard"
    BOUNCE = "bounce"


class SpamLevel(StrEnum):
    """Scores from which on something is done."""

    TAG = "tag"
    TAG2 = "tag2"
    TAG3 = "tag3"
    KILL = "kill"
    DSN_CUTOFF = "dsn_cutoff"
    QUARANTINE_CUTOFF = "quarantine_cutoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Tables by recipient. Mappings are by content category, ``virus`` or ``unchecked.encrypted``.

    What is empty or None says nothing. ``message_size_limit`` is in bytes. ``senders`` of a recipient are tables of
    sender addresses; a score is added to the spam score, ``white`` and ``black`` decide it.
    """

    banks: tuple[str, ...] = ()
    destinies: Mapping[str, Lookup[Destiny]] = field(default_factory=_nothing)
    lovers: Mapping[str, Lookup[bool]] = field(default_factory=_nothing)
    bypass: Mapping[str, Lookup[bool]] = field(default_factory=_nothing)
    mixed: Mapping[str, Mixed] = field(default_factory=_nothing)
    spam_levels: Mapping[str, Lookup[float]] = field(default_factory=_nothing)
    redirect: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    copy_to: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    address_extension: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    subject_tags: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    white_senders: Lookup[Lookup[bool]] | None = None
    black_senders: Lookup[Lookup[bool]] | None = None
    sender_scores: Lookup[Lookup[float]] | None = None
    message_size_limit: Lookup[int] | None = None
    banned_rule_set: Lookup[str] | None = None
    tags: bool | None = None
    bounces: bool | None = None
    soft_bounce: bool | None = None
    observe: bool | None = None

    def under(self, bank: "Policy") -> "Policy":
        """Return this policy with what the bank says laid over it, key by key."""
        return replace(
            self, **{one.name: _laid_over(getattr(self, one.name), getattr(bank, one.name)) for one in fields(self)}
        )


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(above, Mapping):
        return MappingProxyType({**below, **above}) if above else below
    if isinstance(above, tuple):
        return below + above
    return below if above is None else above
