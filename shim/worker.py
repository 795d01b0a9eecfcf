"""One worker: takes connections from the shared listener and answers them, until its orders end.

Its orders come on standard input, one line, which then stays open as long as the parent wants it to serve. It opens
no socket of its own but those to the scanners.
"""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial

from shim.courier_config import courier_me, local_domains, sysconfdir
from shim.handle_message import Rules, answer_connection
from shim.log_line import Level, log
from shim.scanner_client import ScannerClient
from shim.settings import Settings, SettingsError, read_token
from shim.worker_process import Instructions, settings_of

DRAIN_SECONDS = 5.0  # the parent waits for 8, courierfilter for 15
ACCEPT_PAUSE_SECONDS = 0.02
ORDERS, REPORTS = 0, 1

Answer = Callable[[socket.socket], Coroutine[None, None, None]]


def run_worker(listener_descriptor: int) -> None:
    """Serve the listener that was inherited under this descriptor, until the orders end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for the parent, though a terminal sends them to all
    instructions = Instructions.from_line(_read_line(ORDERS))
    listener = socket.socket(fileno=listener_descriptor)
    listener.setblocking(False)
    asyncio.run(_serve(listener, settings_of(instructions), instructions.problem))


async def _serve(listener: socket.socket, settings: Settings, problem: str | None) -> None:
    scanners = ScannerClient(settings.scanners, _token(settings), settings.retry_seconds)
    tasks: set[asyncio.Task[None]] = set()
    answer = partial(answer_connection, scanners=scanners, rules=_rules(settings, problem))
    loop = asyncio.get_running_loop()
    loop.add_reader(listener, _accept, listener, answer, tasks)
    finishing = asyncio.Event()
    loop.add_reader(ORDERS, _read_orders, finishing)
    os.write(REPORTS, json.dumps({"ready": True}).encode("ascii") + b"\n")
    await finishing.wait()
    loop.remove_reader(listener)
    listener.close()
    await _drain(tasks)
    await scanners.aclose()


def _rules(settings: Settings, problem: str | None) -> Rules:
    directory = sysconfdir()
    return Rules(
        host=courier_me(directory),
        local_domains=local_domains(directory),
        deadline_seconds=settings.deadline_seconds,
        max_message_bytes=settings.max_message_bytes,
        too_big=settings.too_big,
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
