"""build/shim.pyz without Courier: its filter socket before it, a scanner that looks at nothing behind it."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import read_process_times, tree_of
from soak.report import ROOT
from tests.fakes.descriptors import open_descriptors
from tests.fakes.shim_program import PATIENCE_SECONDS, MailHost, ShimProgram
from tests.fakes.submit import submit
from tests.scenarios.programs_under_test import SHIM
from tests.scenarios.waiting import wait_until


class ShimAlone(ShimProgram):
    """``socket_seconds`` is the time from the start until somebody could connect."""

    def __init__(self, host: MailHost) -> None:
        super().__init__(host)
        self.host = host
        self.socket_seconds = 0.0

    def send(self, message: bytes, control_file: bytes) -> bytes:
        """Have one message judged; return the reply, and leave nothing of it in the queue."""
        request = self.host.queue.put(message, control_file)
        try:
            return submit(self.host.filter_socket, request)
        finally:
            for path in request.split():
                Path(path.decode()).unlink()

    def processes(self) -> tuple[int, ...]:
        return tree_of(self.process.pid, read_process_times())

    def descriptors(self) -> int:
        return sum(len(open_descriptors(pid)) for pid in self.processes())

    def _start(self, log: int) -> "subprocess.Popen[bytes]":
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-W", "error", SHIM, "run", "--config", self.host.settings_file],
            cwd="/usr",
            env={"sysconfdir": str(self.host.directory)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        wait_until(self._accepts, PATIENCE_SECONDS, "a filter socket")
        self.socket_seconds = time.perf_counter() - started
        return process

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.host.filter_socket)) == 0


@contextmanager
def mail_host_with_idle_scanner() -> Iterator[MailHost]:
    """Yield a mail host whose shim is to be started, and which asks a scanner in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="couriergate-soak-") as folder:
        scanner = Path(folder) / "scanner"
        host = MailHost(Path(folder))
        host.set_up([f"unix:{scanner}"])
        with subprocess.Popen([sys.executable, "-m", "soak.idle_scanner", scanner], cwd=ROOT) as process:
            try:
                wait_until(scanner.exists, PATIENCE_SECONDS, "a scanner")
                yield host
            finally:
                process.terminate()
