"""A message as the inspectors see it."""

from dataclasses import dataclass

from verdict_api.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree: its path (``1.2``), its declared type, its body after transfer decoding."""

    path: str
    content_type: str
    body: bytes


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
