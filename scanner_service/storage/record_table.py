"""The table of records, in SQLite or PostgreSQL. It is made at the first use; several processes use it at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner_service.storage.ask import DatabaseUnavailableError, ask, close
from scanner_service.storage.database import DatabaseUrlError, database_url, open_database
from scanner_service.storage.verdict_records import RecordsUnavailableError, VerdictRecord
from verdict_api.printable import printable

MOST_AT_ONCE = 1000  # of what is read
EXPIRED_AT_ONCE = 5000  # others write between two of these

# DOUBLE PRECISION: a REAL of PostgreSQL cannot tell two minutes apart.
_MAKE = (
    text(
        "CREATE TABLE IF NOT EXISTS verdict_records (mail_id TEXT PRIMARY KEY, judged_at DOUBLE PRECISION NOT NULL,"
        " queue_id TEXT NOT NULL, destiny TEXT NOT NULL, facts TEXT NOT NULL)"
    ),
    text("CREATE INDEX IF NOT EXISTS verdict_records_judged_at ON verdict_records (judged_at, mail_id)"),
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('couriergate verdict_records'))")
# Whether a batch was written is not always known; then it comes once more.
_ADD = text(
    "INSERT INTO verdict_records (mail_id, judged_at, queue_id, destiny, facts)"
    " VALUES (:mail_id, :judged_at, :queue_id, :destiny, :facts) ON CONFLICT (mail_id) DO NOTHING"
)
_SINCE = text(
    "SELECT mail_id, judged_at, queue_id, destiny, facts FROM verdict_records"
    " WHERE judged_at >= :since AND (judged_at, mail_id) > (:after_at, :after_id)"
    " ORDER BY judged_at, mail_id LIMIT :most"
)
_GET = text("SELECT mail_id, judged_at, queue_id, destiny, facts FROM verdict_records WHERE mail_id = :mail_id")
_COUNT = text("SELECT count(*) FROM verdict_records WHERE judged_at >= :since AND judged_at < :until")
_EXPIRE = text(
    "DELETE FROM verdict_records WHERE mail_id IN"
    " (SELECT mail_id FROM verdict_records WHERE judged_at < :before ORDER BY judged_at LIMIT :most)"
)

T = TypeVar("T")


class SqlRecordTable:
    """See RecordTable; nothing is connected to before the first use."""

    def __init__(self, url: str) -> None:
        try:
            self._engine = open_database(database_url(url))
        except DatabaseUrlError as error:
            raise RecordsUnavailableError(str(error)) from error
        self._made = False

    async def write(self, records: Sequence[VerdictRecord], limit_seconds: float) -> None:
        """See RecordTable."""
        columns = [_columns(one) for one in records]

        async def add(connection: AsyncConnection) -> None:
            if columns:
                await connection.execute(_ADD, columns)

        await self._ask(add, limit_seconds)

    async def since(
        self, unix_seconds: float, after: tuple[float, str] | None, limit: int, limit_seconds: float
    ) -> list[VerdictRecord]:
        """See RecordTable; at most 1000 at once."""
        after_at, after_id = after or (unix_seconds, "")
        wanted = {"since": unix_seconds, "after_at": after_at, "after_id": after_id, "most": min(limit, MOST_AT_ONCE)}

        async def read(connection: AsyncConnection) -> list[VerdictRecord]:
            return [VerdictRecord(*row) for row in await connection.execute(_SINCE, wanted)]

        return await self._ask(read, limit_seconds)

    async def get(self, mail_id: str, limit_seconds: float) -> VerdictRecord | None:
        """See RecordTable."""
        if "\0" in mail_id or not mail_id.isascii():
            return None  # none of ours, and not every database takes it

        async def read(connection: AsyncConnection) -> VerdictRecord | None:
            row = (await connection.execute(_GET, {"mail_id": mail_id})).first()
            return None if row is None else VerdictRecord(*row)

        return await self._ask(read, limit_seconds)

    async def count(self, since: float, until: float, limit_seconds: float) -> int:
        """See RecordTable."""

        async def read(connection: AsyncConnection) -> int:
            return int((await connection.execute(_COUNT, {"since": since, "until": until})).scalar_one())

        return await self._ask(read, limit_seconds)

    async def expire(self, before: float, limit_seconds: float) -> None:
        """See RecordTable."""

        async def remove_some(connection: AsyncConnection) -> int:
            return (await connection.execute(_EXPIRE, {"before": before, "most": EXPIRED_AT_ONCE})).rowcount

        while await self._ask(remove_some, limit_seconds) == EXPIRED_AT_ONCE:
            pass

    async def aclose(self) -> None:
        """See RecordTable."""
        await close(self._engine)

    async def _ask(self, work: Callable[[AsyncConnection], Awaitable[T]], limit_seconds: float) -> T:
        try:
            if not self._made:
                await ask(self._engine, _make, limit_seconds)
                self._made = True
            return await ask(self._engine, work, limit_seconds)
        except DatabaseUnavailableError as error:
            raise RecordsUnavailableError(str(error)) from error


async def _make(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        # Two that make it at once would collide in the catalog, IF NOT EXISTS or not.
        await connection.execute(_LOCK)
    for statement in _MAKE:
        await connection.execute(statement)


def _columns(record: VerdictRecord) -> dict[str, object]:
    return {
        "mail_id": record.mail_id,
        "judged_at": record.judged_at,
        "queue_id": printable(record.queue_id),
        "destiny": record.destiny,
        "facts": _storable(record.facts),
    }


def _storable(json: str) -> str:
    """Return JSON that a database takes: a lone surrogate or a NUL would refuse the whole batch, again and again."""
    escaped = json if json.isascii() else json.encode("utf-8", "backslashreplace").decode("utf-8")
    return escaped.replace("\0", "\\u0000")
