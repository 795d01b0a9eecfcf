"""Run a daemon of Debian's until the end of a block; it is up when its unix socket takes connections."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

START_SECONDS = 90


@contextlib.contextmanager
def running_daemon(command: Sequence[str | Path], path: Path, log: Path) -> Iterator[Path]:
    """Yield the path of its socket; what it writes goes to the log."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            wait_until_up(path, process, log)
            yield path
        finally:
            process.terminate()


def wait_until_up(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until its socket takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(path))
            return
        time.sleep(0.02)
    raise AssertionError(f"{path.name} did not come up: {log.read_text(errors='replace')[-2000:]}")
