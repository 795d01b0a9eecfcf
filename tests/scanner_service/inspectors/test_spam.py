"""What a score means, and that nobody's mail waits for a spam engine."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.clients.rspamd import RspamdClient
from scanner_service.clients.spamd import SpamdClient
from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.spam import (
    RspamdEngine,
    SpamdEngine,
    SpamEngine,
    SpamEngineUnavailableError,
    SpamInspector,
    SpamLevels,
    SpamScore,
)
from scanner_service.model.message import Message
from tests.fakes.spam_daemons import Daemon, rspamd_answer, spamd_answer
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import InspectorStatus, SpamReport

ENVELOPE = Envelope("a@example.net", (Recipient("b@example.com"),))
LARGE = b"Subject: x\n\n" + b"x" * 300_000


def message(raw: bytes = LARGE) -> Message:
    return Message("b7kQ2sX9aLmP", ENVELOPE, raw, "")


def spamd_at(path: Path) -> SpamEngine:
    return SpamdEngine(SpamdClient(DaemonAddress(path=str(path))), SpamLevels(), 200_000)


def rspamd_at(path: Path) -> SpamEngine:
    return RspamdEngine(RspamdClient(f"unix:{path}"))


async def inspected(engine: SpamEngine, limit_seconds: float = 5) -> Inspection:
    until = asyncio.get_running_loop().time() + 5
    return await SpamInspector(engine, limit_seconds).inspect(message(), None, until)


@pytest.mark.parametrize(
    ("score", "found"),
    [
        ("-3.0", []),
        ("4.99", []),
        ("5.0", ["spammy"]),
        ("11.99", ["spammy"]),
        ("12.0", ["spam"]),
        ("1001.3", ["spam"]),
    ],
)
def test_spamds_score_is_held_against_our_levels(tmp_path: Path, score: str, found: list[str]) -> None:
    async def run() -> Inspection:
        async with Daemon((spamd_answer(score, "A,B"),)).listening(tmp_path) as path:
            return await inspected(spamd_at(path))

    inspection = asyncio.run(run())

    assert [one.full_category for one in inspection.findings] == found
    assert inspection.spam == SpamReport(float(score), ("A", "B"))
    assert inspection.reports[0].status is (InspectorStatus.HIT if found else InspectorStatus.CLEAN)


def test_spamd_gets_the_beginning_of_a_large_message(tmp_path: Path) -> None:
    daemon = Daemon((spamd_answer("1.0"),))

    async def run() -> None:
        async with daemon.listening(tmp_path) as path:
            await inspected(spamd_at(path))

    asyncio.run(run())

    assert daemon.body == LARGE[:200_000]


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ("no action", []),
        ("greylist", []),
        ("add header", ["spammy"]),
        ("rewrite subject", ["spammy"]),
        ("reject", ["spam"]),
        ("soft reject", ["unchecked.not_done"]),
        ("an action of 2031", []),
    ],
)
def test_rspamds_own_action_decides(tmp_path: Path, action: str, found: list[str]) -> None:
    body = f'{{"score": 13.0, "action": "{action}", "symbols": {{"A": {{"score": 13}}}}}}'.encode()

    async def run() -> Inspection:
        async with Daemon((rspamd_answer(body),)).listening(tmp_path) as path:
            return await inspected(rspamd_at(path))

    inspection = asyncio.run(run())

    assert [one.full_category for one in inspection.findings] == found
    assert inspection.spam == SpamReport(13.0, ("A",))


@dataclass(frozen=True)
class Absent:
    name: str = "absent"

    async def score(self, message: Message) -> SpamScore:
        raise SpamEngineUnavailableError("nobody there")


@dataclass(frozen=True)
class Silent:
    name: str = "silent"

    async def score(self, message: Message) -> SpamScore:
        await asyncio.sleep(60)
        raise AssertionError


@pytest.mark.parametrize(("engine", "reason"), [(Absent(), "nobody there"), (Silent(), "no answer in 0.1 s")])
def test_an_engine_that_does_not_score_holds_nothing_up(engine: SpamEngine, reason: str) -> None:
    inspection = asyncio.run(inspected(engine, limit_seconds=0.1))

    (report,) = inspection.reports
    assert inspection.findings == ()
    assert inspection.spam == SpamReport()
    assert (report.name, report.required, report.status) == (engine.name, False, InspectorStatus.NOT_DONE)
    assert report.reason == reason
