"""The order in which inspectors run, and what becomes of what they saw."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import uvloop

from scanner_service.inspectors.inspector import Inspection, WaitsForNothing
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


class InspectorInPlace(WaitsForNothing):
    """Notes in which task it ran, and what it was given."""

    def __init__(self, *, needs_parts: bool) -> None:
        self.needs_parts = needs_parts
        self.seen: list[tuple[object, DecodedMessage | None]] = []

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        self.seen.append((asyncio.current_task(), decoded))
        return Inspection()


class WaitingForThisOne(InspectorInPlace):
    """Waits after all, for each message."""

    def waits_for(self, decoded: DecodedMessage) -> bool:
        return decoded is DECODED


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


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_short_message_is_on_its_way_to_an_engine_before_it_is_decoded(loop: Callable[..., object]) -> None:
    journal: list[str] = []
    engine = LoggingInspector("engine", needs_parts=False, journal=journal, seconds=0.01)

    async def decode() -> DecodedMessage:
        journal.append("decoding")
        return DECODED

    loop(run_inspectors([engine], message_of(CLEAN), decode, until=0))

    assert journal == ["engine starts", "decoding", "engine ends"]


def test_who_waits_for_nothing_has_no_task_and_sees_parts_only_if_it_needs_them() -> None:
    ones = [InspectorInPlace(needs_parts=True), InspectorInPlace(needs_parts=False)]

    async def decode() -> DecodedMessage:
        return DECODED

    async def run() -> asyncio.Task[None] | None:
        await run_inspectors(ones, message_of(CLEAN), decode, until=0)
        return asyncio.current_task()

    task = asyncio.run(run())

    assert [one.seen for one in ones] == [[(task, DECODED)], [(task, None)]]


def test_who_waits_for_this_message_after_all_has_a_task() -> None:
    one = WaitingForThisOne(needs_parts=True)

    async def decode() -> DecodedMessage:
        return DECODED

    async def run() -> asyncio.Task[None] | None:
        await run_inspectors([one], message_of(CLEAN), decode, until=0)
        return asyncio.current_task()

    task = asyncio.run(run())

    ((inspecting, decoded),) = one.seen
    assert inspecting is not task
    assert decoded is DECODED


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
