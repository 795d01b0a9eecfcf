"""The database: SQLite in the state directory, or PostgreSQL that replicas share.

It is another program's, or a file on a disk: it may be slow, away or full, so every use of it has a limit.
"""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite
from sqlalchemy import URL, NullPool, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_SECONDS = 5  # another process of ours writes
CONNECT_SECONDS = 5
END_SECONDS = 3.0  # how long the end of a connection that failed may take
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class DatabaseUrlError(ValueError):
    """It is no URL of a database that we speak to."""


def database_url(text: str) -> URL:
    """Return the URL ``sqlite:////PATH`` or ``postgresql://USER:PASSWORD@HOST/NAME`` with our driver.

    Raises:
        DatabaseUrlError: see above; the message does not repeat the password.
    """
    try:
        url = make_url(text)
        driver = _DRIVERS[url.drivername]
    except (ArgumentError, KeyError, ValueError):
        # What is no port is often a part of the password, with an @ in it: not even the cause may say it.
        wanted = "want sqlite:////PATH or postgresql://USER:PASSWORD@HOST/NAME, with %40 for an @ in the password"
        raise DatabaseUrlError(wanted) from None
    if driver.startswith("sqlite") and not Path(url.database or "").is_absolute():
        raise DatabaseUrlError("want an absolute path of an SQLite file: sqlite:////PATH has four slashes")
    return url.set(drivername=driver)


def open_database(url: URL) -> AsyncEngine:
    """Return the database; nothing is connected to before the first use."""
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, connect_args=_OF_SQLITE)
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        return engine
    return create_async_engine(url, connect_args={"timeout": CONNECT_SECONDS}, pool_pre_ping=True)


def open_database_to_read(url: URL) -> AsyncEngine:
    """Return somebody else's database: nothing is written or made there, and no connection is held between uses."""
    if url.get_backend_name() == "sqlite":
        file = url.set(database=f"file:{quote(url.database or '')}", query={"mode": "ro", "uri": "true"})
        return create_async_engine(file, connect_args=_OF_SQLITE, poolclass=NullPool)
    settings = {"timeout": CONNECT_SECONDS, "server_settings": {"default_transaction_read_only": "on"}}
    return create_async_engine(url, connect_args=settings, poolclass=NullPool)


def _set_up_sqlite(connection: object, record: object) -> None:
    """Let readers go on while one writes; each commit is on the disk when it returns."""
    del record
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


async def _connect_sqlite(database: str, **options: Any) -> aiosqlite.Connection:
    """Return a connection to SQLite, which works in a thread of its own.

    One that fails tells its thread to stop, and does not wait for that: the thread would answer to a loop that may
    be closed by then.
    """
    connection = aiosqlite.connect(database, **options)
    thread = connection._thread  # noqa: SLF001  (nobody else knows it)
    thread.daemon = True  # a file that never opens must not keep the process alive
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(thread.join, END_SECONDS)
        raise


_OF_SQLITE = {"timeout": BUSY_SECONDS, "async_creator_fn": _connect_sqlite}
