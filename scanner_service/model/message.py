"""A message as the inspectors see it."""

from collections.abc import Callable
from dataclasses import dataclass

from verdict_api.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree: its path (``1.2``), its declared type, and how its body is decoded."""

    path: str
    content_type: str
    decode_body: Callable[[], bytes]

    @property
    def body(self) -> bytes:
        """The body after transfer decoding, done when it is read: clamd takes the whole message and reads none."""
        return self.decode_body()


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
