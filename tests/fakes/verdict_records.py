"""Records of judged messages, in memory: a store that works, and one that is slow, dead or lies."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scanner_service.storage.verdict_records import RecordsUnavailableError


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """One judged message; ``facts`` is what judge.record_codec wrote, or something else."""

    mail_id: str
    judged_at: float
    queue_id: str
    facts: str


@dataclass(slots=True)
class FakeRecords:
    """The store. ``dies_after`` so many pages it is away. ``page_seconds`` is how long each takes."""

    records: list[FakeRecord] = field(default_factory=list)
    dies_after: int | None = None
    page_seconds: float = 0.0
    pages_given: int = 0

    def add(self, *records: FakeRecord) -> None:
        self.records.extend(records)

    async def since(
        self, unix_seconds: float, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[FakeRecord]:
        await self._serve()
        rest = (one for one in self._in_order() if after is None or (one.judged_at, one.mail_id) > after)
        return [one for one in rest if one.judged_at >= unix_seconds][:limit]

    async def get(self, mail_id: str) -> FakeRecord | None:
        await self._serve()
        return next((one for one in self.records if one.mail_id == mail_id), None)

    async def count(self, since: float, until: float) -> int:
        if self.dies_after == 0:
            raise RecordsUnavailableError("the database is away")
        return sum(1 for one in self.records if since <= one.judged_at < until)

    def _in_order(self) -> Iterable[FakeRecord]:
        return sorted(self.records, key=lambda one: (one.judged_at, one.mail_id))

    async def _serve(self) -> None:
        await asyncio.sleep(self.page_seconds)
        if self.dies_after is not None and self.pages_given >= self.dies_after:
            raise RecordsUnavailableError("the database is away")
        self.pages_given += 1
