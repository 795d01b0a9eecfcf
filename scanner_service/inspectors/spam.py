"""Ask a spam engine for its score. Nobody's mail waits for it: with the engine down it is delivered untagged."""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Protocol

from scanner_service.clients.rspamd import RspamdClient, RspamdScore, RspamdTooBigError, RspamdUnavailableError
from scanner_service.clients.spamd import SpamdClient, SpamdUnavailableError
from scanner_service.inspectors.engine_rest import FAILURES_BEFORE_REST, EngineRest
from scanner_service.inspectors.inspector import Inspection, milliseconds_since, status_of
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_score import SpamLevels, SpamScore
from verdict_api.verdict import InspectorReport

ANSWER_SECONDS = 5.0  # to the question who it is
REFRESH_SECONDS = 60.0
REFRESH_SECONDS_WHILE_AWAY = 1.0


class SpamEngineUnavailableError(Exception):
    """The engine did not score; it may later."""


class TooBigForSpamEngineError(Exception):
    """The engine takes no message of this size; that says nothing of how it fares."""


@dataclass(frozen=True, slots=True)
class SpamAnswer:
    """What an engine says of a message. ``try_later``: it asks to refuse the message for now."""

    score: SpamScore
    try_later: bool = False


class SpamEngine(Protocol):
    """Scores a message. Wait limits are the caller's."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    async def score(self, message: Message) -> SpamAnswer:
        """Return the score.

        Raises:
            SpamEngineUnavailableError, TooBigForSpamEngineError: see there.
        """
        ...

    async def version(self) -> str:
        """Return what it calls itself.

        Raises:
            SpamEngineUnavailableError: see there.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpamdEngine:
    """SpamAssassin; of a large message it gets the beginning, as it takes seconds for a megabyte."""

    client: SpamdClient
    levels: SpamLevels
    max_bytes: int
    name: str = "spamd"

    async def score(self, message: Message) -> SpamAnswer:
        """See SpamEngine."""
        try:
            told = await self.client.score(message.raw[: self.max_bytes])
        except SpamdUnavailableError as error:
            raise SpamEngineUnavailableError(str(error)) from error
        category = self.levels.category_of(told.score)
        return SpamAnswer(SpamScore(self.name, told.score, told.tests, category, self.levels, self.levels.tag2))

    async def version(self) -> str:
        """See SpamEngine."""
        try:
            return await self.client.version()
        except SpamdUnavailableError as error:
            raise SpamEngineUnavailableError(str(error)) from error


@dataclass(frozen=True, slots=True)
class RspamdEngine:
    """Rspamd; its scale is its own, so its action decides, not our levels.

    ``levels`` are ours, for where it does not say from which score on it tags.
    """

    client: RspamdClient
    levels: SpamLevels
    name: str = "rspamd"

    async def score(self, message: Message) -> SpamAnswer:
        """See SpamEngine."""
        try:
            told = await self.client.score(message.raw, message.envelope)
        except RspamdTooBigError as error:
            raise TooBigForSpamEngineError(str(error)) from error
        except RspamdUnavailableError as error:
            raise SpamEngineUnavailableError(str(error)) from error
        category = {
            "reject": ContentCategory.SPAM,
            "discard": ContentCategory.SPAM,  # what is not delivered is refused: nobody must lose mail unseen
            "quarantine": ContentCategory.SPAM,
            "add header": ContentCategory.SPAMMY,
            "rewrite subject": ContentCategory.SPAMMY,
        }.get(told.action)
        levels = self._levels_of(told)
        required = told.tag_level or told.reject_level or levels.tag2
        score = SpamScore(self.name, told.score, told.tests, category, levels, required, told.fields)
        return SpamAnswer(score, told.action == "soft reject")

    def _levels_of(self, told: RspamdScore) -> SpamLevels:
        return SpamLevels(
            self.levels.tag2 if told.tag_level is None else told.tag_level,
            math.inf if told.reject_level is None else told.reject_level,
        )

    async def version(self) -> str:
        """See SpamEngine."""
        try:
            return await self.client.version()
        except RspamdUnavailableError as error:
            raise SpamEngineUnavailableError(str(error)) from error


class SpamInspector:
    """See Inspector; it needs no parts, so it runs beside decoding.

    ``version`` is what the engine calls itself, None while that is not known. ``problem`` says why it does not score,
    or did not lately; None if it does.
    """

    needs_parts = False
    checks = ContentCategory.SPAM

    def __init__(self, engine: SpamEngine, limit_seconds: float) -> None:
        self.name = engine.name
        self.version: str | None = None
        self.problem: str | None = None
        self._engine = engine
        self._limit_seconds = limit_seconds
        self._rest = EngineRest()

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        del decoded
        started = time.perf_counter()
        told, reason = None, None
        if self._rest.rests(self.name, asyncio.get_running_loop().time()):
            reason = f"rests, as it failed {FAILURES_BEFORE_REST} times: {self.problem}"
        else:
            told, reason = await self._ask(message, until)
        findings = _findings(told)
        report = InspectorReport(
            name=self.name,
            required=False,
            status=status_of(findings or (told and told.score.category), reason),
            reason=reason,
            version=self.version,
            milliseconds=milliseconds_since(started),
        )
        return Inspection(findings, (report,), told.score if told else None)

    async def refresh(self) -> None:
        """Ask the engine who it is; never raises. An engine that answers and scores nothing keeps its problem."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                version = await self._engine.version()
        except SpamEngineUnavailableError as error:
            self.version, self.problem = None, str(error)
        except TimeoutError:
            self.version, self.problem = None, f"no answer in {ANSWER_SECONDS:g} s"
        else:
            if self.version is None:
                self._rest.succeeded(self.name)  # it was away, and mail need not wait for the end of its rest
            self.version = version
            if not self._rest.rests(self.name, asyncio.get_running_loop().time()):
                self.problem = None

    async def watch(self) -> None:
        """Keep what the engine says of itself fresh, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS if self.version else REFRESH_SECONDS_WHILE_AWAY)

    async def _ask(self, message: Message, until: float) -> tuple[SpamAnswer | None, str | None]:
        """Return what the engine says, or why it says nothing."""
        now = asyncio.get_running_loop().time()
        end = min(until, now + self._limit_seconds)
        try:
            async with asyncio.timeout_at(end):
                told = await self._engine.score(message)
        except TooBigForSpamEngineError as error:
            return None, str(error)  # three large messages of a stranger's must not make it rest, for all mail
        except SpamEngineUnavailableError as error:
            return None, self._failed(str(error))
        except TimeoutError:
            return None, self._failed(f"no answer in {end - now:.3g} s")
        self._rest.succeeded(self.name)
        self.problem = None
        return told, None

    def _failed(self, reason: str) -> str:
        self._rest.failed(self.name, asyncio.get_running_loop().time())
        self.problem = reason
        return reason


def _findings(told: SpamAnswer | None) -> tuple[Finding, ...]:
    """Return what the score does not say; what that means is for judge to say."""
    if told is None or not told.try_later:
        return ()
    engine = told.score.engine
    detail = f"{engine} asks to try later, score {told.score.score:g}"
    unchecked, kind = ContentCategory.UNCHECKED, SubCategory.NOT_DONE
    return (Finding(unchecked, engine, "not done", kind, detail=detail, check=ContentCategory.SPAM),)
