"""Clamd, the scanning service, the shim and a rival filter, each with settings of its own, side by side."""

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from bench.load import exchange
from bench.messages import EICAR
from bench.processes import Program, running
from bench.results import CLAMD, SERVICE, SHIM

PROJECT = Path(__file__).resolve().parent.parent
PROGRAMS = PROJECT / ".venv" / "bin"
EICAR_MD5 = "44d88612fea8a8f36de82e1278abb02f"
PROBE_LIMIT_SECONDS = 5.0


class ProgramMissingError(Exception):
    """A program that must be measured is not installed; the message says what installs it."""


def find_clamd() -> Path:
    # /usr/sbin is not on the path of every user.
    found = shutil.which("clamd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        raise ProgramMissingError("clamd is not installed: apt-get install clamav-daemon")
    return Path(found)


def find_program(name: str) -> Path:
    path = PROGRAMS / name
    if not path.exists():
        raise ProgramMissingError(f"{path.relative_to(PROJECT)} is missing: make setup")
    return path


@contextlib.contextmanager
def clamd(directory: Path, prefix: Sequence[str] = ()) -> Iterator[tuple[Program, Path]]:
    """A clamd with two signatures, both of the EICAR test file; and its socket. ``prefix`` is what starts it."""
    directory.mkdir()
    socket_path = directory / "clamd.sock"
    configuration = directory / "clamd.conf"
    configuration.write_text(clamd_configuration(socket_path))
    database = directory / "database"
    database.mkdir()
    (database / "bench.hdb").write_text(f"{EICAR_MD5}:{len(EICAR)}:Eicar-Test-Signature\n")
    (database / "bench.ndb").write_text(f"Bench.Eicar.Body:0:*:{EICAR.hex()}\n")
    (directory / "temporary").mkdir()
    command = (*prefix, str(find_clamd()), "--config-file", str(configuration))
    with running(CLAMD, command, directory, lambda: answers_ping(socket_path)) as program:
        yield program, socket_path


def clamd_configuration(socket_path: Path) -> str:
    directory = socket_path.parent
    settings = [
        "Foreground yes",
        f"LocalSocket {socket_path}",
        f"DatabaseDirectory {directory / 'database'}",
        f"TemporaryDirectory {directory / 'temporary'}",
        "StreamMaxLength 100M",
    ]
    if os.geteuid() == 0:
        settings.append("User root")
    return "\n".join(settings) + "\n"


@contextlib.contextmanager
def scanning_service(directory: Path, state: Path, clamd_socket: Path) -> Iterator[tuple[Program, Path]]:
    """The scanning service with default settings and one clamd; and its socket."""
    directory.mkdir()
    socket_path = directory / "scanner.sock"
    settings = directory / "scanner.toml"
    settings.write_text(
        f'[state]\ndirectory = "{state}"\n'
        f'[listen]\nuds = "{socket_path}"\n'
        f'[virus]\nengines = [{{kind = "clamd", address = "unix:{clamd_socket}"}}]\n'
    )
    state.mkdir()
    command = (find_program("couriergate-scanner"), "serve", "--config", settings)
    with (
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket_path)),
            base_url="http://localhost",
            timeout=PROBE_LIMIT_SECONDS,
        ) as probe,
        running(SERVICE, command, directory, lambda: answers_ready(probe)) as program,
    ):
        yield program, socket_path


@contextlib.contextmanager
def shim(directory: Path, scanner_socket: Path) -> Iterator[tuple[Program, Path]]:
    """The shim, which asks this scanning service; and its socket."""
    filters = directory / "allfilters"
    filters.mkdir(parents=True)
    settings = directory / "shim.toml"
    settings.write_text(
        f'scanners = ["unix:{scanner_socket}"]\nfilter_directory = "{filters}"\nsocket_name = "couriergate"\n'
    )
    socket_path = filters / "couriergate"
    command = (find_program("couriergate-shim"), "run", "--config", settings, "--mode", "standalone")
    with running(SHIM, command, directory, lambda: accepts(socket_path)) as program:
        yield program, socket_path


def answers_ping(socket_path: Path) -> bool:
    try:
        return exchange(socket_path, b"nPING\n") == b"PONG\n"
    except OSError:
        return False


def answers_ready(probe: httpx.Client) -> bool:
    try:
        return probe.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def accepts(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(str(socket_path)) == 0


def listens(bound_path: Path) -> bool:
    """Whether somebody listens on the socket that was bound to this path, found out without a connection."""
    accepting = "00010000"  # __SO_ACCEPTCON, proc(5), /proc/net/unix
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return any(row[3] == accepting and row[-1] == str(bound_path) for row in rows)
