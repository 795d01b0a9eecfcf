"""The one interface of all inspectors: look at a message and say what you saw."""

from dataclasses import dataclass
from typing import Protocol

from scanner_service.model.finding import Finding
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_points import SpamPoints
from verdict_api.verdict import AuthenticationResult, InspectorReport, SpamReport

NOT_SCORED = SpamReport()


class InspectorUnavailableError(Exception):
    """The check could not be made, for a reason that may pass; that is not the same as clean."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen, how those who looked fared, what the spam engine said, and points that others give."""

    findings: tuple[Finding, ...] = ()
    reports: tuple[InspectorReport, ...] = ()
    spam: SpamReport = NOT_SCORED
    authentication: tuple[AuthenticationResult, ...] = ()
    spam_points: tuple[SpamPoints, ...] = ()

    def joined(self, other: "Inspection") -> "Inspection":
        """Return both as one; at most one of them has asked a spam engine."""
        spam = other.spam if self.spam == NOT_SCORED else self.spam
        return Inspection(
            self.findings + other.findings,
            self.reports + other.reports,
            spam,
            self.authentication + other.authentication,
            self.spam_points + other.spam_points,
        )


class Inspector(Protocol):
    """Decides nothing, changes nothing."""

    @property
    def needs_parts(self) -> bool:
        """Whether it waits for the decoded message; the others start as soon as the bytes are there."""
        ...

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """Look, at most until a time of the event loop; never raises for what a message holds."""
        ...
