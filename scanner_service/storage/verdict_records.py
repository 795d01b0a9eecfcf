"""The record of each judged message: handed over at once, written in batches by a task of its own.

The database may be slow, away, full, locked or broken: no message waits for it, and none is judged otherwise.
What was not written when the process dies is lost, at most the records of a second while the database is well.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import structlog

MOST_WAITING = 10_000
MOST_WAITING_CHARACTERS = 64 * 2**20  # of the facts of those
MOST_CHARACTERS = 2**20  # of one's facts
BATCH = 500
BATCH_SECONDS = 0.5  # a batch is collected for so long
OPEN_SECONDS = 2.0  # after the start: what the database needs loads when messages can already come
WRITE_SECONDS = 10.0
READ_SECONDS = 10.0
STOP_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30.0
TELL_SECONDS = 60.0
EXPIRE_SECONDS = 3600.0
DAY_SECONDS = 86400.0

_LOG = structlog.get_logger()


class RecordsUnavailableError(Exception):
    """The database is away, slow, full, locked or broken; the message is printable."""


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """One judged message; ``judged_at`` is in Unix seconds, ``facts`` is JSON that only its maker reads."""

    mail_id: str
    judged_at: float
    queue_id: str
    destiny: str
    facts: str


class RecordTable(Protocol):
    """Where records are written; see storage.record_table. Each method raises RecordsUnavailableError."""

    async def write(self, records: Sequence[VerdictRecord], limit_seconds: float) -> None:
        """Write them all or none; one that is there already stays as it is."""
        ...

    async def since(
        self, unix_seconds: float, after: tuple[float, str] | None, limit: int, limit_seconds: float
    ) -> list[VerdictRecord]:
        """Return the next records."""
        ...

    async def get(self, mail_id: str, limit_seconds: float) -> VerdictRecord | None:
        """Return one record, None if there is none."""
        ...

    async def count(self, since: float, until: float, limit_seconds: float) -> int:
        """Return how many messages were judged from a time on and before another."""
        ...

    async def expire(self, before: float, limit_seconds: float) -> None:
        """Remove the records of messages judged before that time."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class VerdictRecords:
    """The records of one process; several may write to the same table.

    ``open_table`` is called in a thread: what it imports takes a while. ``problem`` says why records cannot be
    written now, None if they can; ``lost`` counts those that never will be.
    """

    def __init__(self, open_table: Callable[[], RecordTable], keep_days: int) -> None:
        self._open_table = open_table
        self._keep_days = keep_days
        self._table: RecordTable | None = None
        self._opening = asyncio.Lock()
        self._waiting: deque[VerdictRecord] = deque()
        self._waiting_characters = 0
        self._there_are_some = asyncio.Event()
        self._stopping = asyncio.Event()
        self._told_lost = 0
        self.lost = 0
        self.problem: str | None = None

    @property
    def waiting(self) -> int:
        """How many records are not written yet."""
        return len(self._waiting)

    def add(self, record: VerdictRecord) -> None:
        """Hand over a record. Never waits; with too many waiting already, it is lost and counted."""
        size = len(record.facts)
        too_many = len(self._waiting) >= MOST_WAITING or self._waiting_characters + size > MOST_WAITING_CHARACTERS
        if too_many or size > MOST_CHARACTERS:
            self.lost += 1
            return
        self._waiting.append(record)
        self._waiting_characters += size
        self._there_are_some.set()

    async def since(
        self, unix_seconds: float, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[VerdictRecord]:
        """Return records in the order of (judged_at, mail_id), from a time on.

        ``after`` is that pair of the last record of the page before.

        Raises:
            RecordsUnavailableError: the database does not answer.
        """
        return await (await self._opened()).since(unix_seconds, after, limit, READ_SECONDS)

    async def get(self, mail_id: str) -> VerdictRecord | None:
        """Return the record of a message, None if there is none, or if it is not written yet.

        Raises:
            RecordsUnavailableError: the database does not answer.
        """
        return await (await self._opened()).get(mail_id, READ_SECONDS)

    async def count(self, since: float, until: float) -> int:
        """Return how many messages were judged from a time on and before another, in Unix seconds.

        Raises:
            RecordsUnavailableError: the database does not answer.
        """
        return await (await self._opened()).count(since, until, READ_SECONDS)

    async def expire(self, before: float) -> None:
        """Remove the records of messages judged before that time, in Unix seconds.

        Raises:
            RecordsUnavailableError: the database does not answer.
        """
        await (await self._opened()).expire(before, WRITE_SECONDS)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write until the end of the block, and then what is left, for five seconds at the most."""
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._keep_telling()), group.create_task(self._keep_expiring())]
            writer = group.create_task(self._keep_writing())
            try:
                yield
            finally:
                for task in others:
                    task.cancel()
                self._stopping.set()
                self._there_are_some.set()  # it may still wait for the first one
                await asyncio.wait({writer}, timeout=STOP_SECONDS)
                writer.cancel()
        self.lost += len(self._waiting)
        self._tell_lost()
        if self._table is not None:
            await self._table.aclose()

    async def _opened(self) -> RecordTable:
        async with self._opening:
            if self._table is None:
                self._table = await asyncio.to_thread(self._open_table)
            return self._table

    async def _keep_writing(self) -> None:
        await self._wait(self._there_are_some, OPEN_SECONDS)
        pause_seconds = 1.0
        while self._waiting or not self._stopping.is_set():
            if await self._write_batch():
                pause_seconds = 1.0
                await self._collect()
            elif self._stopping.is_set():
                return  # it was tried once more
            else:
                await self._wait(self._stopping, pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    async def _collect(self) -> None:
        """Wait until there is a record, and then a little for others."""
        if len(self._waiting) >= BATCH or self._stopping.is_set():
            return
        if not self._waiting:
            self._there_are_some.clear()
            await self._wait_for_some_or_the_end()
        await self._wait(self._stopping, BATCH_SECONDS)

    async def _wait_for_some_or_the_end(self) -> None:
        events = [asyncio.ensure_future(one.wait()) for one in (self._there_are_some, self._stopping)]
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in events:
                one.cancel()

    async def _write_batch(self) -> bool:
        """Write the oldest records; tell whether that went well. They wait on until it has."""
        batch = list(islice(self._waiting, BATCH))
        try:
            await (await self._opened()).write(batch, WRITE_SECONDS)
        except RecordsUnavailableError as error:
            self._tell(str(error))
            return False
        except Exception as error:  # noqa: BLE001  (whatever a driver comes up with: it must not end the service)
            _LOG.error("bug", error=repr(error), exc_info=error)
            self._tell(type(error).__name__)
            return False
        for record in batch:
            self._waiting.popleft()
            self._waiting_characters -= len(record.facts)
        self._tell(None)
        return True

    async def _keep_expiring(self) -> None:
        await asyncio.sleep(2 * OPEN_SECONDS)
        while True:
            with contextlib.suppress(Exception):  # the writer meets it too, and tells it
                await self.expire(time.time() - self._keep_days * DAY_SECONDS)
            await asyncio.sleep(EXPIRE_SECONDS)

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            self._tell_lost()

    def _tell(self, problem: str | None) -> None:
        """Log the change from well to not well and back; of a problem that changes its words, only the first."""
        was, self.problem = self.problem, problem
        if was is None and problem is not None:
            _LOG.warning("records", problem=f"mail is judged, and its records wait: {problem}")
        elif was is not None and problem is None:
            _LOG.info("records", now="well")

    def _tell_lost(self) -> None:
        if self.lost > self._told_lost:
            _LOG.warning("records", lost=self.lost - self._told_lost, lost_in_all=self.lost)
            self._told_lost = self.lost

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


def sql_verdict_records(url: str, keep_days: int) -> VerdictRecords:
    """Return the records of a database; nothing of it is loaded or opened yet."""

    def open_table() -> RecordTable:
        from scanner_service.storage.record_table import SqlRecordTable  # noqa: PLC0415  (SQLAlchemy: 0.4 s)

        return SqlRecordTable(url)

    return VerdictRecords(open_table, keep_days)
