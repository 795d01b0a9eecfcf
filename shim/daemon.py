"""A courierfilter's life: bind, listen, say ready, serve, stop.

The socket is the switch of the whole mail server: without it Courier passes all mail unfiltered, with it and nobody
behind it Courier answers 432. So it is replaced in one step and never removed. Source: ``filters/courierfilter.c``.
"""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Coroutine
from enum import StrEnum
from functools import partial
from pathlib import Path

from shim.log_line import Level, log
from shim.settings import Settings, SettingsError, read_token

BACKLOG = 512  # submit gives up after five tries of a second if it is full
DRAIN_SECONDS = 5.0  # courierfilter itself gives up after 15 s
ACCEPT_PAUSE_SECONDS = 0.02
READY_DESCRIPTOR = 3

Answer = Callable[[socket.socket], Coroutine[None, None, None]]


class Mode(StrEnum):
    """Who started us: Courier's courierfilter, or somebody else (an init system, a person)."""

    COURIERFILTER = "courierfilter"
    STANDALONE = "standalone"


class SocketError(Exception):
    """The filter socket cannot be made; the message says which and why."""


def find_mode() -> Mode:
    """Courierfilter gives two pipes: standard input, whose end means stop, and descriptor 3, to be closed."""
    if _is_pipe(0) and _is_pipe(READY_DESCRIPTOR):
        return Mode.COURIERFILTER
    return Mode.STANDALONE


def run(settings: Settings, mode: Mode) -> None:
    """Serve until told to stop.

    Raises:
        SocketError: see above.
        SettingsError: the token cannot be read.
    """
    listener = _open_socket(settings.filter_directory, settings.socket_name)
    if mode is Mode.COURIERFILTER:
        # Before anything slow: courierfilter's start waits for it, and mail waits in the backlog meanwhile.
        os.close(READY_DESCRIPTOR)
    asyncio.run(_serve(listener, settings, mode))


async def _serve(listener: socket.socket, settings: Settings, mode: Mode) -> None:
    # httpx takes longer to import than all the rest; the socket is there by now.
    from shim.handle_message import Rules, answer_connection  # noqa: PLC0415
    from shim.scanner_client import ScannerClient  # noqa: PLC0415

    scanners = ScannerClient(settings.scanners, _token(settings), settings.retry_seconds)
    rules = Rules(
        host=_courier_me(),
        deadline_seconds=settings.deadline_seconds,
        max_message_bytes=settings.max_message_bytes,
        too_big=settings.too_big,
    )
    stopping = _stop_requests(mode)
    log(Level.INFO, event="started", mode=mode, scanners=",".join(settings.scanners))
    tasks: set[asyncio.Task[None]] = set()
    answer = partial(answer_connection, scanners=scanners, rules=rules)
    loop = asyncio.get_running_loop()
    loop.add_reader(listener, _accept, listener, answer, tasks)
    await stopping.wait()
    loop.remove_reader(listener)
    listener.close()
    await _drain(tasks)
    await scanners.aclose()
    log(Level.INFO, event="stopped")


def _accept(listener: socket.socket, answer: Answer, tasks: set[asyncio.Task[None]]) -> None:
    """Take one connection; ``tasks`` are the messages in our hands."""
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return  # submit hung up before we came
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


def _open_socket(directory: Path, name: str) -> socket.socket:
    """Listen under a hidden name, then rename: submit sees a socket that answers, or the one before."""
    hidden, path = directory / f".{name}", directory / name
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        hidden.unlink(missing_ok=True)
        listener.bind(str(hidden))
        # submit runs as the sending user with group courier when it takes local mail, and needs to write here.
        hidden.chmod(0o660)
        listener.listen(BACKLOG)
        hidden.rename(path)
        _remove_twin(directory, name)
    except OSError as error:
        listener.close()
        raise SocketError(f"{path}: cannot make the filter socket: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def _remove_twin(directory: Path, name: str) -> None:
    """With a socket of one name in ``filters`` and ``allfilters``, submit would call both."""
    twins = {"filters": "allfilters", "allfilters": "filters"}
    if directory.name in twins:
        twin = directory.with_name(twins[directory.name]) / name
        if twin.is_socket():
            twin.unlink()


def _stop_requests(mode: Mode) -> asyncio.Event:
    """Return an event that is set when courierfilter closes our standard input, or at SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if mode is Mode.COURIERFILTER:
        loop.add_reader(0, partial(_read_input, loop, stopping))
    return stopping


def _read_input(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    if not os.read(0, 4096):
        loop.remove_reader(0)
        stopping.set()


def _token(settings: Settings) -> str | None:
    """Read the token; without it the scanner refuses the question, and that is what the mail's log line will say."""
    try:
        return read_token(settings)
    except SettingsError as error:
        log(Level.ERROR, event="no token", problem=error)
        return None


def _courier_me() -> str:
    """Return the name of this mail host as Courier has it: the file ``me``, else the host's name."""
    # courierfilter names the variable so.
    directory = Path(os.environ.get("sysconfdir", "/etc/courier"))  # noqa: SIM112
    with contextlib.suppress(OSError, UnicodeDecodeError):
        lines = (directory / "me").read_text(encoding="ascii").split()
        if lines:
            return lines[0]
    return socket.gethostname()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
