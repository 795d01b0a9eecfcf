"""strace(1) on a running process: what it asks of the kernel, and errors that the kernel did not have."""

import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 15.0

_CALL = re.compile(r"\d+ +(\w+)\((.*)")
_DESCRIPTOR = re.compile(r"\b\d+<([^>:]+)")
_TEXT = re.compile(r'"([^"]*)"')


class Strace:
    """Attached to a process and its threads for as long as the context lasts."""

    def __init__(self, process: int, output: Path, *options: str) -> None:
        self._output = output
        self._messages = output.with_suffix(".messages")
        self._command = ["strace", "-f", "-y", "-o", str(output), "-p", str(process), *options]

    def __enter__(self) -> Self:
        with self._messages.open("wb") as messages:
            self._strace = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stderr=messages)
        end = time.monotonic() + PATIENCE_SECONDS
        while "attached" not in self._messages.read_text():
            if self._strace.poll() is not None or time.monotonic() > end:
                self._strace.kill()
                raise TimeoutError(f"want strace attached, got {self._messages.read_text()!r}")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._strace.send_signal(signal.SIGTERM)  # detaches
        self._strace.wait(PATIENCE_SECONDS)

    def calls(self) -> list[tuple[str, str]]:
        """Return each call with the last file that it names, or with what it sends, once the context has ended."""
        found = (_CALL.match(line) for line in self._output.read_text().splitlines())
        return [(call[1], _object(call[2])) for call in found if call]


def _object(arguments: str) -> str:
    files = [found[1] for found in _DESCRIPTOR.finditer(arguments) if found[1] != "socket"]
    texts = [found[1] for found in _TEXT.finditer(arguments)]
    return (files or texts or [""])[-1]
