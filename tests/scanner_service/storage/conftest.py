"""The databases that the tests of storage run over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scanner_service.real_postgresql import POSTGRES, PostgresqlServer, running_postgresql
from tests.scanner_service.real_spam_engines import skip_without
from tests.scanner_service.storage.databases import Database, PostgresqlDatabase, SqliteDatabase


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A real server; each test makes a database of its own there."""
    skip_without(POSTGRES, "postgresql-15")
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database, of each kind that we speak to."""
    makers: dict[str, Callable[[], Database]] = {
        "sqlite": lambda: SqliteDatabase(tmp_path / "database.sqlite"),
        "postgresql": lambda: PostgresqlDatabase.made_on(request.getfixturevalue("postgresql")),
    }
    return makers[request.param]()
