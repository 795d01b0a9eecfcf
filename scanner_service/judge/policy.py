"""What holds for a class of traffic: the settings of one bank, and of several laid over each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from scanner_service.judge.lookup import EXTENSION_DELIMITER
from scanner_service.judge.tables import Lookup
from scanner_service.judge.text_template import TextTemplate
from verdict_api.verdict import Destiny

DEFAULT_NAME = "default"


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Mixed(StrEnum):
    """What a rejection becomes when others get the mail: SMTP has one answer for all of them."""

    SOFTEST = "softest"  # the recipient gets it, tagged
    STRICTEST = "strictest"  # nobody gets it
    DISCARD = "discard"
    BOUNCE = "bounce"


class Level(StrEnum):
    """Scores from which on something is done."""

    TAG = "tag"
    TAG2 = "tag2"
    TAG3 = "tag3"
    KILL = "kill"
    DSN_CUTOFF = "dsn_cutoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Tables by recipient. Mappings are by content category, ``virus`` or ``unchecked.encrypted``.

    What is empty or None says nothing. ``message_size_limit`` is in bytes. ``white_senders`` and its like have a
    table of senders for a recipient. ``observe`` are the categories that are only told of, ``all`` for every one.
    ``refuse``: false turns each refusal into a discard. ``bounces``: the sender is somebody who may be sent mail.
    """

    banks: tuple[str, ...] = ()
    recipient_delimiter: str | None = None
    local_domains: Lookup[bool] | None = None
    destinies: Mapping[str, Lookup[Destiny]] = field(default_factory=_nothing)
    lovers: Mapping[str, Lookup[bool]] = field(default_factory=_nothing)
    bypass: Mapping[str, Lookup[bool]] = field(default_factory=_nothing)
    mixed: Mapping[str, Lookup[Mixed]] = field(default_factory=_nothing)
    spam_levels: Mapping[str, Lookup[float]] = field(default_factory=_nothing)
    redirect: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    copy_to: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    address_extension: Mapping[str, Lookup[str]] = field(default_factory=_nothing)
    subject_tags: Mapping[str, Lookup[str | TextTemplate]] = field(default_factory=_nothing)
    replies: Mapping[str, Lookup[TextTemplate]] = field(default_factory=_nothing)
    alerts: Mapping[str, Lookup[TextTemplate]] = field(default_factory=_nothing)
    white_senders: Lookup[Lookup[bool]] | None = None
    black_senders: Lookup[Lookup[bool]] | None = None
    sender_scores: Lookup[Lookup[float]] | None = None
    message_size_limit: Lookup[int] | None = None
    banned_rule_set: Lookup[str] | None = None
    tags: bool | None = None
    bounces: bool | None = None
    refuse: bool | None = None
    soft_bounce: bool | None = None
    observe: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """The banks that make it, in the order in which they were laid over each other."""
        return "/".join(self.banks) or DEFAULT_NAME

    @property
    def delimiter(self) -> str:
        """What parts a user from an extension; empty if nothing does."""
        return EXTENSION_DELIMITER if self.recipient_delimiter is None else self.recipient_delimiter

    @property
    def looks_at_senders(self) -> bool:
        """Whether anything is set for senders; the keys of their addresses take a while to make."""
        return any(one is not None for one in (self.white_senders, self.black_senders, self.sender_scores))

    def under(self, above: "Policy") -> "Policy":
        """Return this policy with another one laid over it: that one is asked first, key by key."""
        return Policy(
            **{one.name: _laid_over(getattr(self, one.name), getattr(above, one.name)) for one in fields(Policy)}
        )


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(above, Mapping):
        shared = {name: below[name].under(above[name]) for name in above if name in below}
        return MappingProxyType({**below, **above, **shared})
    if isinstance(above, tuple):
        return below + above
    if isinstance(above, Lookup) and isinstance(below, Lookup):
        return below.under(above)
    return below if above is None else above
