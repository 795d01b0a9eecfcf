"""What a scanner is asked, what it answers, and in which ways there can be no answer."""

import secrets
from dataclasses import dataclass, field

from shim.spool import SpoolFile
from verdict_api.envelope import Envelope
from verdict_api.verdict import Decision


@dataclass(frozen=True, slots=True)
class Question:
    """One message to be judged until ``deadline``, a time of the event loop; its key goes with every try."""

    envelope: Envelope
    message: SpoolFile
    deadline: float
    idempotency_key: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, as far as the mail host needs it, and the scanner that gave it."""

    verdict: Decision
    scanner: str


class ScannerUnavailableError(Exception):
    """No scanner gave a verdict in time; the mail must be sent again later."""


class MessageTooBigError(Exception):
    """The scanner does not take messages of this size (413), now or later."""


class QuestionRefusedError(Exception):
    """The scanner refused our question (4xx): a wrong token, or a bug of ours. Asking again will not help."""


class NotTakenError(Exception):
    """Nobody has worked on the question: no connection, or 429 or 503. ``pause_seconds`` is Retry-After's."""

    def __init__(self, reason: str, pause_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.pause_seconds = pause_seconds


class NotAnsweredError(Exception):
    """The question was taken, and no proper answer came."""
