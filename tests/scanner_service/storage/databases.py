"""Databases as an administrator sees them: a URL, and a client that runs statements."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.scanner_service.real_postgresql import PostgresqlServer


class Database(Protocol):
    """One database, of which our code knows nothing but the URL."""

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        ...

    @property
    def url(self) -> str:
        """As it stands in the settings."""
        ...

    def run(self, script: str) -> list[str]:
        """Run statements; return the rows of the last one, columns with ``|`` between them, NULL as nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """See Database."""

    path: Path
    kind: str = "sqlite"

    @property
    def url(self) -> str:
        """See Database."""
        return f"sqlite:///{self.path}"

    def run(self, script: str) -> list[str]:
        """See Database."""
        *before, last = [one for one in script.split(";") if one.strip()]
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(";".join(before))
            rows = connection.execute(last).fetchall()
            connection.commit()
        return ["|".join("" if one is None else str(one) for one in row) for row in rows]


@dataclass(frozen=True, slots=True)
class PostgresqlDatabase:
    """See Database."""

    server: PostgresqlServer
    url: str
    kind: str = "postgresql"

    @classmethod
    def made_on(cls, server: PostgresqlServer) -> "PostgresqlDatabase":
        """Return a new one."""
        return cls(server, server.make_database())

    def run(self, script: str) -> list[str]:
        """See Database."""
        name = self.url.partition("?")[0].rpartition("/")[2]
        return self.server.run_sql(script, name).splitlines()
