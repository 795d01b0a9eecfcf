"""What an inspector saw, in one content category."""

import functools
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self

from scanner_service.model.message import Part

# Of a message: below, the digests for all its findings take a millisecond, and are made on the event loop.
DIGEST_INLINE_BELOW_BYTES = 2**20


class ContentCategory(IntEnum):
    """The kinds of trouble, in rising importance: the highest one whose destiny is not pass decides."""

    CLEAN = 1
    OVERSIZED = 2
    BAD_HEADER = 3
    SPAMMY = 4
    SPAM = 5
    UNCHECKED = 6
    BANNED = 7
    VIRUS = 8

    @property
    def word(self) -> str:
        """The category as settings, verdicts and logs spell it."""
        return _WORDS[self]


# By value: each judging asks for a word a dozen times, and making it takes longer than looking something up by it.
_WORDS = ("", *(category.name.lower() for category in ContentCategory))


class SubCategory(StrEnum):
    """What kind of bad header it is, why a message or a part of it is unchecked, or how spammy it is."""

    MIME = "mime"
    EIGHT_BIT = "8bit"
    CONTROL = "control"
    SPACE = "space"
    LONG = "long"
    SYNTAX = "syntax"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    AMBIGUOUS = "ambiguous"
    ENCRYPTED = "encrypted"
    NOT_DONE = "not_done"
    OVER_LIMITS = "over_limits"
    TOO_BIG_FOR_ENGINE = "too_big_for_engine"
    UNDECODABLE = "undecodable"
    TAG3 = "tag3"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen by one inspector; ``part`` is the path of the part, None for the message as a whole.

    ``rule`` names the set and the rule that it broke, if it was one. ``hides``: the ambiguity that was found keeps an
    executable or an archive from some who look. ``sha256`` is of the decoded part, in hexadecimal, where it is known.
    ``check`` of what could not be looked at is the category that was looked for. ``observed``: the rule is
    on trial, and only wants to be told of.
    """

    category: ContentCategory
    inspector: str
    name: str
    sub_category: SubCategory | None = None
    part: str | None = None
    detail: str = ""
    hides: bool = False
    rule: str = ""
    sha256: str = ""
    check: ContentCategory | None = None
    observed: bool = False

    @classmethod
    def of_part(
        cls,
        part: Part,
        category: ContentCategory,
        inspector: str,
        name: str,
        sub_category: SubCategory | None = None,
        *,
        detail: str = "",
        rule: str = "",
    ) -> Self:
        """Return what was seen in a part, with the part's path and its digest, which takes 1 ms a megabyte."""
        return cls(
            category, inspector, name, sub_category, part=part.path, detail=detail, rule=rule, sha256=part.sha256
        )

    @property
    def full_category(self) -> str:
        """The category with its sub-category, as ``unchecked.not_done``."""
        return _full_category(self.category, self.sub_category)


@functools.cache
def _full_category(category: ContentCategory, sub_category: SubCategory | None) -> str:
    return f"{category.word}.{sub_category}" if sub_category else category.word
