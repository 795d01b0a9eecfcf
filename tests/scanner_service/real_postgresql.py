"""Debian's PostgreSQL, in a folder of its own and on a unix socket alone: the database of one test run."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scanner_service.running_daemon import START_SECONDS, wait_until_up

USER = "postgres"
_PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nowhere"))
POSTGRES = shutil.which("postgres", path=str(_PROGRAMS))
# Nothing here must outlive the machine.
_SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "max_connections=50",
    "shared_buffers=16MB",
    "unix_socket_permissions=0700",
)


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """A server that runs; ``pid`` is that of its first process, the parent of all others."""

    folder: Path
    pid: int

    def make_database(self) -> str:
        """Return the URL of a new and empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.run_sql(f"CREATE DATABASE {name}", "postgres")
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def run_sql(self, script: str, database: str) -> str:
        """Run statements as its own client does; return what that prints, a line for each row."""
        command: list[str | Path] = [
            _PROGRAMS / "psql",
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            self.folder,
            "-U",
            USER,
        ]
        ran = subprocess.run(
            [*command, "-d", database], input=script, capture_output=True, text=True, check=False, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop all of its processes where they are, until the end of the block."""
        os.kill(self.pid, signal.SIGSTOP)
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for child in map(int, children):
            os.kill(child, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in (*map(int, children), self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Run it until the end of the block; its folder is one that its user can get to, as pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="couriergate-postgresql-") as name:
        folder = Path(name)
        shutil.chown(folder, USER, USER)
        _as_its_user("initdb", "-D", folder / "data", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8")
        with _serving(folder) as server:
            yield server


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[PostgresqlServer]:
    settings = [part for one in _SETTINGS for part in ("-c", one)]
    command: list[str | Path] = [_PROGRAMS / "postgres", "-D", folder / "data", "-k", folder, *settings]
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder, user=USER, group=USER, extra_groups=()
        ) as process,
    ):
        try:
            wait_until_up(folder / ".s.PGSQL.5432", process, log)
            _wait_until_ready(folder)
            yield PostgresqlServer(folder, process.pid)
        finally:
            process.send_signal(signal.SIGINT)  # whoever is still connected is sent away


def _wait_until_ready(folder: Path) -> None:
    """It takes connections a little before it answers them."""
    deadline = time.monotonic() + START_SECONDS
    command: list[str | Path] = [_PROGRAMS / "pg_isready", "-q", "-h", folder]
    while subprocess.run(command, check=False, timeout=START_SECONDS).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _as_its_user(program: str, *arguments: str | Path) -> None:
    command = [_PROGRAMS / program, "--no-sync", *arguments]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", user=USER, group=USER, extra_groups=()
    )
    assert ran.returncode == 0, ran.stderr
