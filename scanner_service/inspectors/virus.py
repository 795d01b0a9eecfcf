"""Look for viruses with all engines at once.

Done when one engine that protects has finished; the demo engine counts only where there is no other. With none
left it waits for one to come back: a clamd that loads new signatures is away for half a minute, and a storm of
4xx would follow. A message that is too big for one engine is for the others to look at; too big for all, it is a
finding at once, for no wait makes it smaller.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from scanner_service.inspectors.engine import EngineUnavailableError, TooBigForEngineError, VirusEngine
from scanner_service.inspectors.engine_rest import FAILURES_BEFORE_REST, EngineRest
from scanner_service.inspectors.inspector import Inspection, milliseconds_since, status_of
from scanner_service.inspectors.virus_spam_scores import VirusSpamScore, points_for
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import InspectorReport

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Look:
    """How one engine fared with one message; ``reason`` is None if it looked."""

    engine: VirusEngine
    findings: tuple[Finding, ...]
    reason: str | None
    milliseconds: float
    is_too_big: bool = False


class VirusInspector:
    """Asks all primary engines at once, the backup ones where no primary looked; see Inspector."""

    def __init__(
        self,
        engines: Sequence[VirusEngine],
        engine_wait_seconds: float,
        *,
        backups: Sequence[VirusEngine] = (),
        engine_seconds: float = 30.0,
        spam_scores: Sequence[VirusSpamScore] = (),
    ) -> None:
        self._engines = tuple(engines)
        self._backups = tuple(backups)
        everyone = self._engines + self._backups
        self._protecting = tuple(one for one in everyone if not one.is_demo) or everyone
        self._wait_seconds = engine_wait_seconds
        self._engine_seconds = engine_seconds if len(self._protecting) > 1 else math.inf
        self._spam_scores = tuple(spam_scores)
        self._rest = EngineRest()

    checks = ContentCategory.VIRUS

    @property
    def needs_parts(self) -> bool:
        """One engine that needs parts makes all wait for them: decoding takes less than asking clamd."""
        return any(engine.needs_parts for engine in self._engines + self._backups)

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        looks = await self._look(self._engines, message, decoded, until)
        if self._backups and not self._is_done(looks):
            looks += await self._look(self._backups, message, decoded, until)
        wait_until = min(until, asyncio.get_running_loop().time() + self._wait_seconds)
        pause = FIRST_PAUSE_SECONDS
        while (missing := self._worth_asking_again(looks)) and asyncio.get_running_loop().time() + pause < wait_until:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            again = await self._look(missing, message, decoded, until)
            looks = [look for look in looks if look.engine not in missing] + again
        return self._report(looks)

    async def _look(
        self, engines: Sequence[VirusEngine], message: Message, decoded: DecodedMessage | None, until: float
    ) -> list[_Look]:
        now = asyncio.get_running_loop().time()
        resting = [one for one in engines if self._rest.rests(one.name, now)]
        if not any(one in self._protecting and one not in resting for one in engines):
            resting = []  # somebody has to look
        asked = [one for one in engines if one not in resting]
        end = min(until, now + self._engine_seconds)
        if len(asked) == 1:
            looks = [await _ask(asked[0], message, decoded, end)]
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_ask(one, message, decoded, end)) for one in asked]
            looks = [task.result() for task in tasks]
        for look in looks:
            if look.reason is None:
                self._rest.succeeded(look.engine.name)
            elif not look.is_too_big:
                self._rest.failed(look.engine.name, asyncio.get_running_loop().time())
        why = f"rests, as it failed {FAILURES_BEFORE_REST} times"
        return looks + [_Look(one, (), f"{one.name}: {why}", 0.0) for one in resting]

    def _is_done(self, looks: Sequence[_Look]) -> bool:
        return any(look.reason is None for look in looks if look.engine in self._protecting)

    def _worth_asking_again(self, looks: Sequence[_Look]) -> tuple[VirusEngine, ...]:
        """Return who may look yet; nobody once one that protects has looked."""
        if self._is_done(looks):
            return ()
        too_small = [look.engine for look in looks if look.is_too_big]
        return tuple(one for one in self._protecting if one not in too_small)

    def _report(self, looks: Sequence[_Look]) -> Inspection:
        done = self._is_done(looks)
        points = {look.engine.name: points_for(look.findings, self._spam_scores) for look in looks}
        findings = [finding for look in looks if points[look.engine.name] is None for finding in look.findings]
        if not done:
            findings.append(self._unchecked(looks))
        reports = tuple(
            InspectorReport(
                name=look.engine.name,
                required=look.engine in self._protecting and (look.reason is None or not done),
                status=status_of(look.findings, look.reason),
                reason=look.reason,
                version=look.engine.version,
                milliseconds=look.milliseconds,
            )
            for look in looks
        )
        spam_points = tuple(one for one in points.values() if one is not None)
        return Inspection(tuple(findings), reports, spam_points=spam_points)

    def _unchecked(self, looks: Sequence[_Look]) -> Finding:
        reasons = "; ".join(look.reason for look in looks if look.reason)
        name, kind = "not done", SubCategory.NOT_DONE
        if not self._worth_asking_again(looks):
            name, kind = "too big for engine", SubCategory.TOO_BIG_FOR_ENGINE
        return Finding(ContentCategory.UNCHECKED, "virus", name, kind, detail=reasons, check=ContentCategory.VIRUS)


async def _ask(engine: VirusEngine, message: Message, decoded: DecodedMessage | None, until: float) -> _Look:
    started = time.perf_counter()
    findings: tuple[Finding, ...] = ()
    reason = None
    is_too_big = False
    try:
        async with asyncio.timeout_at(until):
            findings = await engine.scan(message, decoded)
    except (EngineUnavailableError, TooBigForEngineError) as error:
        reason = str(error)
        is_too_big = isinstance(error, TooBigForEngineError)
    except TimeoutError:
        reason = f"{engine.name}: no answer in {time.perf_counter() - started:.1f} s"
    return _Look(engine, findings, reason, milliseconds_since(started), is_too_big)
