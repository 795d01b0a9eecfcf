"""Settings that are kept in SQL: what is loaded, when it is handed over, and what happens without the database."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import structlog.testing

from scanner_service.storage.policy_rows import PolicyRow, PolicyRows, PolicyRowsError, TakeRows, sql_policy_rows
from scanner_service.storage.policy_table import MOST_ROWS, PolicyTable
from tests.scanner_service.real_postgresql import PostgresqlServer
from tests.scanner_service.storage.databases import Database, PostgresqlDatabase, SqliteDatabase

TABLE = """
CREATE TABLE couriergate_policy (setting TEXT NOT NULL, recipient TEXT NOT NULL, sender TEXT, value TEXT NOT NULL);
"""
ROWS = """
INSERT INTO couriergate_policy VALUES ('spam_levels.kill', 'ann@example.com', NULL, '8.5');
INSERT INTO couriergate_policy VALUES ('destinies.virus', '.', NULL, 'discard');
INSERT INTO couriergate_policy VALUES ('white_senders', 'ann@example.com', 'bücher@example.net', '');
"""
LOADED = (
    PolicyRow("destinies.virus", ".", None, "discard"),
    PolicyRow("spam_levels.kill", "ann@example.com", None, "8.5"),
    PolicyRow("white_senders", "ann@example.com", "bücher@example.net", ""),
)

T = TypeVar("T")


def with_rows(url: str, do: Callable[[PolicyRows], Awaitable[T]], limit_seconds: float = 20, table: str = "") -> T:
    async def run() -> T:
        rows = PolicyRows(lambda: PolicyTable(url, table or "couriergate_policy"), 0.05, limit_seconds)
        try:
            return await do(rows)
        finally:
            await rows.aclose()

    return asyncio.run(run())


def load(database: Database, limit_seconds: float = 20) -> tuple[PolicyRow, ...]:
    return with_rows(database.url, lambda rows: rows.load(), limit_seconds)


def fill(database: Database, count: int) -> None:
    """Make the table a view with so many rows."""
    database.run(
        f"""CREATE VIEW couriergate_policy AS
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
        SELECT CAST('spam_levels.kill' AS TEXT) AS setting,
          CAST('user' AS TEXT) || CAST(n AS TEXT) || '@example.com' AS recipient,
          CAST(NULL AS TEXT) AS sender, CAST(n AS TEXT) AS value FROM numbers"""
    )


async def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def into(taken: list[tuple[PolicyRow, ...]]) -> TakeRows:
    """Take rows into a list."""

    async def take(rows: tuple[PolicyRow, ...], digest: str) -> None:
        assert digest
        taken.append(rows)

    return take


@contextlib.asynccontextmanager
async def watched(rows: PolicyRows, on_rows: TakeRows) -> AsyncIterator[None]:
    task = asyncio.create_task(rows.watch(on_rows))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def test_all_rows_are_loaded_in_an_order_of_their_own(database: Database) -> None:
    database.run(TABLE + ROWS)

    assert load(database) == LOADED


def test_an_empty_table_has_no_rows(database: Database) -> None:
    database.run(TABLE + "SELECT 1")

    assert load(database) == ()


def test_rows_are_handed_over_only_when_they_have_changed(database: Database) -> None:
    database.run(TABLE + ROWS)
    taken: list[tuple[PolicyRow, ...]] = []

    async def refresh_four_times(rows: PolicyRows) -> None:
        await rows.refresh(into(taken))
        await rows.refresh(into(taken))
        await asyncio.to_thread(database.run, "UPDATE couriergate_policy SET value = '9' WHERE value = '8.5'")
        await rows.refresh(into(taken))
        await rows.refresh(into(taken))

    with_rows(database.url, refresh_four_times)

    assert [[row.value for row in rows] for rows in taken] == [["discard", "8.5", ""], ["discard", "9", ""]]


WRONG_TABLES = {
    "SELECT 1": "couriergate_policy",  # no such table
    "CREATE TABLE couriergate_policy (setting TEXT, recipient TEXT, value TEXT); SELECT 1": "sender",
    "CREATE TABLE couriergate_policy (setting TEXT, recipient TEXT, sender TEXT, value TEXT);"
    "INSERT INTO couriergate_policy VALUES (NULL, '.', NULL, 'x')": "row 1: want text in setting, got NULL",
    "CREATE TABLE couriergate_policy (setting TEXT, recipient TEXT, sender TEXT, value TEXT);"
    "INSERT INTO couriergate_policy VALUES ('a', '.', NULL, 'x');"
    "INSERT INTO couriergate_policy VALUES ('b', '.', NULL, NULL)": "row 2: want text in value, got NULL",
    "CREATE TABLE couriergate_policy (setting TEXT, recipient TEXT, sender TEXT, value INTEGER);"
    "INSERT INTO couriergate_policy VALUES ('a', '.', NULL, 7)": "row 1: want text in value, got int 7",
    "CREATE TABLE couriergate_policy (setting TEXT, recipient TEXT, sender INTEGER, value TEXT);"
    "INSERT INTO couriergate_policy VALUES ('a', '.', 7, 'x')": "row 1: want text in sender, got int 7",
    "CREATE TABLE couriergate_policy (setting TEXT, recipient TEXT, sender TEXT, value TEXT);"
    "INSERT INTO couriergate_policy VALUES ('', '.', NULL, 'x')": "row 1: want a setting and a recipient",
    "CREATE TABLE couriergate_policy AS SELECT CAST('a' AS TEXT) AS setting, CAST('.' AS TEXT) AS recipient,"
    f"CAST(NULL AS TEXT) AS sender, CAST('{'x' * 5000}' AS TEXT) AS value": "in value, got 5000",
}


@pytest.mark.parametrize(("script", "told"), WRONG_TABLES.items())
def test_a_table_that_lies_is_refused_as_a_whole_and_the_place_is_told(
    database: Database, script: str, told: str
) -> None:
    database.run(script)

    with pytest.raises(PolicyRowsError, match=told) as error:
        load(database)

    assert str(error.value).startswith("couriergate_policy: ")
    assert str(error.value).isascii()
    assert "\n" not in str(error.value)


def test_more_rows_than_may_be_are_an_error_that_says_so(database: Database) -> None:
    fill(database, MOST_ROWS + 1)

    with pytest.raises(PolicyRowsError, match=f"want at most {MOST_ROWS} rows, there are more"):
        load(database, 60)


def test_a_hundred_thousand_rows_leave_others_their_turn(database: Database) -> None:
    fill(database, 100_000)
    turns = 0

    async def load_beside_others(rows: PolicyRows) -> int:
        nonlocal turns
        loading = asyncio.create_task(rows.load())
        while not loading.done():
            await asyncio.sleep(0.001)
            turns += 1
        return len(await loading)

    assert with_rows(database.url, load_beside_others, 60) == 100_000
    assert turns > 50


def test_a_table_without_an_end_is_given_up_in_time(database: Database) -> None:
    database.run(
        """CREATE VIEW couriergate_policy AS
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000000000)
        SELECT CAST(MAX(n) AS TEXT) AS setting, CAST('.' AS TEXT) AS recipient, CAST(NULL AS TEXT) AS sender,
          CAST('' AS TEXT) AS value FROM numbers"""
    )
    started = time.monotonic()

    with pytest.raises(PolicyRowsError, match=r"couriergate_policy: no answer in 0\.5 s"):
        load(database, 0.5)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("url", "table", "told"),
    [
        ("mysql://x@y/z", "t", "want sqlite:////PATH or postgresql://"),
        ("postgresql://ann:half@other:half@host/db", "t", "with %40 for an @ in the password"),
        ("sqlite:///relative", "t", "want an absolute path"),
        ("sqlite:////x", "t; DROP TABLE t", "want the name of a table"),
        ("sqlite:////x", "", "want the name of a table"),
        ("sqlite:////nowhere/at/all", "t", "t: unable to open database file"),
        ("postgresql://u@/d?host=/nowhere/at/all", "t", "t: .*No such file or directory"),
    ],
)
def test_what_cannot_be_opened_is_told(url: str, table: str, told: str) -> None:
    with pytest.raises(PolicyRowsError, match=told):
        with_rows(url, lambda rows: rows.load(), table=table or " ")


def test_the_password_is_never_told(postgresql: PostgresqlServer) -> None:
    url = f"postgresql://nobody:geheim@/postgres?host={postgresql.folder}"

    with pytest.raises(PolicyRowsError, match="nobody") as error:
        with_rows(url, lambda rows: rows.load())

    assert "geheim" not in str(error.value)


def test_somebody_elses_database_is_neither_made_nor_written(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "policy.sqlite")
    with pytest.raises(PolicyRowsError, match="unable to open"):
        load(database)
    assert list(tmp_path.iterdir()) == []
    database.run(TABLE + ROWS)
    before = database.path.read_bytes()

    load(database)

    assert [path.name for path in tmp_path.iterdir()] == ["policy.sqlite"]
    assert database.path.read_bytes() == before


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "policy.sqlite").write_bytes(os.urandom(10_000))

    with pytest.raises(PolicyRowsError, match="file is not a database"):
        load(SqliteDatabase(tmp_path / "policy.sqlite"))


def test_a_server_that_stands_still_is_given_up_in_time_and_asked_again(postgresql: PostgresqlServer) -> None:
    database = PostgresqlDatabase.made_on(postgresql)
    database.run(TABLE + ROWS)

    async def load_thrice(rows: PolicyRows) -> tuple[str, float, tuple[PolicyRow, ...]]:
        await rows.load()
        started = time.monotonic()
        with postgresql.standing_still():
            with pytest.raises(PolicyRowsError) as error:
                await rows.load()
            seconds = time.monotonic() - started
        return str(error.value), seconds, await rows.load()

    told, seconds, rows = with_rows(database.url, load_thrice, 1)

    assert told == "couriergate_policy: no answer in 1 s"
    assert seconds < 6
    assert rows == LOADED


def test_a_server_that_stops_amid_the_rows_is_given_up_in_time(postgresql: PostgresqlServer) -> None:
    database = PostgresqlDatabase.made_on(postgresql)
    database.run(
        """CREATE VIEW couriergate_policy AS SELECT CAST('a' AS TEXT) AS setting, CAST(n AS TEXT) AS recipient,
        CAST(NULL AS TEXT) AS sender, CAST(pg_sleep(0.0001) AS TEXT) AS value FROM generate_series(1, 100000) AS n"""
    )

    async def load_and_stop_it(rows: PolicyRows) -> float:
        loading = asyncio.create_task(rows.load())
        await asyncio.sleep(0.7)
        started = time.monotonic()
        with postgresql.standing_still():
            with pytest.raises(PolicyRowsError, match="no answer in 2 s"):
                await loading
            return time.monotonic() - started

    assert with_rows(database.url, load_and_stop_it, 2) < 8


def test_the_rows_of_before_stay_while_the_database_is_away_and_the_log_tells_it_once(database: Database) -> None:
    database.run(TABLE + ROWS)
    taken: list[tuple[PolicyRow, ...]] = []

    async def lose_the_table(rows: PolicyRows) -> tuple[str | None, bool, str | None]:
        async with watched(rows, into(taken)):
            await wait_for(lambda: rows.loaded)
            await asyncio.to_thread(database.run, "ALTER TABLE couriergate_policy RENAME TO gone")
            await wait_for(lambda: rows.problem)
            away = rows.problem
            await asyncio.sleep(0.3)
            loaded = rows.loaded
            await asyncio.to_thread(database.run, "ALTER TABLE gone RENAME TO couriergate_policy")
            await wait_for(lambda: rows.problem is None)
            return away, loaded, rows.problem

    with structlog.testing.capture_logs() as lines:
        away, loaded, afterwards = with_rows(database.url, lose_the_table)

    assert away is not None
    assert "couriergate_policy" in away
    assert (loaded, afterwards) == (True, None)
    assert taken == [LOADED]
    assert lines == [
        {"event": "policy rows", "log_level": "info", "rows": 3},
        {"event": "policy rows", "log_level": "warning", "problem": away},
        {"event": "policy rows", "log_level": "info", "now": "well"},
    ]


def test_rows_that_the_policy_does_not_take_are_a_problem_until_they_are_mended(database: Database) -> None:
    database.run(TABLE + ROWS)
    taken: list[str] = []

    async def take(rows: tuple[PolicyRow, ...], digest: str) -> None:
        if rows[0].value == "discard":
            raise ValueError("row 1: destinies.virus: want another")
        taken.append(rows[0].value)

    async def mend(rows: PolicyRows) -> tuple[str | None, bool]:
        await rows.refresh(take)
        first = rows.problem, rows.loaded
        await asyncio.to_thread(
            database.run, "UPDATE couriergate_policy SET value = 'reject' WHERE value = 'discard'"
        )
        await rows.refresh(take)
        return first

    assert with_rows(database.url, mend) == ("row 1: destinies.virus: want another", False)
    assert taken == ["reject"]


def test_a_bug_in_taking_the_rows_leaves_those_of_before(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "policy.sqlite")
    database.run(TABLE + ROWS)

    async def take(rows: tuple[PolicyRow, ...], digest: str) -> None:
        raise KeyError(rows[0].setting)

    async def meet_it(rows: PolicyRows) -> tuple[bool, str | None]:
        await rows.refresh(take)
        return rows.loaded, rows.problem

    with structlog.testing.capture_logs() as lines:
        state = with_rows(database.url, meet_it)

    assert state == (False, "KeyError")
    assert lines[0]["event"] == "bug"


def test_nothing_is_loaded_as_long_as_the_database_was_never_there(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "policy.sqlite")

    async def come_late(rows: PolicyRows) -> tuple[bool, str | None]:
        async with watched(rows, into([])):
            await wait_for(lambda: rows.problem)
            before = rows.loaded, rows.problem
            await asyncio.to_thread(database.run, TABLE + ROWS)
            await wait_for(lambda: rows.loaded)
            return before

    assert with_rows(database.url, come_late) == (False, "couriergate_policy: unable to open database file")


def test_the_settings_name_the_table(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "policy.sqlite")
    database.run(TABLE + ROWS + "ALTER TABLE couriergate_policy RENAME TO mine")

    async def run() -> tuple[PolicyRow, ...]:
        rows = sql_policy_rows(database.url, "mine", 30)
        try:
            return await rows.load()
        finally:
            await rows.aclose()

    assert asyncio.run(run()) == LOADED
