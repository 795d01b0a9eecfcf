"""A program that the scenarios start, stop, kill and stall."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.scenarios.log_file import LogFile
from tests.scenarios.waiting import wait_until

START_LIMIT_SECONDS = 30
_STOP_LIMIT_SECONDS = 15

# Nothing of the developer's own environment: proxies and locales would change what is tested.
CLEAN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class ProgramError(Exception):
    """A program did not come up, did not stop or reported failure; the message ends with its log."""


class Program:
    """One long-running program in the foreground, with its output in a log file.

    ``has_workers``: what stalls or kills it does so to all its processes, as those of its workers would go on.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        is_ready: Callable[[], bool],
        environment: Mapping[str, str] = CLEAN_ENVIRONMENT,
        *,
        has_workers: bool = False,
    ) -> None:
        self.name = name
        self.log = LogFile(log)
        self._command = command
        self._is_ready = is_ready
        self._environment = environment
        self._has_workers = has_workers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it is ready."""
        with self.log.path.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=self._environment,
                start_new_session=self._has_workers,
            )
        try:
            wait_until(self._is_up_or_gone, START_LIMIT_SECONDS, f"{self.name} ready")
        except TimeoutError as e:
            self.kill()
            raise ProgramError(f"{e}; its log:\n{self.log.tail()}") from e
        if self._process.poll() is not None:
            raise ProgramError(f"{self.name} ended with {self._process.returncode}; its log:\n{self.log.tail()}")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ensure_running(self) -> None:
        """Undo whatever a scenario did to it."""
        if self.is_running:
            self.resume()
        else:
            self.start()

    def stop(self) -> None:
        """End it as an administrator would, with SIGTERM."""
        self._signal(signal.SIGTERM)
        self.resume()  # stalled, it would not see the signal
        try:
            self._running().wait(_STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired as e:
            self.kill()
            raise ProgramError(f"{self.name} did not stop: {e}; its log:\n{self.log.tail()}") from e

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self._signal(signal.SIGKILL)
        self._running().wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def hang_up(self) -> None:
        """Have it read its settings anew, with SIGHUP."""
        self._signal(signal.SIGHUP)

    def stall(self) -> None:
        """Let it stand still: it keeps its connections, and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _is_up_or_gone(self) -> bool:
        return self._running().poll() is not None or self._is_ready()

    def _signal(self, number: signal.Signals) -> None:
        process = self._running()
        if not self._has_workers or number in (signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ProgramError(f"{self.name} was never started")
        return self._process
