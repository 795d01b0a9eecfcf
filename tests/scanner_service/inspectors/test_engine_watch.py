"""What the log says of the virus engines, and when."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest
import structlog.testing

from scanner_service.inspectors.engine_watch import REMINDER_SECONDS, EngineWatch
from scanner_service.inspectors.yara import YaraEngine
from scanner_service.model.finding import Finding
from scanner_service.model.message import DecodedMessage, Message


@dataclass(slots=True)
class ToldEngine:
    """An engine whose state the test sets; it learns what comes next when it is refreshed."""

    name: str = "clamd"
    problem: str | None = None
    signature_days: int | None = None
    next_problems: list[str | None] = field(default_factory=list)
    is_demo: bool = False
    needs_parts: bool = False
    version: str | None = "ClamAV 1.4.6"

    @property
    def protects(self) -> bool:
        return self.problem is None

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        raise NotImplementedError

    async def refresh(self) -> None:
        if self.next_problems:
            self.problem = self.next_problems.pop(0)


def told(watch: EngineWatch, now: float) -> list[tuple[str, str]]:
    """Return level and event of each line that is written at this time."""
    with structlog.testing.capture_logs() as lines:
        watch.tell(now)
    return [(line["log_level"], line["event"]) for line in lines]


NONE_PROTECTS = ("warning", "engines")
HAS_A_PROBLEM = ("warning", "engine")


def test_an_engine_that_is_well_is_not_spoken_of() -> None:
    watch = EngineWatch([ToldEngine()], 3)

    assert [told(watch, now) for now in (0, 1, REMINDER_SECONDS)] == [[], [], []]


def test_a_spam_engine_that_is_away_is_told_once_whatever_the_reason_and_its_end_too() -> None:
    spamd = ToldEngine("spamd")
    watch = EngineWatch([ToldEngine()], 3, spamd)

    lines = []
    for now, problem in [
        (0, None),
        (1, "no answer in 5 s"),
        (2, "no answer in 6 s"),
        (3600, "no answer in 6 s"),
        (3602, "x"),
        (3603, None),
    ]:
        spamd.problem = problem
        lines.append(told(watch, now))

    assert lines == [[], [HAS_A_PROBLEM], [], [], [HAS_A_PROBLEM], [("info", "engine")]]


def test_a_problem_is_told_at_once_and_every_hour_and_its_end_too() -> None:
    engine = ToldEngine(problem="away")
    watch = EngineWatch([engine], 3)

    at_first = [told(watch, now) for now in (0, 1, REMINDER_SECONDS - 1)]
    after_an_hour = [told(watch, REMINDER_SECONDS + now) for now in (0, 1)]
    engine.problem = None
    at_its_end = [told(watch, REMINDER_SECONDS + now) for now in (2, 3)]
    engine.problem = "away"
    once_more = told(watch, REMINDER_SECONDS + 4)

    assert at_first == [[NONE_PROTECTS, HAS_A_PROBLEM], [], []]
    assert after_an_hour == [[NONE_PROTECTS, HAS_A_PROBLEM], []]
    assert at_its_end == [[("info", "engines"), ("info", "engine")], []]
    assert once_more == [NONE_PROTECTS, HAS_A_PROBLEM]


def test_another_problem_is_told_at_once() -> None:
    engine = ToldEngine(problem="away")
    watch = EngineWatch([engine], 3)
    told(watch, 0)
    engine.problem = "finds nothing"

    assert told(watch, 1) == [HAS_A_PROBLEM]


def test_an_engine_away_beside_one_that_protects_is_told_for_itself() -> None:
    watch = EngineWatch([ToldEngine(), ToldEngine("clamd-2", problem="away")], 3)

    with structlog.testing.capture_logs() as lines:
        watch.tell(0)

    assert lines == [{"event": "engine", "engine": "clamd-2", "problem": "away", "log_level": "warning"}]


def test_a_demo_engine_alone_is_warned_of_every_hour() -> None:
    watch = EngineWatch([YaraEngine("yara")], 3)

    assert [told(watch, now) for now in (0, 1, REMINDER_SECONDS)] == [
        [("warning", "demo")],
        [],
        [("warning", "demo")],
    ]


@pytest.mark.parametrize(
    ("days", "oldest", "expected"),
    [
        (3, 3, []),
        (4, 3, [("warning", "signatures")]),
        (4, 0, []),
        (None, 3, []),
    ],
    ids=["young enough", "too old", "any age is well", "not known"],
)
def test_old_signatures_are_told(days: int | None, oldest: int, expected: list[tuple[str, str]]) -> None:
    engine = ToldEngine(signature_days=days)
    watch = EngineWatch([engine], oldest)

    assert [told(watch, now) for now in (0, 1, REMINDER_SECONDS)] == [expected, [], expected]
    assert engine.protects


def test_it_asks_each_engine_before_it_speaks_and_one_with_a_problem_again_soon() -> None:
    engine = ToldEngine(problem="not asked yet", next_problems=["away", None])

    async def watch_for_a_while() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.6):
                await EngineWatch([engine], 3).run()

    with structlog.testing.capture_logs() as lines:
        asyncio.run(watch_for_a_while())

    assert [(line["event"], line.get("problem"), line.get("now")) for line in lines if line["event"] == "engine"] == [
        ("engine", "away", None),
        ("engine", None, "ClamAV 1.4.6"),
    ]
