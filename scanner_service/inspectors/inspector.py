"""The one interface of all inspectors: look at a message and say what you saw."""

from dataclasses import dataclass
from typing import Protocol

from scanner_service.model.finding import Finding
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamScore
from verdict_api.verdict import AuthenticationResult, InspectorReport


class InspectorUnavailableError(Exception):
    """The check could not be made, for a reason that may pass; that is not the same as clean."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen, how those who looked fared, what the spam engine said, and what others add to its score."""

    findings: tuple[Finding, ...] = ()
    reports: tuple[InspectorReport, ...] = ()
    spam: SpamScore | None = None
    authentication: tuple[AuthenticationResult, ...] = ()
    spam_points: tuple[SpamPoints, ...] = ()

    def joined(self, other: "Inspection") -> "Inspection":
        """Return both as one; at most one of them has asked a spam engine."""
        return Inspection(
            self.findings + other.findings,
            self.reports + other.reports,
            self.spam or other.spam,
            self.authentication + other.authentication,
            self.spam_points + other.spam_points,
        )


class WaitsForNothing:
    """The mark of an inspector that waits for no answer, thread or time: it is run in place, without a task."""


class Inspector(Protocol):
    """Decides nothing, changes nothing."""

    @property
    def needs_parts(self) -> bool:
        """Whether it waits for the decoded message; the others start as soon as the bytes are there."""
        ...

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """Look, at most until a time of the event loop; never raises for what a message holds."""
        ...
