"""A clamd that scans, and one for each way in which a clamd fails (clamd(8), ``INSTREAM`` and ``VERSION``).

Those that scan find the EICAR test file when the stream is that and nothing else, at once and whatever else they do.
"""

import contextlib
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
VERSION = b"ClamAV 1.4.6/28039/Thu Jun  6 08:29:36 2024\n"
VERSION_MADE = datetime(2024, 6, 6, 8, 29, 36).astimezone()
VERSION_WITHOUT_SIGNATURES = b"ClamAV 1.4.6\n"
FOUND_EICAR = b"stream: Eicar-Test-Signature FOUND\0"
SIZE_LIMIT_ANSWER = b"INSTREAM size limit exceeded. ERROR\0"
_LENGTH = struct.Struct("!I")
_LONGEST_WAIT_SECONDS = 30


class _HungUpError(Exception):
    """The other side, or the test, has closed the connection."""


class Conversation:
    """One connection, as clamd sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unread = bytearray()
        self.streamed = bytearray()

    def read_command(self) -> str:
        """Return the command without its prefix and its end."""
        ends = {b"z": b"\0", b"n": b"\n"}[self._read(1)]
        command = bytearray()
        while (byte := self._read(1)) != ends:
            command += byte
        return command.decode("ascii")

    def read_chunk_length(self) -> int:
        return int(_LENGTH.unpack(self._read(_LENGTH.size))[0])

    def read_chunk(self, length: int) -> None:
        self.streamed += self._read(length)

    def read_stream(self) -> bytes:
        while length := self.read_chunk_length():
            self.read_chunk(length)
        return bytes(self.streamed)

    def say(self, answer: bytes) -> None:
        try:
            self._connection.sendall(answer)
        except OSError as error:
            raise _HungUpError from error

    def wait_for_the_other_side(self) -> None:
        """Read until the other side hangs up."""
        while True:
            self._unread.clear()
            self._read(1)

    def _read(self, length: int) -> bytes:
        while len(self._unread) < length:
            try:
                piece = self._connection.recv(2**20)
            except OSError as error:
                raise _HungUpError from error
            if not piece:
                raise _HungUpError
            self._unread += piece
        read = bytes(self._unread[:length])
        del self._unread[:length]
        return read


Behaviour = Callable[[Conversation], None]


def scan(conversation: Conversation) -> None:
    """Know the EICAR test file, as it stands in the stream."""
    if conversation.read_command() == "VERSION":
        conversation.say(VERSION)
        return
    infected = EICAR in conversation.read_stream()
    conversation.say(FOUND_EICAR if infected else b"stream: OK\0")


def know_nothing(conversation: Conversation) -> None:
    """Find nothing in anything, as with a database that is empty or another's."""
    if conversation.read_command() == "VERSION":
        conversation.say(VERSION_WITHOUT_SIGNATURES)
        return
    conversation.read_stream()
    conversation.say(b"stream: OK\0")


def answer(said: bytes) -> Behaviour:
    """Take the whole stream, say this, hang up."""

    def behave(conversation: Conversation) -> None:
        is_test = conversation.read_command() == "INSTREAM" and conversation.read_stream() == EICAR
        conversation.say(FOUND_EICAR if is_test else said)

    return behave


def scan_slowly(seconds: float) -> Behaviour:
    """Find nothing, but only after a while."""

    def behave(conversation: Conversation) -> None:
        if conversation.read_command() == "VERSION":
            conversation.say(VERSION)
            return
        if conversation.read_stream() == EICAR:
            conversation.say(FOUND_EICAR)
            return
        time.sleep(seconds)
        conversation.say(b"stream: OK\0")

    return behave


def dribble(said: bytes) -> Behaviour:
    """Say this byte by byte."""

    def behave(conversation: Conversation) -> None:
        conversation.read_command()
        is_test = conversation.read_stream() == EICAR
        for byte in FOUND_EICAR if is_test else said:
            conversation.say(bytes([byte]))
            time.sleep(0.001)

    return behave


def limit_streams_to(limit_bytes: int) -> Behaviour:
    """Answer and hang up as soon as a chunk is announced that is too much, without reading it.

    What has the length of the test file is never too much.
    """

    def behave(conversation: Conversation) -> None:
        if conversation.read_command() == "VERSION":
            conversation.say(VERSION)
            return
        while length := conversation.read_chunk_length():
            if len(conversation.streamed) + length > max(limit_bytes, len(EICAR)):
                conversation.say(SIZE_LIMIT_ANSWER)
                return
            conversation.read_chunk(length)
        conversation.say(FOUND_EICAR if conversation.streamed == EICAR else b"stream: OK\0")

    return behave


def stay_silent(conversation: Conversation) -> None:
    """Tell the version, read everything else and say nothing."""
    if conversation.read_command() == "VERSION":
        conversation.say(VERSION)
        return
    conversation.wait_for_the_other_side()


def stall(conversation: Conversation) -> None:
    """Read nothing for a while, as a stopped process does, and say nothing then."""
    time.sleep(0.15)
    conversation.wait_for_the_other_side()


def hang_up(conversation: Conversation) -> None:
    """Close at once, without reading."""


class FakeClamd:
    """A clamd on a unix socket, or on a TCP port of the loopback; it can be stopped and started again.

    ``streams`` are the messages it has got, ``tests_seen`` counts the EICAR test files; ``open_connections`` are
    those that nobody has closed yet.
    """

    def __init__(self, behaviour: Behaviour = scan, *, tcp: bool = False) -> None:
        self.behaviour = behaviour
        self.streams: list[bytes] = []
        self.tests_seen = 0
        self.connections_seen = 0
        self._directory = tempfile.TemporaryDirectory(prefix="clamd.")
        self.path = None if tcp else Path(self._directory.name) / "clamd.ctl"
        self.port = 0
        self._listener: socket.socket | None = None
        self._open: dict[socket.socket, threading.Thread] = {}
        self._conversations: list[Conversation] = []
        self._lock = threading.Lock()
        self._accepting: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._directory.cleanup()

    @property
    def address(self) -> str:
        """The address as the service's setting has it."""
        return f"unix:{self.path}" if self.path else f"tcp:127.0.0.1:{self.port}"

    def start(self) -> None:
        self._listener = self._listen()
        self._accepting = threading.Thread(target=self._accept, args=(self._listener,), name="clamd")
        self._accepting.start()

    def stop(self) -> None:
        """Hang up on everybody and be gone; whoever connects is refused."""
        if self._listener is None or self._accepting is None:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self._listener = None
        if self.path:
            self.path.unlink()
        with self._lock:
            running = dict(self._open)
        for connection, thread in running.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    @property
    def messages_in_hand(self) -> int:
        """How many connections stream a message, or wait for its scan: the EICAR test file is none."""
        with self._lock:
            return sum(not EICAR.startswith(bytes(one.streamed)) for one in self._conversations)

    def has_nobody(self) -> bool:
        """Wait until all connections are closed; false if some stay open."""
        deadline = time.monotonic() + 20
        while self.open_connections and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self.open_connections

    def _listen(self) -> socket.socket:
        if self.path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self.path))
        else:
            listener = socket.socket(socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            self.port = listener.getsockname()[1]
        listener.listen()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # shut down by stop()
                return
            connection.settimeout(_LONGEST_WAIT_SECONDS)
            thread = threading.Thread(target=self._serve, args=(connection,), name="clamd connection")
            with self._lock:
                self.connections_seen += 1
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        conversation = Conversation(connection)
        with self._lock:
            self._conversations.append(conversation)
        try:
            with contextlib.suppress(_HungUpError):
                self.behaviour(conversation)
        finally:
            connection.close()
            with self._lock:
                self._conversations.remove(conversation)
                if conversation.streamed == EICAR:
                    self.tests_seen += 1
                elif conversation.streamed:
                    self.streams.append(bytes(conversation.streamed))
                del self._open[connection]
