"""The two filters of the matrix, running, and what can be seen of them from outside."""

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench import pythonfilter
from bench.processes import read_process_times, tree_of
from tests.fakes.courier_queue import CourierQueue
from tests.fakes.descriptors import open_descriptors
from tests.fakes.shim_program import MailHost, ShimUnderCourierfilter
from tests.faults.engines import HEALTHY, Engine

NO_REPLY = "none"
HUNG_UP = "closed without a reply"
REFUSED = "no connection"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the shim may take for a message, and how long we wait for either filter."""

    deadline_seconds: float
    retry_seconds: float
    patience_seconds: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a filter is started with: its engine, settings of the shim, and a command that starts the reader.

    The reader is who opens the message: the shim, or pythonfilter's clamd.
    """

    engine: Engine = HEALTHY
    settings: dict[str, object] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    broken_settings: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What ``submit`` hears from a filter, as it reads it: one line, or why there is none."""

    reply: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RunningFilter:
    """A filter that serves; ``log`` has a line for each that it wrote since."""

    socket_path: Path
    process: "subprocess.Popen[bytes]"
    spool: Path
    queue: CourierQueue
    log: Callable[[], tuple[str, ...]]
    end_engine: Callable[[], None]

    def ask_to_stop(self) -> None:
        """End its standard input, as courierfilter does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ask(self, request: bytes, patience_seconds: float) -> Heard:
        asked = time.monotonic()
        try:
            with self.connect(patience_seconds) as connection:
                connection.sendall(request)
                reply = read_line(connection)
        except OSError as error:
            reply = NO_REPLY if isinstance(error, TimeoutError) else f"{REFUSED} ({error.strerror})"
        return Heard(reply, time.monotonic() - asked)

    def connect(self, patience_seconds: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(patience_seconds)
        try:
            connect_patiently(connection, str(self.socket_path))
        except OSError:
            connection.close()
            raise
        return connection

    def descriptors(self) -> int:
        return sum(len(open_descriptors(process)) for process in tree_of(self.process.pid, read_process_times()))

    def strange_files(self) -> list[str]:
        """Return the names of the files in the spool that are not ``submit``'s."""
        return [path.name for path in self.spool.iterdir() if not re.fullmatch(r"D\d+|C\d+\.\d+", path.name)]


def connect_patiently(connection: socket.socket, path: str) -> None:
    """Connect as ``submit`` does: while the backlog is full, every second, five times (cdfilters.C, dofilter)."""
    for _ in range(4):
        with suppress(BlockingIOError):
            connection.connect(path)
            return
        time.sleep(1)
    connection.connect(path)


def read_line(connection: socket.socket) -> str:
    """Read to a line feed or the end, as ``submit`` does (courier/cdfilters.C, dofilter)."""
    reply = b""
    while not reply.endswith(b"\n") and (data := connection.recv(65536)):
        reply += data
    return reply.decode("ascii").strip() or HUNG_UP


class Side(Protocol):
    """One column of the matrix."""

    name: str
    pace: Pace
    folder: Path

    def running(self, circumstances: Circumstances) -> AbstractContextManager[RunningFilter]:
        """Start it."""


class Couriergate:
    """Our shim; with ``beside``, a healthy scanner stands beside the one of the situation."""

    def __init__(self, folder: Path, pace: Pace, *, beside: bool = False) -> None:
        self.name = "beside" if beside else "couriergate"
        self.pace = pace
        self.folder = folder
        self._beside = beside

    @contextmanager
    def running(self, circumstances: Circumstances) -> Iterator[RunningFilter]:
        host = MailHost(self.folder)
        with ExitStack() as engines:
            scanners = [engines.enter_context(circumstances.engine.scanner(self.folder))]
            if self._beside:
                scanners.append(engines.enter_context(HEALTHY.scanner(self.folder)))
            patience = {
                "deadline_seconds": self.pace.deadline_seconds,
                "retry_seconds": self.pace.retry_seconds,
            }
            host.set_up(scanners, **{**patience, **circumstances.settings})
            if circumstances.broken_settings:
                host.settings_file.write_text(host.settings_file.read_text() + "deadline = ")
            with ShimUnderCourierfilter(host, prefix=circumstances.prefix) as shim:
                yield RunningFilter(
                    host.filter_socket,
                    shim.process,
                    host.directory / "tmp",
                    host.queue,
                    # Lines with an event tell of the program, not of a message.
                    lambda: tuple(line.text for line in shim.log() if "event" not in line.fields),
                    engines.close,
                )


class Pythonfilter:
    """courier-pythonfilter with its clamav module; its engine is a clamd."""

    name = "pythonfilter"

    def __init__(self, folder: Path, pace: Pace) -> None:
        self.pace = pace
        self.folder = folder

    @contextmanager
    def running(self, circumstances: Circumstances) -> Iterator[RunningFilter]:
        folder = self.folder / "pythonfilter"
        with ExitStack() as engines:
            clamd = engines.enter_context(circumstances.engine.clamd(self.folder / "clamd", circumstances.prefix))
            modules = ("clamav", "no_such_module") if circumstances.broken_settings else ("clamav",)
            with pythonfilter.pythonfilter(folder, clamd, modules) as (program, socket_path):
                said_before = len(program.log.read_text().splitlines())
                yield RunningFilter(
                    socket_path,
                    program.process,
                    folder / "tmp",
                    CourierQueue(folder / "tmp"),
                    lambda: tuple(program.log.read_text(errors="replace").splitlines()[said_before:]),
                    engines.close,
                )
