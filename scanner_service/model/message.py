"""A message as the inspectors see it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from verdict_api.envelope import Envelope

_EMPTY_LINE = re.compile(rb"\r?\n")
_HEADER_END = re.compile(rb"\n\r?\n")  # an alternative for the first line would take four times as long


class PartMark(StrEnum):
    """What is to be known of a part beside its names and types."""

    ENCRYPTED = "encrypted"  # it, or what is in it, cannot be read without a password
    UNDECODABLE = "undecodable"  # a container that cannot be opened, or not to its end
    MACROS = "macros"  # a document that brings a program along


class Part(Protocol):
    """A leaf of the MIME tree, or what lay in a container there, at any depth; the container is a part as well.

    What costs time is done when it is read: clamd takes the whole message, and reads no part.
    """

    @property
    def path(self) -> str:
        """Where it is in the tree, as ``1.2`` or ``1.2/report.zip/run.exe``."""
        ...

    @property
    def content_type(self) -> str:
        """Its declared type, or the one that holds where none is declared."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a mail program might read there."""
        ...

    @property
    def types(self) -> tuple[str, ...]:
        """What its bytes are, in short names such as ``exe`` and ``exe-ms``; empty where nothing is known."""
        ...

    @property
    def body(self) -> bytes:
        """The body after transfer decoding; of a large unpacked part only the beginning: see size."""
        ...

    @property
    def size(self) -> int:
        """Its bytes in all."""
        ...

    @property
    def marks(self) -> frozenset[PartMark]:
        """What else is to be known of it."""
        ...

    @property
    def sha256(self) -> str:
        """The digest of all its bytes in hexadecimal; empty where they were not read to their end."""
        ...


@dataclass(frozen=True, slots=True)
class UnpackedPart:
    """A part whose readings are all made, as one that lay in a container; see Part."""

    path: str
    content_type: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    body: bytes
    size: int
    marks: frozenset[PartMark] = frozenset()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """A container with what its members told of it: its types and marks. All else it says itself; see Part."""

    closed: Part
    types: tuple[str, ...]
    marks: frozenset[PartMark]

    @property
    def path(self) -> str:
        """See Part."""
        return self.closed.path

    @property
    def content_type(self) -> str:
        """See Part."""
        return self.closed.content_type

    @property
    def names(self) -> tuple[str, ...]:
        """See Part."""
        return self.closed.names

    @property
    def body(self) -> bytes:
        """See Part."""
        return self.closed.body

    @property
    def size(self) -> int:
        """See Part."""
        return self.closed.size

    @property
    def sha256(self) -> str:
        """See Part."""
        return self.closed.sha256


@dataclass(frozen=True, slots=True)
class Message:
    """The exact bytes that Courier holds, with their envelope, name and digest."""

    mail_id: str
    envelope: Envelope
    raw: bytes
    sha256: str


def header_and_body(raw: bytes, limit_bytes: int) -> tuple[int, int]:
    """Return where the header's last line ends, and where the body begins behind the empty line (RFC 5322 §2.1).

    Without an empty line among the first ``limit_bytes``, those are the header, and there is no body. This is the
    plain reading of a whole message; decode knows where others part it.
    """
    end = _EMPTY_LINE.match(raw, 0, limit_bytes) or _HEADER_END.search(raw, 0, limit_bytes)
    return (end.start(), end.end()) if end else (min(limit_bytes, len(raw)), len(raw))


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Two programs would show something else here: ``part``, which is perhaps in one of the readings only.

    ``hides``: one of them does not show an executable or archive.
    """

    part: Part
    detail: str
    hides: bool = False


@dataclass(frozen=True, slots=True)
class DecodedMessage:
    """What decoding made of the bytes.

    ``over_limits`` says which limit cut it short, None if none did. ``defects`` are what no program can show as it
    was meant, ``ambiguities`` what two programs show differently; the parts of every reading are among the parts.
    ``not_done`` says why decoding could not be finished for a reason that may pass, None if it was.
    """

    message_id: str | None
    parts: tuple[Part, ...]
    over_limits: str | None
    defects: tuple[str, ...] = ()
    ambiguities: tuple[Ambiguity, ...] = ()
    not_done: str | None = None
