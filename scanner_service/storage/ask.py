"""Ask a database something, within a limit that holds whatever the database does.

A database that stands still does not even take an answer to "stop": neither the question nor its end is waited for
longer than said here.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import aiosqlite
import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from verdict_api.printable import printable

END_SECONDS = 3.0  # how long the end of a question that was given up may take
SHOWN_CHARACTERS = 200
_DRIVERS_PREFIX = re.compile(r"^<class '[^']*'>: ")

# What asyncpg raises while it connects comes through SQLAlchemy as it is.
_ERRORS = (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, aiosqlite.Error)

T = TypeVar("T")
_abandoned: set[asyncio.Task[object]] = set()  # a task that nobody refers to may vanish before its end


class DatabaseUnavailableError(Exception):
    """It is away, slow, full or locked, or did not like the question; the message is printable."""


async def ask(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]], limit_seconds: float) -> T:
    """Do some work in a transaction of its own, and commit it.

    Raises:
        DatabaseUnavailableError: see above. Whether the work was done is not known then.
    """
    question = _Question(engine, work)
    try:
        return await question.answer(limit_seconds)
    except TimeoutError as error:
        raise DatabaseUnavailableError(f"no answer in {limit_seconds:g} s") from error
    except _ERRORS as error:
        raise DatabaseUnavailableError(_say(error)) from error


async def close(engine: AsyncEngine) -> None:
    """Close its connections; those of a server that stands still are left to the end of the process."""
    task = asyncio.ensure_future(engine.dispose())
    await asyncio.wait({task}, timeout=END_SECONDS)
    if not task.done():
        task.cancel()
        _abandon(task)


class _Question(Generic[T]):
    """Some work for a database, and how to stop it."""

    def __init__(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> None:
        self._engine = engine
        self._work = work
        self._sqlite: aiosqlite.Connection | None = None

    async def answer(self, limit_seconds: float) -> T:
        task = asyncio.ensure_future(self._run())
        try:
            await asyncio.wait({task}, timeout=limit_seconds)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            if not task.done():
                await self._give_up(task)

    async def _run(self) -> T:
        async with self._engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            self._sqlite = driver if isinstance(driver, aiosqlite.Connection) else None
            done = await self._work(connection)
            await connection.commit()
            self._sqlite = None
            return done

    async def _give_up(self, task: "asyncio.Task[T]") -> None:
        """SQLite works in a thread of ours, which would go on; a server is told by its driver."""
        if self._sqlite is not None:
            await self._sqlite.interrupt()
        task.cancel()
        await asyncio.wait({task}, timeout=END_SECONDS)
        _abandon(task)


def _abandon(task: "asyncio.Task[T]") -> None:
    """Let it end when it can; what comes of it interests nobody any more."""
    _abandoned.add(task)
    task.add_done_callback(_forget)


def _forget(task: "asyncio.Task[T]") -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()


def _say(error: Exception) -> str:
    """Return the driver's own first line; SQLAlchemy's text repeats the question."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).splitlines() or [type(cause).__name__]
    return printable(_DRIVERS_PREFIX.sub("", lines[0]))[:SHOWN_CHARACTERS]
