"""Opens one container of a test, and the harmless files that the tests hide in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scanner_service.decode.budget import Budget, DecodeLimits, OverLimitsError
from scanner_service.decode.formats.content import (
    Content,
    DamagedError,
    EncryptedError,
    NotThisFormatError,
    Opener,
)

CLAMAV_TESTFILES = Path("/usr/share/clamav-testfiles")
DECLARED_ERRORS = (NotThisFormatError, DamagedError, EncryptedError, OverLimitsError)

# A PE header of which nothing can run: it has no sections and no entry point.
PROGRAM = b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0" + b"PE\0\0" + bytes(40)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came out of a container, and what the opener raised in the end; None if it came to the end."""

    contents: tuple[Content, ...]
    error: Exception | None

    @property
    def bodies(self) -> list[bytes]:
        return [content.body for content in self.contents]

    def names_of(self, body: bytes) -> tuple[str, ...]:
        """Return the names under which these bytes came out."""
        return tuple(name for content in self.contents if content.body == body for name in content.names)


def read(opener: Opener, data: bytes, limits: DecodeLimits | None = None) -> Reading:
    """Open it as unpack does: what was yielded stands, and each content counts."""
    budget = Budget.of_message(limits or DecodeLimits(), len(data))
    contents: list[Content] = []
    try:
        for content in opener(data, budget):
            contents.append(content)
            budget.count_part()
    except DECLARED_ERRORS as error:
        return Reading(tuple(contents), error)
    return Reading(tuple(contents), None)


def joined(lines: Iterable[str]) -> bytes:
    """Return a text of these lines."""
    return "\r\n".join((*lines, "")).encode()
