"""Write log lines without ever waiting for whoever reads them: mail must not stand still with the logger.

What the reader does not take is kept, up to a bound, and written before the next line.
"""

import os
import select
import socket
import stat
import time
from collections import deque
from collections.abc import Callable

WAITING_LINES = 1000
FLUSH_PAUSE_SECONDS = 0.01


class LogOutput:
    """One descriptor, most often a pipe to Courier's logger that other filters share."""

    def __init__(self, descriptor: int) -> None:
        self._dropped = 0
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._write: Callable[[bytes], int] | None = None

    def write(self, line: bytes) -> None:
        """Write a line, or keep it for later, or drop it where too many wait already."""
        if len(self._waiting) >= WAITING_LINES:
            self._dropped += 1
        else:
            self._waiting.append(line)
        self._write_waiting()

    def flush(self, limit_seconds: float) -> None:
        """Write what waits, as far as it is taken in this time: for a process that ends."""
        end = time.monotonic() + limit_seconds
        self._write_waiting()
        while self._waiting and time.monotonic() < end:
            time.sleep(FLUSH_PAUSE_SECONDS)
            self._write_waiting()

    def take_dropped(self) -> int:
        """Return how many lines were dropped since the last time."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _write_waiting(self) -> None:
        self._write = self._write or _writer(self._descriptor)
        try:
            while self._waiting:
                written = self._write(self._waiting[0])
                rest = self._waiting.popleft()[written:]
                if rest:
                    self._waiting.appendleft(rest)
        except BlockingIOError:
            pass
        except OSError:  # nobody is there to read it, now or later
            self._waiting.clear()


def _writer(descriptor: int) -> Callable[[bytes], int]:
    """Return a function that writes what can be written at once.

    The descriptor itself must stay as it is: to set O_NONBLOCK would set it for all who share the pipe.
    """
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        mode = 0
    if stat.S_ISSOCK(mode):
        return lambda line: _send(descriptor, line)
    if stat.S_ISFIFO(mode):
        try:
            # Another open file on the same pipe, with flags of its own.
            own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # another user's pipe
            return lambda line: _write_if_there_is_room(descriptor, line)
        return lambda line: os.write(own, line)
    return lambda line: os.write(descriptor, line)


def _send(descriptor: int, line: bytes) -> int:
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        return connection.send(line, socket.MSG_DONTWAIT)


def _write_if_there_is_room(descriptor: int, line: bytes) -> int:
    # Writable means room for a line: it is shorter than a page, the unit of a pipe (pipe(7)).
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not any(event & select.POLLOUT for _, event in poll.poll(0)):
        raise BlockingIOError
    return os.write(descriptor, line)
