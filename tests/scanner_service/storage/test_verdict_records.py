"""Records of judged messages: written within a second, and never in a message's way."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest
import structlog.testing

from scanner_service.storage.verdict_records import (
    MOST_CHARACTERS,
    MOST_WAITING,
    RecordsUnavailableError,
    VerdictRecord,
    VerdictRecords,
    sql_verdict_records,
)
from tests.scanner_service.real_postgresql import PostgresqlServer
from tests.scanner_service.real_spam_engines import skip_without
from tests.scanner_service.storage.databases import Database, PostgresqlDatabase, SqliteDatabase

PROGRAM = (sys.executable, "-m", "tests.scanner_service.storage.recording_program")
COUNT = "SELECT count(*) FROM verdict_records"

T = TypeVar("T")


def record_of(
    number: int, judged_at: float | None = None, facts: str = '{"score": 1}', queue_id: str = "4F"
) -> VerdictRecord:
    return VerdictRecord(f"{number:012d}", time.time() if judged_at is None else judged_at, queue_id, "pass", facts)


def with_records(database: Database, do: Callable[[VerdictRecords], Awaitable[T]]) -> T:
    async def run() -> T:
        records = sql_verdict_records(database.url, 30)
        async with records.running():
            return await do(records)

    return asyncio.run(run())


async def add_all(records: VerdictRecords, given: Sequence[VerdictRecord]) -> None:
    for one in given:
        records.add(one)


async def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_a_record_is_in_the_database_within_a_second(database: Database) -> None:
    async def add_when_it_is_well(records: VerdictRecords) -> tuple[list[VerdictRecord], float]:
        records.add(record_of(1, 1.5))
        await wait_for(lambda: not records.waiting)
        await asyncio.sleep(1)
        started = time.monotonic()
        records.add(record_of(2, 2.5))
        await wait_for(lambda: not records.waiting)
        seconds = time.monotonic() - started
        return await records.since(0), seconds

    found, seconds = with_records(database, add_when_it_is_well)

    assert found == [record_of(1, 1.5), record_of(2, 2.5)]
    assert seconds < 1.5  # on a busy machine


def test_what_is_left_at_the_end_is_written(database: Database) -> None:
    with_records(database, lambda records: add_all(records, [record_of(number) for number in range(1200)]))

    assert database.run(COUNT) == ["1200"]


def test_pages_go_forward_by_time_and_then_by_id(database: Database) -> None:
    given = [record_of(number, 1_700_000_000 + number // 3 + 0.25) for number in range(10)]

    async def read_pages(records: VerdictRecords) -> list[list[VerdictRecord]]:
        await add_all(records, reversed(given))  # type: ignore[arg-type]
        await wait_for(lambda: records.problem is None and not records.waiting)
        pages, after = [], None
        while page := await records.since(1_700_000_001, after, 4):
            pages.append(page)
            after = (page[-1].judged_at, page[-1].mail_id)
        return pages

    pages = with_records(database, read_pages)

    assert pages == [given[3:7], given[7:]]


def test_one_record_is_found_by_its_mail_id_and_those_of_a_time_are_counted(database: Database) -> None:
    async def look(records: VerdictRecords) -> tuple[list[VerdictRecord | None], list[int]]:
        await add_all(records, [record_of(number, float(number)) for number in range(10)])
        await wait_for(lambda: not records.waiting)
        found = [await records.get(mail_id) for mail_id in ("000000000003", "nobody", "\0", "m\udce4il", "ü")]
        return found, [await records.count(2, 5), await records.count(5, 2), await records.count(0, 1e12)]

    found, counts = with_records(database, look)

    assert found == [record_of(3, 3.0), None, None, None, None]
    assert counts == [3, 0, 10]


def test_old_records_expire(database: Database) -> None:
    async def expire(records: VerdictRecords) -> list[str]:
        await add_all(records, [record_of(number, number) for number in range(100, 6200)])
        await wait_for(lambda: not records.waiting)
        await records.expire(6100)
        return [one.mail_id for one in await records.since(0, None, 2)] + [str(len(await records.since(0)))]

    assert with_records(database, expire) == ["000000006100", "000000006101", "100"]


def test_strange_text_does_not_stop_the_batch_that_it_is_in(database: Database) -> None:
    strange = record_of(1, 1.0, json.dumps({"a": "é\0\udce9"}, ensure_ascii=False), "4F\0\udce9é\n")

    async def add_strange(records: VerdictRecords) -> list[VerdictRecord]:
        await add_all(records, [strange, record_of(2, 2.0)])
        await wait_for(lambda: not records.waiting)
        return await records.since(0)

    [first, second] = with_records(database, add_strange)

    assert json.loads(first.facts) == {"a": "é\0\udce9"}
    assert first.queue_id.isprintable()
    assert second == record_of(2, 2.0)


def test_a_record_that_comes_twice_is_there_once(database: Database) -> None:
    with_records(database, lambda records: add_all(records, [record_of(1), record_of(1), record_of(2)]))

    assert database.run(COUNT) == ["2"]


def test_three_processes_write_the_same_table(database: Database) -> None:
    programs = [
        subprocess.Popen([*PROGRAM, database.url, name, "2000"], stdout=subprocess.PIPE, text=True) for name in "abc"
    ]
    answers = [json.loads(program.communicate(timeout=60)[0]) for program in programs]

    assert answers == [{"lost": 0, "problem": None}] * 3
    assert database.run(COUNT) == ["6000"]


class AwayTable:
    """A table that is away, or hangs, until it is told otherwise; it remembers what it was given."""

    def __init__(self) -> None:
        self.away = True
        self.hangs = False
        self.written: list[VerdictRecord] = []
        self.tries = 0

    async def write(self, records: Sequence[VerdictRecord], limit_seconds: float) -> None:
        self.tries += 1
        if self.hangs:
            await asyncio.sleep(limit_seconds)
        if self.away:
            raise RecordsUnavailableError(f"no answer, try {self.tries}")
        self.written += records

    async def since(
        self, unix_seconds: float, after: tuple[float, str] | None, limit: int, limit_seconds: float
    ) -> list[VerdictRecord]:
        raise NotImplementedError

    async def get(self, mail_id: str, limit_seconds: float) -> VerdictRecord | None:
        raise NotImplementedError

    async def count(self, since: float, until: float, limit_seconds: float) -> int:
        raise NotImplementedError

    async def expire(self, before: float, limit_seconds: float) -> None:
        raise RecordsUnavailableError("away")

    async def aclose(self) -> None:
        """Nothing is open."""


def test_records_wait_while_the_database_is_away_and_the_log_tells_it_once() -> None:
    table = AwayTable()

    async def come_back() -> str | None:
        records = VerdictRecords(lambda: table, 30)
        async with records.running():
            await add_all(records, [record_of(number) for number in range(700)])
            await wait_for(lambda: table.tries >= 2)
            problem = records.problem
            table.away = False
            await wait_for(lambda: records.problem is None and not records.waiting)
        return problem

    with structlog.testing.capture_logs() as lines:
        problem = asyncio.run(come_back())

    assert problem == "no answer, try 2"
    assert [one.mail_id for one in table.written] == [record_of(number).mail_id for number in range(700)]
    assert lines == [
        {
            "event": "records",
            "log_level": "warning",
            "problem": "mail is judged, and its records wait: no answer, try 1",
        },
        {"event": "records", "log_level": "info", "now": "well"},
    ]


def test_a_bug_below_the_records_does_not_end_the_service() -> None:
    class BrokenTable(AwayTable):
        async def write(self, records: Sequence[VerdictRecord], limit_seconds: float) -> None:
            raise KeyError("a bug")

    async def meet_a_bug() -> str | None:
        records = VerdictRecords(BrokenTable, 30)
        async with records.running():
            records.add(record_of(1))
            await wait_for(lambda: records.problem)
        return records.problem

    with structlog.testing.capture_logs() as lines:
        problem = asyncio.run(meet_a_bug())

    assert problem == "KeyError"
    assert lines[0]["event"] == "bug"


def test_what_does_not_fit_any_more_is_lost_and_counted() -> None:
    table = AwayTable()

    async def overflow() -> tuple[int, int]:
        records = VerdictRecords(lambda: table, 30)
        async with records.running():
            await add_all(records, [record_of(number) for number in range(MOST_WAITING + 7)])
            records.add(record_of(0, facts="x" * (MOST_CHARACTERS + 1)))
            while_running = records.lost
        return while_running, records.lost

    with structlog.testing.capture_logs() as lines:
        while_running, at_the_end = asyncio.run(overflow())

    assert while_running == 8
    assert at_the_end == MOST_WAITING + 8
    assert {"event": "records", "log_level": "warning", "lost": at_the_end, "lost_in_all": at_the_end} in lines


def test_large_facts_that_wait_are_bounded_too() -> None:
    async def overflow() -> int:
        records = VerdictRecords(AwayTable, 30)
        await add_all(records, [record_of(number, facts="x" * MOST_CHARACTERS) for number in range(70)])
        return records.lost

    assert asyncio.run(overflow()) == 6


def test_a_database_that_hangs_does_not_hold_up_the_end() -> None:
    table = AwayTable()
    table.hangs = True

    async def end() -> float:
        records = VerdictRecords(lambda: table, 30)
        async with records.running():
            records.add(record_of(1))
            await wait_for(lambda: table.tries)
            started = time.monotonic()
        return time.monotonic() - started

    assert asyncio.run(end()) < 7


def test_a_server_that_stands_still_is_waited_for(postgresql: PostgresqlServer) -> None:
    database = PostgresqlDatabase.made_on(postgresql)

    async def stand_still(records: VerdictRecords) -> str | None:
        records.add(record_of(1))
        await wait_for(lambda: not records.waiting)
        with postgresql.standing_still():
            await add_all(records, [record_of(number) for number in range(2, 100)])
            await wait_for(lambda: records.problem, 40)
            problem = records.problem
        await wait_for(lambda: not records.waiting)
        return problem

    problem = with_records(database, stand_still)

    assert problem is not None
    assert "no answer in 10 s" in problem
    assert database.run(COUNT) == ["99"]


def test_a_database_that_another_has_locked_is_waited_for(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "records.sqlite")

    async def meet_a_lock(records: VerdictRecords) -> str | None:
        records.add(record_of(1))
        await wait_for(lambda: not records.waiting)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            records.add(record_of(2))
            await wait_for(lambda: records.problem)
            problem = records.problem
        await wait_for(lambda: not records.waiting)
        return problem

    assert with_records(database, meet_a_lock) == "database is locked"
    assert database.run(COUNT) == ["2"]


def _write_rubbish(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def _make_a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "told"), [(_write_rubbish, "file is not a database"), (_make_a_folder, "unable to open database file")]
)
def test_a_broken_database_is_told_and_nothing_of_it_is_touched(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    path = tmp_path / "records.sqlite"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None

    async def add(records: VerdictRecords) -> str | None:
        records.add(record_of(1))
        await wait_for(lambda: records.problem)
        return records.problem

    assert with_records(SqliteDatabase(path), add) == told
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_full_disk_is_told_and_what_was_written_is_whole(tmp_path: Path) -> None:
    skip_without(shutil.which("unshare"), "util-linux")
    script = f'mount -t tmpfs -o size=2m none {tmp_path} && "$@"; cp -a {tmp_path} {tmp_path}.copy'
    url = f"sqlite:///{tmp_path}/records.sqlite"

    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *PROGRAM, url, "a", "3000"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    answer = json.loads(ran.stdout.splitlines()[-1])
    written = int(SqliteDatabase(Path(f"{tmp_path}.copy/records.sqlite")).run(COUNT)[0])
    assert answer["problem"] in ("database or disk is full", "disk I/O error")
    assert answer["lost"] == 3000 - written
    assert answer["lost"] > 0
