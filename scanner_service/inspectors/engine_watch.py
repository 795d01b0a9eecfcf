"""Watch the engines: learn what is wrong with them, and say so in the log at once and every hour."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from scanner_service.inspectors.engine import WARNINGS, Protection, VirusEngine, has_old_signatures, protection_of

REFRESH_SECONDS = 10
REMINDER_SECONDS = 3600.0
LOOK_SECONDS = 1.0


@dataclass(slots=True)
class Reminders:
    """Which troubles were told, and when: each is told at once when it comes or changes, and again every hour."""

    _told: dict[str, tuple[str, float]] = field(default_factory=dict)

    def due(self, what: str, problem: str, now: float) -> bool:
        """Tell whether to speak of a problem now, which then counts as told; times are in seconds."""
        told, at = self._told.get(what, ("", 0.0))
        if told == problem and now < at + REMINDER_SECONDS:
            return False
        self._told[what] = (problem, now)
        return True

    def is_over(self, what: str) -> bool:
        """Tell whether it was told and has ended now; the next time it is new."""
        return self._told.pop(what, None) is not None


class Scorer(Protocol):
    """A spam engine, which keeps itself fresh."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it gives no score; None if it does."""
        ...


class EngineWatch:
    """The engines of one process. ``oldest_days``: the age of signatures that is still well; 0 for any."""

    def __init__(self, engines: Sequence[VirusEngine], oldest_days: int, scorer: Scorer | None = None) -> None:
        self._engines = tuple(engines)
        self._oldest_days = oldest_days
        self._scorer = scorer
        self._reminders = Reminders()

    async def run(self) -> None:
        """Watch until cancelled. Nothing is said before every engine was asked once."""
        async with asyncio.TaskGroup() as group:
            for engine in self._engines:
                group.create_task(engine.refresh())
        async with asyncio.TaskGroup() as group:
            for engine in self._engines:
                group.create_task(_keep_fresh(engine))
            group.create_task(self._keep_telling())

    async def _keep_telling(self) -> None:
        while True:
            self.tell(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_SECONDS)

    def tell(self, now: float) -> None:
        """Log what has changed, and what is due again."""
        self._tell_protection(now)
        for engine in self._engines:
            self._tell_problem(engine, now)
            self._tell_age(engine, now)
        if self._scorer is not None:
            self._tell_scorer(self._scorer, now)

    def _tell_protection(self, now: float) -> None:
        protection = protection_of(self._engines)
        if protection is Protection.REAL:
            if self._reminders.is_over("engines"):
                structlog.get_logger().info("engines", now=protection.value)
        elif self._reminders.due("engines", protection, now):
            event = "demo" if protection is Protection.DEMO else "engines"
            structlog.get_logger().warning(event, problem=WARNINGS[protection])

    def _tell_problem(self, engine: VirusEngine, now: float) -> None:
        what = f"engine {engine.name}"
        if engine.problem is None:
            if self._reminders.is_over(what):
                structlog.get_logger().info("engine", engine=engine.name, now=engine.version or "well")
        elif self._reminders.due(what, engine.problem, now):
            structlog.get_logger().warning("engine", engine=engine.name, problem=engine.problem)

    def _tell_scorer(self, scorer: Scorer, now: float) -> None:
        """Tell that it is away, not each new reason: that changes with every message that waits in vain."""
        what = f"engine {scorer.name}"
        if scorer.problem is None:
            if self._reminders.is_over(what):
                structlog.get_logger().info("engine", engine=scorer.name, now="well")
        elif self._reminders.due(what, "away", now):
            problem = f"mail passes without a score: {scorer.problem}"
            structlog.get_logger().warning("engine", engine=scorer.name, problem=problem)

    def _tell_age(self, engine: VirusEngine, now: float) -> None:
        what, days = f"signatures {engine.name}", engine.signature_days
        if not has_old_signatures(engine, self._oldest_days):
            self._reminders.is_over(what)
        elif self._reminders.due(what, str(days), now):
            problem = f"the signatures are {days} days old: look at freshclam and its log"
            structlog.get_logger().warning("signatures", engine=engine.name, days=days, problem=problem)


async def _keep_fresh(engine: VirusEngine) -> None:
    """Ask an engine that is well every ten seconds, one that has a problem every second."""
    while True:
        for _ in range(REFRESH_SECONDS):
            await asyncio.sleep(LOOK_SECONDS)
            if engine.problem is not None:
                break
        await engine.refresh()
