"""The parent's handle on one worker process.

The worker's standard input tells it what to do (one line of JSON) and then stays open: its end means finish and exit,
be it that the parent closed it or died. Its standard output tells the parent how it fares, a line of JSON at a time.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from shim.log_line import LogForm, Reader
from shim.metrics import Counted
from shim.service_manager import is_journal
from shim.settings import Settings, parse_settings, salvage_settings

REPORT_LIMIT_BYTES = 64 * 2**10
REPORT_SECONDS = 5.0  # between reports of what was counted


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a worker needs to know.

    The settings' text is as the parent read it, so that a file that was broken since harms nobody. With a problem
    there are none, and every message is answered 4xx. ``to_courier``: Courier's logger reads the log.
    """

    settings_text: str
    settings_path: str
    to_courier: bool = False
    problem: str | None = None

    def to_line(self) -> bytes:
        """Return them as one line."""
        return json.dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Instructions":
        """Read what to_line wrote."""
        return cls(**json.loads(line))


class WorkerProcess:
    """A worker, from its start until its exit status was fetched."""

    def __init__(self, pid: int, orders: int, reports: int) -> None:
        self.pid = pid
        self.reports = reports  # descriptor
        self.started = time.monotonic()
        self.is_ready = False
        self.counted: list[Counted] = []
        self._orders: int | None = orders
        self._unread = b""
        os.set_blocking(reports, False)

    @property
    def descriptors(self) -> tuple[int, int]:
        """Both pipes' ends, for a parent that executes itself anew."""
        assert self._orders is not None
        return self._orders, self.reports

    def read_reports(self) -> bool:
        """Take in what the worker said; return False at the end of it."""
        try:
            data = os.read(self.reports, REPORT_LIMIT_BYTES)
        except BlockingIOError:
            return True
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            report = json.loads(line)
            self.is_ready = self.is_ready or report.get("ready", False)
            self.counted += report.get("counted", [])
        return bool(data)

    def take_counted(self) -> list[Counted]:
        """Return what the worker has counted since the last time."""
        counted, self.counted = self.counted, []
        return counted

    def finish(self) -> None:
        """Tell it to answer what it has, and exit."""
        if self._orders is not None:
            os.close(self._orders)
            self._orders = None

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 9)

    def close(self) -> None:
        """Let go of the pipes of a worker that is gone."""
        self.finish()
        os.close(self.reports)


def start_worker(command: list[str], listener: int, instructions: Instructions) -> WorkerProcess:
    """Start a worker as a new process of the program as it is on disk now.

    Not a fork of this one: the file may have been replaced since by a newer version.
    """
    process = subprocess.Popen(  # noqa: S603 (our own program)
        [*command, "worker", "--listener", str(listener)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[listener],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    orders, reports = os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno())
    process.stdin.close()
    process.stdout.close()
    process.returncode = 0  # the parent reaps by itself; Popen must not
    with contextlib.suppress(BrokenPipeError):  # it died at once: its exit status says so
        os.write(orders, instructions.to_line())
    return WorkerProcess(process.pid, orders, reports)


def settings_of(instructions: Instructions) -> Settings:
    """Return the settings that the instructions hold; where there is a problem with them, what tells the place."""
    if instructions.problem is not None:
        return salvage_settings(instructions.settings_text)
    return parse_settings(instructions.settings_text, instructions.settings_path)


def log_form_of(settings: Settings, *, to_courier: bool) -> LogForm:
    """Return how log lines are to be written."""
    return LogForm(settings.log_format, log_reader(to_courier=to_courier))


def log_reader(*, to_courier: bool) -> Reader:
    """Return who reads what we log."""
    if to_courier:
        return Reader.COURIER
    return Reader.JOURNAL if is_journal(2) else Reader.OTHER


def own_command() -> list[str]:
    """Return the command that starts this program again: the file that courierfilter's link led to at our start."""
    specification = sys.modules["__main__"].__spec__
    if specification is not None and specification.name.startswith("shim"):
        return [sys.executable, "-m", "shim"]
    return [sys.executable, str(Path(sys.argv[0]).resolve())]


def reap() -> Iterator[tuple[int, int]]:
    """Yield process id and exit status of each child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)
