"""The one interface of all inspectors: look at a message and say what you saw."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamScore
from verdict_api.verdict import AuthenticationResult, InspectorReport, InspectorStatus


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen, how those who looked fared, what the spam engine said, and what others add to its score."""

    findings: tuple[Finding, ...] = ()
    reports: tuple[InspectorReport, ...] = ()
    spam: SpamScore | None = None
    authentication: tuple[AuthenticationResult, ...] = ()
    spam_points: tuple[SpamPoints, ...] = ()

    @classmethod
    def joined(cls, ones: Iterable["Inspection"]) -> "Inspection":
        """Return all as one; at most one of them has asked a spam engine."""
        ones = tuple(ones)
        return cls(
            tuple([finding for one in ones for finding in one.findings]),
            tuple([report for one in ones for report in one.reports]),
            next((one.spam for one in ones if one.spam is not None), None),
            tuple([result for one in ones for result in one.authentication]),
            tuple([points for one in ones for points in one.spam_points]),
        )


class WaitsForNothing:
    """The mark of an inspector that waits for no answer, thread or time: it is run in place, without a task."""

    def waits_for(self, decoded: DecodedMessage) -> bool:
        """Tell whether it waits for something after all, with this message."""
        del decoded
        return False


class ForeignInspector(Protocol):
    """What others may write. Decides nothing, changes nothing."""

    @property
    def needs_parts(self) -> bool:
        """Whether it waits for the decoded message; the others start as soon as the bytes are there."""
        ...

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """Look, at most until a time of the event loop; never raises for what a message holds."""
        ...


class Inspector(ForeignInspector, Protocol):
    """One of ours."""

    @property
    def checks(self) -> ContentCategory | None:
        """What it looks for, if that is one category: where no recipient wants that looked for, it is not asked."""
        ...


def status_of(seen: object, reason: str | None = None) -> InspectorStatus:
    """Return how a look ended: not done if there is a reason why, else by whether anything was seen."""
    if reason is not None:
        return InspectorStatus.NOT_DONE
    return InspectorStatus.HIT if seen else InspectorStatus.CLEAN


def milliseconds_since(started: float) -> float:
    """Return the time since a time of ``time.perf_counter``, as reports have it."""
    return round((time.perf_counter() - started) * 1000, 1)
