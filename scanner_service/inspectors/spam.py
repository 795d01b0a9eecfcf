"""Ask a spam engine for its score. Nobody's mail waits for it: with the engine down it is delivered untagged."""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol

from scanner_service.clients.rspamd import RspamdClient, RspamdUnavailableError
from scanner_service.clients.spamd import SpamdClient, SpamdUnavailableError
from scanner_service.inspectors.inspector import Inspection
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import InspectorReport, InspectorStatus, SpamReport

NAME = "spam"


class SpamEngineUnavailableError(Exception):
    """The engine did not score; it may later."""


@dataclass(frozen=True, slots=True)
class SpamScore:
    """What an engine says: its points and tests, and which category that is, None if it is no spam.

    ``try_later``: the engine asks to refuse the message for now.
    """

    report: SpamReport
    category: ContentCategory | None
    try_later: bool = False


class SpamEngine(Protocol):
    """Scores a message."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    async def score(self, message: Message) -> SpamScore:
        """Return the score.

        Raises:
            SpamEngineUnavailableError: see there.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpamLevels:
    """From which score on a message is spammy (tagged), and from which it is spam."""

    tag2: float = 5.0
    kill: float = 12.0

    def category_of(self, score: float) -> ContentCategory | None:
        """Return what a score means, None if nothing."""
        if score >= self.kill:
            return ContentCategory.SPAM
        return ContentCategory.SPAMMY if score >= self.tag2 else None


@dataclass(frozen=True, slots=True)
class SpamdEngine:
    """SpamAssassin; of a large message it gets the beginning, as it takes seconds for a megabyte."""

    client: SpamdClient
    levels: SpamLevels
    max_bytes: int
    name: str = "spamd"

    async def score(self, message: Message) -> SpamScore:
        """See SpamEngine."""
        try:
            told = await self.client.score(message.raw[: self.max_bytes])
        except SpamdUnavailableError as error:
            raise SpamEngineUnavailableError(str(error)) from error
        return SpamScore(SpamReport(told.score, told.tests), self.levels.category_of(told.score))


@dataclass(frozen=True, slots=True)
class RspamdEngine:
    """Rspamd; its scale is its own, so its action decides, not our levels."""

    client: RspamdClient
    name: str = "rspamd"

    async def score(self, message: Message) -> SpamScore:
        """See SpamEngine."""
        try:
            told = await self.client.score(message.raw, message.envelope)
        except RspamdUnavailableError as error:
            raise SpamEngineUnavailableError(str(error)) from error
        category = {
            "reject": ContentCategory.SPAM,
            "add header": ContentCategory.SPAMMY,
            "rewrite subject": ContentCategory.SPAMMY,
        }.get(told.action)
        return SpamScore(SpamReport(told.score, told.tests), category, told.action == "soft reject")


class SpamInspector:
    """See Inspector; it needs no parts, so it runs beside decoding."""

    needs_parts = False

    def __init__(self, engine: SpamEngine, limit_seconds: float) -> None:
        self._engine = engine
        self._limit_seconds = limit_seconds

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        del decoded
        started = time.perf_counter()
        score, reason = None, None
        end = min(until, asyncio.get_running_loop().time() + self._limit_seconds)
        try:
            async with asyncio.timeout_at(end):
                score = await self._engine.score(message)
        except SpamEngineUnavailableError as error:
            reason = str(error)
        except TimeoutError:
            reason = f"no answer in {self._limit_seconds:g} s"
        findings = () if score is None else tuple(self._findings(score))
        if score is None:
            status = InspectorStatus.NOT_DONE
        else:
            status = InspectorStatus.HIT if findings else InspectorStatus.CLEAN
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        report = InspectorReport(self._engine.name, False, status, reason, None, milliseconds)
        return Inspection(findings, (report,), SpamReport() if score is None else score.report)

    def _findings(self, score: SpamScore) -> list[Finding]:
        name = f"score {score.report.score:g}"
        if score.try_later:
            return [
                Finding(
                    ContentCategory.UNCHECKED,
                    self._engine.name,
                    "not done",
                    SubCategory.NOT_DONE,
                    detail=f"{self._engine.name} asks to try later, {name}",
                )
            ]
        return [] if score.category is None else [Finding(score.category, self._engine.name, name)]
