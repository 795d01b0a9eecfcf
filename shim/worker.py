"""One worker: takes connections from the shared listener and answers them, until its orders end.

Its orders come on standard input, one line, which then stays open as long as the parent wants it to serve. It opens
no socket of its own but those to the scanners.
"""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial

from shim.courier_config import courier_me, local_domains, sysconfdir
from shim.handle_message import Rules, answer_connection
from shim.log_line import Level, flush_log, log, set_log_form, take_dropped_log_lines
from shim.metrics import Metrics
from shim.pause import pause_path
from shim.probe import Probes, probe_file
from shim.scanner_client import ScannerClient
from shim.scanner_endpoint import Asking
from shim.settings import Settings, SettingsError, read_token
from shim.tls import tls_context
from shim.worker_process import REPORT_SECONDS, Instructions, log_form_of, settings_of

DRAIN_SECONDS = 5.0  # the parent waits for 8, courierfilter for 15
ACCEPT_PAUSE_SECONDS = 0.02
DESCRIPTORS = 4096  # for 256 messages in hand, 5 each, and silent connections
ORDERS, REPORTS = 0, 1

Answer = Callable[[socket.socket], Coroutine[None, None, None]]


def run_worker(listener_descriptor: int) -> None:
    """Serve the listener that was inherited under this descriptor, until the orders end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # meant for the parent, though a terminal sends them to all
    instructions = Instructions.from_line(_read_line(ORDERS))
    settings = settings_of(instructions)
    set_log_form(log_form_of(settings, to_courier=instructions.to_courier))
    _allow_many_descriptors()
    os.set_blocking(REPORTS, False)
    listener = socket.socket(fileno=listener_descriptor)
    listener.setblocking(False)
    asyncio.run(_serve(listener, settings, instructions.problem))
    flush_log()


async def _serve(listener: socket.socket, settings: Settings, problem: str | None) -> None:
    metrics = Metrics()
    asking, problem = _asking(settings, problem)
    scanners = ScannerClient(settings.scanners, asking, settings.retry_seconds, metrics)
    tasks: set[asyncio.Task[None]] = set()
    answer = partial(answer_connection, scanners=scanners, rules=_rules(settings, problem), metrics=metrics)
    loop = asyncio.get_running_loop()
    loop.add_reader(listener, _accept, listener, answer, tasks)
    finishing = asyncio.Event()
    loop.add_reader(ORDERS, _read_orders, finishing)
    _report({"ready": True})
    while not finishing.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REPORT_SECONDS if settings.metrics_file else None):
                await finishing.wait()
        _report_counted(metrics)
    loop.remove_reader(listener)
    listener.close()
    await _drain(tasks)
    await scanners.aclose()
    _report_counted(metrics)


def _asking(settings: Settings, problem: str | None) -> tuple[Asking, str | None]:
    """Return how to ask the scanners; with a problem where they could not be asked as the settings want."""
    try:
        tls = tls_context(settings)
    except SettingsError as error:
        log(Level.ERROR, event="no TLS", problem=error)
        return Asking(), problem or str(error)
    return Asking(_token(settings), tls, settings.send), problem


def _rules(settings: Settings, problem: str | None) -> Rules:
    directory = sysconfdir()
    return Rules(
        host=courier_me(directory),
        local_domains=local_domains(directory),
        pause_path=pause_path(settings.socket_path),
        deadline_seconds=settings.deadline_seconds,
        max_message_bytes=settings.max_message_bytes,
        too_big=settings.too_big,
        observe=settings.observe,
        probes=Probes(probe_file(settings.socket_path)),
        on_failure=settings.on_failure,
        problem=problem,
    )


def _accept(listener: socket.socket, answer: Answer, tasks: set[asyncio.Task[None]]) -> None:
    """Take one connection; ``tasks`` are the messages in our hands."""
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return  # another worker was faster, or submit hung up before we came
    except OSError as error:
        # No descriptor left: messages wait in the backlog until others are done.
        log(Level.ERROR, event="cannot accept", problem=error.strerror)
        time.sleep(ACCEPT_PAUSE_SECONDS)
        return
    connection.setblocking(False)
    task = asyncio.create_task(_answer_and_close(connection, answer))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _answer_and_close(connection: socket.socket, answer: Answer) -> None:
    with connection:
        await answer(connection)


async def _drain(tasks: set[asyncio.Task[None]]) -> None:
    """Let the messages in our hands finish; those that take too long are answered 4xx."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1.0)


def _read_orders(finishing: asyncio.Event) -> None:
    if not os.read(ORDERS, 4096):
        asyncio.get_running_loop().remove_reader(ORDERS)
        finishing.set()


def _report_counted(metrics: Metrics) -> None:
    if dropped := take_dropped_log_lines():  # a zero would have the parent write its file while there is no mail
        metrics.count("log_lines_dropped_total", dropped)
    for counted in metrics.take():
        try:
            _report({"counted": [counted]})
        except BlockingIOError:  # the parent is slow; later
            metrics.add([counted])


def _report(report: dict[str, object]) -> None:
    """Write a line to the parent: a short one, so that it goes whole or not at all (pipe(7))."""
    with contextlib.suppress(BrokenPipeError):  # the parent is gone; its orders end as well
        os.write(REPORTS, json.dumps(report).encode("ascii") + b"\n")


def _allow_many_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _read_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 65536)
        if not piece:
            raise SystemExit(0)  # the parent is gone before it said what to do
        line += piece
    return line


def _token(settings: Settings) -> str | None:
    """Read the token; without it the scanner refuses the question, and that is what the mail's log line will say."""
    try:
        return read_token(settings)
    except SettingsError as error:
        log(Level.ERROR, event="no token", problem=error)
        return None
