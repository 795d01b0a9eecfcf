"""A table or view of an administrator's database with the columns setting, recipient, sender and value."""

import asyncio
import hashlib
import re
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner_service.storage.ask import DatabaseUnavailableError, ask, close
from scanner_service.storage.database import DatabaseUrlError, database_url, open_database_to_read
from scanner_service.storage.policy_rows import ROWS_AT_ONCE, Columns, PolicyRowsError, PolicySnapshot
from verdict_api.printable import printable

MOST_ROWS = 200_000
MOST_CHARACTERS = 4096  # of one value
SHOWN_CHARACTERS = 60

_TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_]{0,62})?")


class PolicyTable:
    """See PolicySource; nothing is connected to before the first read.

    Raises:
        PolicyRowsError: it is no URL of a database, or no name of a table.
    """

    def __init__(self, url: str, table: str) -> None:
        if not _TABLE_NAME.fullmatch(table):
            raise PolicyRowsError(f"want the name of a table, got {printable(table)!r}")
        try:
            self._engine = open_database_to_read(database_url(url))
        except DatabaseUrlError as error:
            raise PolicyRowsError(str(error)) from error
        self._table = table
        # The order makes equal rows give equal digests. One row more than may be, to see that there are too many.
        self._query = text(
            f"SELECT setting, recipient, sender, value FROM {table} ORDER BY 1, 2, 3, 4 LIMIT {MOST_ROWS + 1}"  # noqa: S608
        )

    async def read(self, limit_seconds: float) -> PolicySnapshot:
        """Return all rows.

        Raises:
            PolicyRowsError: the database is away, slow or has no such table; a row is not text; there are too many.
        """
        try:
            return await ask(self._engine, self._read, limit_seconds)
        except DatabaseUnavailableError as error:
            raise PolicyRowsError(f"{self._table}: {error}") from error
        except _UnusableError as error:
            raise PolicyRowsError(f"{self._table}: {error}") from error

    async def aclose(self) -> None:
        """See PolicySource."""
        await close(self._engine)

    async def _read(self, connection: AsyncConnection) -> PolicySnapshot:
        rows: list[Columns] = []
        digest = hashlib.sha256()
        async with connection.stream(self._query) as result:
            async for part in result.partitions(ROWS_AT_ONCE):
                checked = [_checked(len(rows) + number, one) for number, one in enumerate(part, 1)]
                digest.update(repr(checked).encode("utf-8", "surrogatepass"))
                rows += checked
                if len(rows) > MOST_ROWS:
                    raise _UnusableError(f"want at most {MOST_ROWS} rows, there are more")
                await asyncio.sleep(0)  # messages have their turn
        return PolicySnapshot(tuple(rows), digest.hexdigest())


class _UnusableError(Exception):
    """What is there must not be used."""


def _checked(number: int, columns: Sequence[object]) -> Columns:
    setting, recipient, sender, value = columns
    row = (
        _text(number, "setting", setting),
        _text(number, "recipient", recipient),
        None if sender is None else _text(number, "sender", sender),
        _text(number, "value", value),
    )
    if not (row[0] and row[1]):
        raise _UnusableError(f"row {number}: want a setting and a recipient, got an empty text")
    return row


def _text(number: int, name: str, column: object) -> str:
    if isinstance(column, str) and len(column) <= MOST_CHARACTERS:
        return column
    if isinstance(column, str):
        raise _UnusableError(f"row {number}: want at most {MOST_CHARACTERS} characters in {name}, got {len(column)}")
    came = "NULL" if column is None else f"{type(column).__name__} {printable(repr(column))[:SHOWN_CHARACTERS]}"
    raise _UnusableError(f"row {number}: want text in {name}, got {came}")
