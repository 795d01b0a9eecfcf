"""What a score means, and that nobody's mail waits for a spam engine."""

import asyncio
import contextlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.clients.rspamd import RspamdClient
from scanner_service.clients.spamd import SpamdClient
from scanner_service.inspectors.engine_rest import FAILURES_BEFORE_REST, REST_SECONDS
from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.spam import (
    RspamdEngine,
    SpamAnswer,
    SpamdEngine,
    SpamEngine,
    SpamEngineUnavailableError,
    SpamInspector,
)
from scanner_service.judge.spam_level import weigh_spam
from scanner_service.model.message import Message
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.fakes.spam_daemons import Daemon, rspamd_answer, spamd_answer
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import InspectorStatus

ENVELOPE = Envelope("a@example.net", (Recipient("b@example.com"),))
LARGE = b"Subject: x\n\n" + b"x" * 300_000


def message(raw: bytes = LARGE) -> Message:
    return Message("b7kQ2sX9aLmP", ENVELOPE, raw, "")


def spamd_at(path: Path) -> SpamEngine:
    return SpamdEngine(SpamdClient(DaemonAddress(path=str(path))), SpamLevels(), 200_000)


def rspamd_at(path: Path) -> SpamEngine:
    return RspamdEngine(RspamdClient(f"unix:{path}"), SpamLevels())


async def inspected(engine: SpamEngine, limit_seconds: float = 5) -> Inspection:
    until = asyncio.get_running_loop().time() + 5
    return await SpamInspector(engine, limit_seconds).inspect(message(), None, until)


def found_by(inspection: Inspection) -> list[str]:
    level = weigh_spam(inspection.spam, ())
    of_score = [level.category.word] if level and level.category else []
    return [*(one.full_category for one in inspection.findings), *of_score]


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

    assert found_by(inspection) == found
    assert inspection.spam is not None
    assert (inspection.spam.score, inspection.spam.tests) == (float(score), ("A", "B"))
    assert inspection.spam.required == 5.0
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
        ("discard", ["spam"]),
        ("quarantine", ["spam"]),
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

    assert found_by(inspection) == found
    assert inspection.spam is not None
    assert (inspection.spam.score, inspection.spam.tests) == (13.0, ("A",))
    assert inspection.reports[0].status is (InspectorStatus.HIT if found else InspectorStatus.CLEAN)


NEVER = math.inf


@pytest.mark.parametrize(
    ("told", "levels", "required"),
    [
        ({}, SpamLevels(5.0, NEVER), 5.0),
        ({"required_score": 15}, SpamLevels(5.0, 15), 15),
        ({"required_score": 0}, SpamLevels(5.0, NEVER), 5.0),
        ({"required_score": "15"}, SpamLevels(5.0, NEVER), 5.0),
        ({"required_score": True}, SpamLevels(5.0, NEVER), 5.0),
        ({"required_score": 15, "thresholds": {"reject": 15, "add header": 6, "greylist": 4}}, SpamLevels(6, 15), 6),
        ({"thresholds": {"reject": 20, "rewrite subject": 7, "add header": 8}}, SpamLevels(7, 20), 7),
        ({"required_score": 15, "thresholds": {"add header": 6}}, SpamLevels(6, NEVER), 6),
        ({"thresholds": {"reject": None, "add header": "six"}}, SpamLevels(5.0, NEVER), 5.0),
        ({"thresholds": [1]}, SpamLevels(5.0, NEVER), 5.0),
    ],
)
def test_rspamds_scale_is_the_one_that_it_tells(
    tmp_path: Path, told: dict[str, object], levels: SpamLevels, required: float
) -> None:
    body = json.dumps({"score": 1.0, "action": "no action", **told}).encode()

    async def run() -> Inspection:
        async with Daemon((rspamd_answer(body),)).listening(tmp_path) as path:
            return await inspected(rspamd_at(path))

    score = asyncio.run(run()).spam

    assert score is not None
    assert (score.levels, score.required) == (levels, required)


@dataclass(frozen=True)
class Absent:
    name: str = "absent"

    async def score(self, message: Message) -> SpamAnswer:
        raise SpamEngineUnavailableError("nobody there")

    async def version(self) -> str:
        raise SpamEngineUnavailableError("nobody there")


@dataclass(frozen=True)
class Silent:
    name: str = "silent"

    async def score(self, message: Message) -> SpamAnswer:
        await asyncio.sleep(60)
        raise AssertionError

    async def version(self) -> str:
        return "Silent 1.0"


@dataclass
class Moody:
    """Fails as long as told, and counts how often it was asked."""

    name: str = "moody"
    fails: bool = True
    asked: int = field(default=0)

    async def score(self, message: Message) -> SpamAnswer:
        self.asked += 1
        if self.fails:
            raise SpamEngineUnavailableError("not today")
        return SpamAnswer(SpamScore(self.name, 1.0, (), None, SpamLevels(), 5.0))

    async def version(self) -> str:
        if self.fails:
            raise SpamEngineUnavailableError("not today")
        return "Moody 2.0"


@pytest.mark.parametrize(("engine", "reason"), [(Absent(), "nobody there"), (Silent(), "no answer in 0.1 s")])
def test_an_engine_that_does_not_score_holds_nothing_up(engine: SpamEngine, reason: str) -> None:
    inspection = asyncio.run(inspected(engine, limit_seconds=0.1))

    (report,) = inspection.reports
    assert inspection.findings == ()
    assert inspection.spam is None
    assert (report.name, report.required, report.status) == (engine.name, False, InspectorStatus.NOT_DONE)
    assert report.reason == reason


async def ask_often(inspector: SpamInspector, times: int) -> Inspection:
    """Return what came of the last message."""
    inspection = Inspection()
    for _ in range(times):
        inspection = await inspector.inspect(message(b""), None, asyncio.get_running_loop().time() + 5)
    return inspection


def test_one_that_keeps_failing_is_left_alone_and_the_report_says_so() -> None:
    engine = Moody()

    inspection = asyncio.run(ask_often(SpamInspector(engine, 5), FAILURES_BEFORE_REST + 2))

    (report,) = inspection.reports
    assert engine.asked == FAILURES_BEFORE_REST
    assert report.status is InspectorStatus.NOT_DONE
    assert report.reason == "rests, as it failed 3 times: not today"


def test_messages_that_are_too_big_for_it_make_it_rest_for_nobody(tmp_path: Path) -> None:
    daemon = Daemon((rspamd_answer(b"", "413 Request Entity Too Large"),))

    async def run() -> Inspection:
        async with daemon.listening(tmp_path) as path:
            client = RspamdClient(f"unix:{path}")
            try:
                inspector = SpamInspector(RspamdEngine(client, SpamLevels()), 5)
                await ask_often(inspector, FAILURES_BEFORE_REST)
                daemon.answer = (rspamd_answer(b'{"score": 20, "action": "reject"}'),)
                return await ask_often(inspector, 1)
            finally:
                await client.aclose()

    inspection = asyncio.run(run())

    assert found_by(inspection) == ["spam"]


def test_one_that_hangs_costs_its_time_three_times_and_not_more() -> None:
    inspector = SpamInspector(Silent(), limit_seconds=0.05)

    async def run() -> float:
        started = asyncio.get_running_loop().time()
        await ask_often(inspector, 50)
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(run()) < 2
    assert inspector.problem == "no answer in 0.05 s"


def test_one_success_in_between_begins_the_count_anew() -> None:
    engine = Moody()
    inspector = SpamInspector(engine, 5)

    async def run() -> None:
        for _ in range(5):
            engine.fails = True
            await ask_often(inspector, FAILURES_BEFORE_REST - 1)
            engine.fails = False
            await ask_often(inspector, 1)

    asyncio.run(run())

    assert engine.asked == 5 * FAILURES_BEFORE_REST
    assert inspector.problem is None


def test_after_its_rest_one_message_tries_it() -> None:
    engine = Moody()
    inspector = SpamInspector(engine, 5)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        start, later = loop.time(), 0.0
        loop.time = lambda: start + later  # type: ignore[method-assign]  # the clock is no code of ours
        await ask_often(inspector, FAILURES_BEFORE_REST)
        later = REST_SECONDS + 1
        engine.fails = False
        await ask_often(inspector, 2)

    asyncio.run(run())

    assert engine.asked == FAILURES_BEFORE_REST + 2
    assert inspector.problem is None


def test_what_the_engine_calls_itself_stands_in_the_reports() -> None:
    inspector = SpamInspector(Moody(fails=False), 5)

    async def run() -> Inspection:
        await inspector.refresh()
        return await ask_often(inspector, 1)

    assert asyncio.run(run()).reports[0].version == "Moody 2.0"


def test_an_engine_that_is_away_has_no_version_and_a_problem_until_it_is_back() -> None:
    engine = Moody(fails=False)
    inspector = SpamInspector(engine, 5)

    async def run() -> list[tuple[str | None, str | None]]:
        seen = []
        for fails in (False, True, False):
            engine.fails = fails
            await inspector.refresh()
            seen.append((inspector.version, inspector.problem))
        return seen

    assert asyncio.run(run()) == [("Moody 2.0", None), (None, "not today"), ("Moody 2.0", None)]


def test_an_engine_that_was_away_has_no_rest_to_wait_for() -> None:
    engine = Moody()
    inspector = SpamInspector(engine, 5)

    async def run() -> Inspection:
        await ask_often(inspector, FAILURES_BEFORE_REST)
        await inspector.refresh()
        engine.fails = False
        await inspector.refresh()
        return await ask_often(inspector, 1)

    assert asyncio.run(run()).spam is not None
    assert inspector.problem is None


def test_it_is_watched_until_it_is_back() -> None:
    engine = Moody()
    inspector = SpamInspector(engine, 5)

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.1, setattr, engine, "fails", False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.5):
                await inspector.watch()

    asyncio.run(run())

    assert (inspector.version, inspector.problem) == ("Moody 2.0", None)


def test_an_engine_that_answers_and_scores_nothing_keeps_its_problem() -> None:
    inspector = SpamInspector(Silent(), limit_seconds=0.01)

    async def run() -> None:
        await inspector.refresh()
        await ask_often(inspector, FAILURES_BEFORE_REST)
        await inspector.refresh()

    asyncio.run(run())

    assert (inspector.version, inspector.problem) == ("Silent 1.0", "no answer in 0.01 s")
