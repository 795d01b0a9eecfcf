"""Settings by recipient that administrators keep in SQL: a snapshot of all rows, renewed again and again.

The database is another program's and so are its rows: either may be away, slow or wrong. What was loaded last stays
in force then, and no message waits for a database.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

FIRST_PAUSE_SECONDS = 1.0  # while there are no rows at all, no mail can be judged
LOAD_SECONDS = 20.0
ROWS_AT_ONCE = 1000

_LOG = structlog.get_logger()


class PolicyRowsError(Exception):
    """The rows cannot be had, or must not be used; the message is printable and says where and why."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One value of one setting for one lookup key, as text; ``sender`` only where the setting is about senders."""

    setting: str
    recipient: str
    sender: str | None
    value: str


# setting, recipient, sender, value. Plain tuples of text are nothing that the garbage collector has to walk through.
Columns = tuple[str, str, str | None, str]


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """All rows at one time, and a digest by which two snapshots are compared."""

    columns: tuple[Columns, ...]
    digest: str

    async def rows(self) -> tuple[PolicyRow, ...]:
        """Return the rows, of which there may be many: others have their turn in between."""
        rows: list[PolicyRow] = []
        for start in range(0, len(self.columns), ROWS_AT_ONCE):
            rows += [PolicyRow(*one) for one in self.columns[start : start + ROWS_AT_ONCE]]
            await asyncio.sleep(0)
        return tuple(rows)


TakeRows = Callable[[tuple[PolicyRow, ...], str], Awaitable[None]]  # the rows, and what tells them from others


class PolicySource(Protocol):
    """Where the rows come from; see storage.policy_table."""

    async def read(self, limit_seconds: float) -> PolicySnapshot:
        """Return all rows.

        Raises:
            PolicyRowsError: see there.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class PolicyRows:
    """The rows of one table, renewed every ``refresh_seconds``.

    ``open_source`` is called in a thread, at the first load: what it imports takes a while. ``loaded`` tells whether
    there ever were rows that were taken, ``problem`` what is wrong with the latest try, None if nothing is.
    """

    def __init__(
        self, open_source: Callable[[], PolicySource], refresh_seconds: float, limit_seconds: float = LOAD_SECONDS
    ) -> None:
        self._open_source = open_source
        self._refresh_seconds = refresh_seconds
        self._limit_seconds = limit_seconds
        self._source: PolicySource | None = None
        self._digest = ""
        self.loaded = False
        self.problem: str | None = None

    async def load(self) -> tuple[PolicyRow, ...]:
        """Return all rows as they are now.

        Raises:
            PolicyRowsError: they cannot be had, or must not be used.
        """
        return await (await self._read()).rows()

    async def watch(self, on_rows: TakeRows) -> None:
        """Load until cancelled, and hand over the rows whenever they have changed.

        ``on_rows`` may raise a ValueError if it cannot use them: the ones of before stay, and that is the problem.
        """
        pause_seconds = min(FIRST_PAUSE_SECONDS, self._refresh_seconds)
        while True:
            await self.refresh(on_rows)
            await asyncio.sleep(self._refresh_seconds if self.loaded else pause_seconds)
            pause_seconds = min(2 * pause_seconds, self._refresh_seconds)

    async def refresh(self, on_rows: TakeRows) -> None:
        """Load once; see watch."""
        try:
            snapshot = await self._read()
            if not self.loaded or snapshot.digest != self._digest:
                await on_rows(await snapshot.rows(), snapshot.digest)
                self._digest = snapshot.digest
                self.loaded = True
                _LOG.info("policy rows", rows=len(snapshot.columns))
        except (PolicyRowsError, ValueError) as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001  (whatever a driver comes up with: the rows of before stay)
            _LOG.error("bug", error=repr(error), exc_info=error)
            self._tell(type(error).__name__)
        else:
            self._tell(None)

    async def aclose(self) -> None:
        """Close the connection to the database."""
        if self._source is not None:
            await self._source.aclose()

    async def _read(self) -> PolicySnapshot:
        if self._source is None:
            self._source = await asyncio.to_thread(self._open_source)
        return await self._source.read(self._limit_seconds)

    def _tell(self, problem: str | None) -> None:
        """Log the change from well to not well and back; of a problem that changes its words, only the first."""
        was, self.problem = self.problem, problem
        if was is None and problem is not None:
            _LOG.warning("policy rows", problem=problem)
        elif was is not None and problem is None:
            _LOG.info("policy rows", now="well")


def sql_policy_rows(url: str, table: str, refresh_seconds: float) -> PolicyRows:
    """Return the rows of a table or view; that the URL can be used is found out at the first load."""

    def open_source() -> PolicySource:
        from scanner_service.storage.policy_table import PolicyTable  # noqa: PLC0415  (SQLAlchemy: 0.4 s)

        return PolicyTable(url, table)

    return PolicyRows(open_source, refresh_seconds)
