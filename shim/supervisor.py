"""The parent: it holds the filter socket, and sees to it that somebody answers there.

It reads no message and makes no connection, so that there is little that could end it. Workers that die are started
again, later and later if they die at once; messages wait in the socket's backlog meanwhile. New settings and new
versions come as new workers: the old ones go when the new ones are ready, and no message is refused.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shim.log_line import Level, flush_log, log, set_log_form
from shim.metrics import Metrics, write_metrics
from shim.pause_watch import PauseWatch
from shim.service_manager import notify_service_manager
from shim.settings import SettingsError, WhenStopped, parse_settings, read_settings_text
from shim.worker_process import Instructions, WorkerProcess, log_form_of, reap, settings_of, start_worker

INHERITED_VARIABLE = "COURIERGATE_SHIM_INHERITED"
SHORT_LIFE_SECONDS = 10.0
FIRST_BACK_OFF_SECONDS = 0.1
LONGEST_BACK_OFF_SECONDS = 5.0
STOP_SECONDS = 8.0  # courierfilter gives up after 15 s, and then starts nothing any more
CHECK_SECONDS = 8.0  # nothing else is seen to meanwhile, not even the order to stop
_ORDERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@dataclass(frozen=True, slots=True)
class Program:
    """How this program was started, and so can be again: mode, command, arguments, settings file."""

    mode: str
    command: list[str]
    arguments: list[str]
    settings_path: Path | None


class Supervisor:
    """Holds the socket and the workers until it is told to stop."""

    def __init__(
        self, program: Program, instructions: Instructions, listener: socket.socket, socket_path: Path
    ) -> None:
        self._program = program
        self._instructions = instructions
        self._settings = settings_of(instructions)
        self._listener = listener
        self._socket_path = socket_path
        self._selector = selectors.DefaultSelector()
        self._workers: list[WorkerProcess] = []
        self._previous: list[WorkerProcess] = []  # they serve until all of the new ones do
        self._leaving: dict[WorkerProcess, float] = {}  # and until when they may take
        self._start_at = 0.0
        self._back_off_seconds = FIRST_BACK_OFF_SECONDS
        self._announced = False
        self._stop_at: float | None = None
        self._pause = PauseWatch(socket_path)
        self._metrics = Metrics()
        self._metrics.set("start_time_seconds", time.time())

    def run(self, *, stop_at_end_of_input: bool) -> None:
        """Serve until SIGTERM or SIGINT, or the end of standard input where that is the order to stop."""
        self._adopt_workers()
        self._watch_signals()
        self._pause.look()
        if stop_at_end_of_input:
            self._selector.register(0, selectors.EVENT_READ, self._on_input)
        while True:
            self._keep_going()
            if self._stop_at is not None and not self._processes():
                break
            for key, _ in self._selector.select(self._seconds_to_wait()):
                key.data()
        log(Level.INFO, event="stopped")
        flush_log()

    # What is due -----------------------------------------------------------------------------------------------

    def _keep_going(self) -> None:
        for pid, status in reap():
            self._on_exit(pid, status)
        now = time.monotonic()
        for worker, until in self._leaving.items():
            if now >= until:
                worker.kill()
        if self._pause.seconds_to_wait() == 0.0:
            self._pause.look()
        if self._stop_at is None:
            self._start_missing(now)
            self._hand_over()

    def _start_missing(self, now: float) -> None:
        while len(self._workers) < self._settings.workers and now >= self._start_at:
            worker = start_worker(self._program.command, self._listener.fileno(), self._instructions)
            self._selector.register(
                worker.reports, selectors.EVENT_READ, lambda worker=worker: self._on_report(worker)
            )
            self._workers.append(worker)

    def _hand_over(self) -> None:
        """Let the workers of before go, once the new ones serve."""
        if len(self._workers) < self._settings.workers or not all(worker.is_ready for worker in self._workers):
            return
        for worker in self._previous:
            self._let_go(worker)
        self._previous = []
        if not self._announced:
            self._announced = True
            scanners, observe = ",".join(self._settings.scanners), "yes" if self._settings.observe else None
            workers = len(self._workers)
            log(
                Level.INFO,
                event="started",
                mode=self._program.mode,
                scanners=scanners,
                workers=workers,
                observe=observe,
            )
            notify_service_manager("READY=1")

    def _seconds_to_wait(self) -> float | None:
        now = time.monotonic()
        due = [until - now for until in self._leaving.values()]
        if self._stop_at is None and len(self._workers) < self._settings.workers:
            due.append(self._start_at - now)
        pause = self._pause.seconds_to_wait()
        if pause is not None:
            due.append(pause)
        return max(0.0, min(due)) + 0.001 if due else None

    # What happens ----------------------------------------------------------------------------------------------

    def _on_exit(self, pid: int, status: int) -> None:
        worker = next((one for one in self._processes() if one.pid == pid), None)
        if worker is None:
            return
        self._forget(worker)
        if worker in self._leaving:
            del self._leaving[worker]
            return
        (self._workers if worker in self._workers else self._previous).remove(worker)
        lived = time.monotonic() - worker.started
        self._back_off_seconds = (
            min(self._back_off_seconds * 2, LONGEST_BACK_OFF_SECONDS)
            if lived < SHORT_LIFE_SECONDS
            else FIRST_BACK_OFF_SECONDS
        )
        self._start_at = time.monotonic() + (self._back_off_seconds if lived < SHORT_LIFE_SECONDS else 0.0)
        self._metrics.count("worker_deaths_total")
        log(Level.ERROR, event="worker died", pid=pid, status=status, problem="messages in its hands got a 432")

    def _on_report(self, worker: WorkerProcess) -> None:
        if not worker.read_reports():
            self._selector.unregister(worker.reports)
        if worker.counted:
            self._metrics.add(worker.take_counted())
            self._write_metrics()

    def _write_metrics(self) -> None:
        if self._settings.metrics_file is None:
            return
        self._metrics.set("workers", sum(worker.is_ready for worker in self._workers))
        self._metrics.set("paused", float(self._pause.is_paused))
        try:
            write_metrics(self._metrics, self._settings.metrics_file)
        except OSError as error:
            log(Level.ERROR, event="no metrics", problem=f"{self._settings.metrics_file}: {error.strerror}")

    def _on_input(self) -> None:
        if not os.read(0, 4096):
            self._selector.unregister(0)
            self._stop()

    def _on_signal(self) -> None:
        for number in os.read(self._signals, 64):
            match number:
                case signal.SIGTERM | signal.SIGINT:
                    self._stop()
                case signal.SIGHUP:
                    self._reload()
                case signal.SIGUSR1:
                    self._pause.look()
                    self._write_metrics()
                case signal.SIGUSR2:
                    self._execute_anew()

    # What is ordered -------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._stop_at is not None:
            return
        self._stop_at = time.monotonic()
        notify_service_manager("STOPPING=1")
        if self._settings.when_stopped is WhenStopped.PASS:
            self._remove_socket()
        self._listener.close()
        for worker in (*self._workers, *self._previous):
            self._let_go(worker)
        self._workers, self._previous = [], []

    def _remove_socket(self) -> None:
        try:
            self._socket_path.unlink(missing_ok=True)
        except OSError as error:  # another user than courier may not; then mail is refused, not passed
            log(Level.ERROR, event="socket not removed", problem=f"{self._socket_path}: {error.strerror}")

    def _reload(self) -> None:
        try:
            instructions = read_instructions(self._program.settings_path, to_courier=self._instructions.to_courier)
        except SettingsError as error:
            log(Level.ERROR, event="settings refused", problem=f"{error}; the ones of before stay")
            return
        settings = settings_of(instructions)
        if settings.socket_path != self._socket_path:
            place = settings.socket_path
            log(Level.WARNING, event="settings", problem=f"{place}: another socket needs a stop and a start")
        log(Level.INFO, event="settings read anew")
        self._instructions, self._settings = instructions, settings
        set_log_form(log_form_of(settings, to_courier=instructions.to_courier))
        self._previous += self._workers
        self._workers = []
        self._start_at = 0.0

    def _execute_anew(self) -> None:
        """Become the program that is on disk now, with the socket and the workers in hand."""
        if self._stop_at is not None or not self._is_program_sound():
            return
        workers = [*self._workers, *self._previous]
        for descriptor in (self._listener.fileno(), *(end for worker in workers for end in worker.descriptors)):
            os.set_inheritable(descriptor, True)
        os.environ[INHERITED_VARIABLE] = json.dumps(
            {
                "listener": self._listener.fileno(),
                "socket_path": str(self._socket_path),
                "workers": [[worker.pid, *worker.descriptors] for worker in workers],
            }
        )
        log(Level.INFO, event="restarting")
        try:
            os.execv(self._program.command[0], [*self._program.command, *self._program.arguments])  # noqa: S606
        except OSError as error:
            log(Level.ERROR, event="not restarted", problem=error.strerror)

    def _is_program_sound(self) -> bool:
        """Have the program on disk check the settings: a parent that fails would leave nobody behind the socket."""
        config = ["--config", str(self._program.settings_path)] if self._program.settings_path else []
        try:
            checked = subprocess.run(  # noqa: S603 (our own program)
                [*self._program.command, "check", *config], capture_output=True, timeout=CHECK_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            log(Level.ERROR, event="not restarted", problem=error)
            return False
        if checked.returncode:
            said = checked.stderr.decode("utf-8", "backslashreplace").strip()
            log(Level.ERROR, event="not restarted", problem=f"the program on disk fails its check: {said}")
        return checked.returncode == 0

    # Processes -------------------------------------------------------------------------------------------------

    def _processes(self) -> list[WorkerProcess]:
        return [*self._workers, *self._previous, *self._leaving]

    def _let_go(self, worker: WorkerProcess) -> None:
        worker.finish()
        self._leaving[worker] = time.monotonic() + STOP_SECONDS

    def _forget(self, worker: WorkerProcess) -> None:
        if worker.reports in self._selector.get_map():
            self._selector.unregister(worker.reports)
        worker.close()

    def _adopt_workers(self) -> None:
        """Take over the workers of the program that we were before we executed ourselves anew."""
        for pid, orders, reports in json.loads(os.environ.pop(INHERITED_VARIABLE, "{}")).get("workers", []):
            for descriptor in (orders, reports):
                os.set_inheritable(descriptor, False)
            worker = WorkerProcess(pid, orders, reports)
            self._selector.register(reports, selectors.EVENT_READ, partial(self._on_report, worker))
            self._previous.append(worker)

    def _watch_signals(self) -> None:
        self._signals, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        for number in (*_ORDERS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writing)
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signal)


def inherited_listener() -> tuple[socket.socket, Path] | None:
    """Return the filter socket and its path, if we were executed anew by ourselves; else None."""
    inherited = json.loads(os.environ.get(INHERITED_VARIABLE, "{}"))
    if not inherited:
        return None
    listener = socket.socket(fileno=inherited["listener"])
    listener.set_inheritable(False)
    listener.setblocking(False)
    return listener, Path(inherited["socket_path"])


def read_instructions(path: Path | None, *, to_courier: bool) -> Instructions:
    """Read the settings for the workers.

    Raises:
        SettingsError: see parse_settings.
    """
    text, where = read_settings_text(path)
    parse_settings(text, where)
    return Instructions(text, where, to_courier)
