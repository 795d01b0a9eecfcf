"""The shim as a program, and the mail host that it runs on."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.courier_queue import CourierQueue

PROGRAM = (sys.executable, "-W", "error", "-m", "shim")
PATIENCE_SECONDS = 15.0

_LOG_LINE = re.compile(r"(INFO|WARN|ERR|ALERT):couriergate: [ -~]*")
_LOG_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log, taken apart."""

    level: str
    fields: dict[str, str]
    text: str


class MailHost:
    """Directories and files of Courier that the shim meets, below a directory with a short name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.filters = directory / "filters"
        self.all_filters = directory / "allfilters"
        self.filter_socket = self.all_filters / "couriergate"
        self.settings_file = directory / "couriergate-shim.toml"
        self.log_file = directory / "log"
        for made in (self.filters, self.all_filters):
            made.mkdir()
        (directory / "me").write_text("mx.test.example\n")
        self.queue = CourierQueue(directory / "tmp")

    def set_up(self, scanners: Sequence[str], **settings: object) -> None:
        """Write the settings file."""
        values = {"scanners": list(scanners), "filter_directory": str(self.all_filters), **settings}
        self.settings_file.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in values.items()))


class ShimProgram:
    """``couriergate-shim run`` on a mail host, started by somebody else than courierfilter.

    ``prefix`` is a command that starts the command behind it, in some special circumstances.
    """

    def __init__(self, host: MailHost, prefix: Sequence[str] = (), notify_socket: Path | None = None) -> None:
        self._host = host
        self._prefix = prefix
        self._environment = {"sysconfdir": str(host.directory)}
        if notify_socket is not None:
            self._environment["NOTIFY_SOCKET"] = str(notify_socket)
        self._logged_before = 0

    def __enter__(self) -> Self:
        self._logged_before = len(self._read_log())
        with self._host.log_file.open("ab") as log:
            self.process = self._start(log.fileno())
        try:
            self.wait_for_log("event=started")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if error is None:
            self.log()  # a traceback or a warning there must not go unseen

    def log(self) -> list[LogLine]:
        """Return what the program said since it was started, which must be nothing but log lines."""
        return [parse_log_line(line) for line in self._read_log()[self._logged_before :]]

    def wait_for_log(self, part: str) -> None:
        """Return when a line with this part is there; the program must not end before."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(part in line.text for line in self.log()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise TimeoutError(f"want {part!r} in the log, got {self._read_log()}")
            time.sleep(0.01)

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait_for_end(self) -> int:
        """Return the exit status."""
        return self.process.wait(PATIENCE_SECONDS)

    def _start(self, log: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*self._prefix, *PROGRAM, "run", "--config", self._host.settings_file],
            cwd="/usr",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def _read_log(self) -> list[str]:
        # Not str.splitlines: it would take a form feed that should not be there for the end of a line.
        path = self._host.log_file
        return path.read_text("latin-1").split("\n")[:-1] if path.exists() else []


class ShimUnderCourierfilter(ShimProgram):
    """The same, started as courierfilter does it: a pipe as standard input, and one as descriptor 3."""

    def __enter__(self) -> Self:
        self._ready, theirs = os.pipe()
        self._theirs = fcntl.fcntl(theirs, fcntl.F_DUPFD, 10)  # so that it is not 3 already
        os.close(theirs)
        try:
            return super().__enter__()
        except BaseException:
            os.close(self._ready)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask_to_stop()
        os.close(self._ready)
        super().__exit__(kind, error, trace)

    def wait_until_ready(self) -> None:
        """Return when descriptor 3 is closed in every process, as ``courierfilter start`` does."""
        assert os.read(self._ready, 1) == b""

    def ask_to_stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _start(self, log: int) -> "subprocess.Popen[bytes]":
        run = [*self._prefix, *PROGRAM, "run", "--config", str(self._host.settings_file)]
        try:
            return subprocess.Popen(
                ["/bin/bash", "-c", 'eval "exec 3>&$0 $0>&-"; exec "$@"', str(self._theirs), *run],
                cwd="/usr",
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[self._theirs],
            )
        finally:
            os.close(self._theirs)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)  # of strings, numbers and lists of them, TOML reads likewise


def parse_log_line(line: str) -> LogLine:
    found = _LOG_LINE.fullmatch(line)
    assert found, f"not a log line: {line!r}"
    fields = {name: quoted or plain for name, quoted, plain in _LOG_FIELD.findall(line)}
    return LogLine(found[1], fields, line)
