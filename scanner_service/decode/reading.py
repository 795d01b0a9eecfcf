"""The places where programs read a message in two ways, and what one reading of it came across.

A message that two programs show differently is an old way past a scanner: it looks at the one tree, the mail program
shows the other. So each such place has a name here; the parser reads it in the way of most programs, and where it
came across one, decode.witness has it read the message again in the other way.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from scanner_service.decode.budget import Budget


class Fork(StrEnum):
    """What is there, in words for the log; the comment says how the first reading takes it, and how the other."""

    TWO_BOUNDARIES = "two boundaries"  # the first | the last (CVE-2024-28054 of amavisd-new was about this one)
    TWO_TYPES = "two content types"  # the first | the last
    TWO_ENCODINGS = "two transfer encodings"  # the first | the last
    NO_FIELD = "a line in a header that is no field"  # passed over | the header ends before it
    BLANK_BEFORE_COLON = "a blank before a colon"  # a field like any other | no field
    BLANK_LINE = "a line of blanks in a header"  # goes on with the field (RFC 5322 §3.2.2) | ends the header
    LONE_CR = "a carriage return alone"  # any byte | a line end
    AFTER_END = "a delimiter after the last one"  # epilogue (RFC 2046 §5.1.1) | one more part
    LONGER_DELIMITER = "a line that begins like a delimiter"  # text | a delimiter, as RFC 2046 §5.1.1 has it
    GUESSED_BOUNDARY = "a multipart without a part"  # one part as it stands | the first line after "--" delimits
    ENCODED_MULTIPART = "a transfer encoding of a whole multipart"  # as it stands (RFC 2045 §6.4) | decoded first
    LOOSE_TYPE = "blanks or comments in a content type"  # as the library reads it | without them (RFC 2045 §5.1)
    LOOSE_ENCODING = "a transfer encoding that is not known"  # as it stands (RFC 2045 §6.4) | the one it sounds like
    AFTER_PADDING = "base64 after its padding"  # ends there | goes on
    FOOTER = "text after base64"  # ends at the padding | goes on
    FOREIGN = "base64 with foreign characters"  # passed over (RFC 2045 §6.8) | ends there


class Defect(StrEnum):
    """What no program can show as it was meant, in words for the log."""

    NO_BOUNDARY = "no boundary that can be read"
    NO_PART = "multipart without a part"
    NO_END = "no end boundary"
    NO_FIELD = "a header line that is no field"
    NUL = "NUL in a header"
    UNKNOWN_ENCODING = "unknown transfer encoding"
    ENCODED_MULTIPART = "an encoded multipart"
    CUT_BASE64 = "base64 cut short"


@dataclass(slots=True)
class Reading:
    """One way through a message: which forks it takes the other way, and what it came across."""

    budget: Budget
    taken: frozenset[Fork] = frozenset()
    forks: set[Fork] = field(default_factory=set)
    defects: dict[Defect, str] = field(default_factory=dict)

    def takes(self, fork: Fork) -> bool:
        """Note that there is one, and tell whether to go the other way."""
        self.forks.add(fork)
        return fork in self.taken

    def note(self, defect: Defect, path: str) -> None:
        """Keep a defect with the path of the first part that has it: one of each kind says enough."""
        self.defects.setdefault(defect, path or "0")
