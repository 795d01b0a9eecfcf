"""The order in which inspectors run, and what becomes of what they saw."""

import asyncio
from dataclasses import dataclass, field

import pytest

from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.run_all import run_inspectors
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message
from tests.scanner_service.messages import CLEAN, decoded, message_of

DECODED = decoded(CLEAN)


@dataclass(eq=False)
class LoggingInspector:
    """Notes when it starts and ends; looks for as long as told."""

    name: str
    needs_parts: bool
    journal: list[str]
    seconds: float = 0
    seen: list[DecodedMessage | None] = field(default_factory=list)

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        self.journal.append(f"{self.name} starts")
        self.seen.append(decoded)
        await asyncio.sleep(self.seconds)
        self.journal.append(f"{self.name} ends")
        return Inspection((Finding(ContentCategory.SPAMMY, self.name, "seen"),))


class BrokenInspector:
    """Has a bug."""

    needs_parts = False

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        raise ZeroDivisionError


def run(
    inspectors: list[LoggingInspector | BrokenInspector], journal: list[str]
) -> tuple[DecodedMessage, Inspection]:
    async def decode() -> DecodedMessage:
        journal.append("decoding starts")
        await asyncio.sleep(0.05)
        journal.append("decoding ends")
        return DECODED

    return asyncio.run(run_inspectors(inspectors, message_of(CLEAN), decode, until=0))


def test_who_needs_no_parts_starts_before_decoding_and_the_others_after_it() -> None:
    journal: list[str] = []
    whole = LoggingInspector("whole", needs_parts=False, journal=journal, seconds=0.1)
    parts = LoggingInspector("parts", needs_parts=True, journal=journal)

    run([parts, whole], journal)

    assert journal == [
        "whole starts",
        "decoding starts",
        "decoding ends",
        "parts starts",
        "parts ends",
        "whole ends",
    ]
    assert whole.seen == [None]
    assert parts.seen == [DECODED]


def test_findings_come_in_the_order_of_the_inspectors() -> None:
    journal: list[str] = []
    slow = LoggingInspector("slow", needs_parts=True, journal=journal, seconds=0.1)
    quick = LoggingInspector("quick", needs_parts=False, journal=journal)

    decoded_message, inspection = run([slow, quick], journal)

    assert decoded_message is DECODED
    assert [finding.inspector for finding in inspection.findings] == ["slow", "quick"]


def test_a_bug_in_one_ends_the_others_and_is_not_hidden() -> None:
    journal: list[str] = []
    slow = LoggingInspector("slow", needs_parts=False, journal=journal, seconds=60)

    with pytest.raises(ExceptionGroup) as raised:
        run([slow, BrokenInspector()], journal)

    assert raised.group_contains(ZeroDivisionError)
    assert "slow ends" not in journal
