"""The one interface of all inspectors: look at a message and say what you saw."""

from dataclasses import dataclass
from typing import Protocol

from scanner_service.model.finding import Finding
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import InspectorReport


class InspectorUnavailableError(Exception):
    """The check could not be made, for a reason that may pass; that is not the same as clean."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen, and how those who looked fared."""

    findings: tuple[Finding, ...] = ()
    reports: tuple[InspectorReport, ...] = ()

    def joined(self, other: "Inspection") -> "Inspection":
        """Return both as one."""
        return Inspection(self.findings + other.findings, self.reports + other.reports)


class Inspector(Protocol):
    """Decides nothing, changes nothing."""

    @property
    def needs_parts(self) -> bool:
        """Whether it waits for the decoded message; the others start as soon as the bytes are there."""
        ...

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """Look, at most until a time of the event loop; never raises for what a message holds."""
        ...
