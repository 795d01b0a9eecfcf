"""Where the records of judged messages come from, as the pages of this interface need it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

PAGE_RECORDS = 200  # one may have a megabyte


class StoredRecord(Protocol):
    """One judged message; ``facts`` is what judge.record_codec wrote, ``judged_at`` in Unix seconds."""

    @property
    def mail_id(self) -> str: ...

    @property
    def judged_at(self) -> float: ...

    @property
    def queue_id(self) -> str: ...

    @property
    def facts(self) -> str: ...


class RecordsReader(Protocol):
    """See storage.verdict_records. Each method has a limit for its wait, and raises RecordsUnavailableError."""

    async def since(
        self, unix_seconds: float, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[StoredRecord]:
        """Return records in the order of (judged_at, mail_id), from a time on, behind ``after``, that pair of one."""
        ...

    async def get(self, mail_id: str) -> StoredRecord | None:
        """Return the record of a message, None if there is none."""
        ...

    async def count(self, since: float, until: float) -> int:
        """Return how many messages were judged from a time on and before another."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """From one time on and before another, in Unix seconds."""

    since: float
    until: float


async def pages(records: RecordsReader, span: Span) -> AsyncIterator[Sequence[StoredRecord]]:
    """Yield the records of a span of time, a page at a time.

    Raises:
        RecordsUnavailableError: see above.
    """
    after = None
    while True:
        page = await records.since(span.since, after, PAGE_RECORDS)
        inside = [record for record in page if record.judged_at < span.until]
        if inside:
            yield inside
        if len(page) < PAGE_RECORDS or len(inside) < len(page):
            return
        after = (page[-1].judged_at, page[-1].mail_id)
