"""What lies in a container, and why one could not be opened: the words that all formats share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from scanner_service.decode.budget import Budget, Held


class NotThisFormatError(Exception):
    """The bytes only looked like this format: nothing stands against them."""


class DamagedError(Exception):
    """They are of this format and cannot be read to the end, in words for the log; what was yielded stands."""


class SevenZipError(DamagedError):
    """7-Zip could not look: it is not installed, was stopped, or needs more memory than it may have.

    For whom it is all the same, it is a container that could not be read to the end.
    """


class EncryptedError(Exception):
    """Not even the names in it can be read without a password."""


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that lay in a container.

    ``names`` are candidates as decode.names gives them, ``size`` its bytes in all, ``body`` those of them that
    Budget.hold kept. An encrypted one has no body. ``content_type`` is what the container declares, if anything.
    ``sha256`` is of all the bytes, and empty where they could not be read to their end.
    """

    names: tuple[str, ...]
    body: bytes
    size: int
    content_type: str = ""
    is_encrypted: bool = False
    has_macros: bool = False
    sha256: str = ""

    @classmethod
    def of(cls, names: tuple[str, ...], held: Held, content_type: str = "", *, is_whole: bool = True) -> Self:
        """Return what Budget.hold kept of it; the digest of a piece would be one of nothing that anybody has."""
        return cls(names, held.body, held.size, content_type, sha256=held.sha256 if is_whole else "")


# Yields what is in the bytes, taking bodies through the budget. Raises NotThisFormatError before the first item,
# DamagedError and EncryptedError at any time, and lets OverLimitsError through.
Opener = Callable[[bytes, Budget], Iterator[Content]]
