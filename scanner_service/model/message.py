"""A message as the inspectors see it."""

from dataclasses import dataclass
from typing import Protocol

from verdict_api.envelope import Envelope


class Part(Protocol):
    """A leaf of the MIME tree.

    What costs time is done when it is read: clamd takes the whole message, and reads no part.
    """

    @property
    def path(self) -> str:
        """Where it is in the tree, as ``1.2``."""
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
        """The body after transfer decoding."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """The exact bytes that Courier holds, with their envelope, name and digest."""

    mail_id: str
    envelope: Envelope
    raw: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class DecodedMessage:
    """What decoding made of the bytes; ``over_limits`` says which limit cut it short, None if none did."""

    message_id: str | None
    parts: tuple[Part, ...]
    over_limits: str | None
