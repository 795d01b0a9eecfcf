"""Talk to a clamd (clamd(8)) over a unix socket or TCP.

The message goes by INSTREAM on asyncio, in one connection each: the PyPI client writes 1 KiB chunks from a thread
and dies of a broken pipe at clamd's size limit. The PyPI client asks for the version.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

import clamd

from scanner_service.clients.daemon_address import DaemonAddress

CONNECT_SECONDS = 2.0
VERSION_SECONDS = 5.0  # in all: the PyPI client waits so long for each byte
QUEUE_PAUSE_SECONDS = 0.01
CHUNK_BYTES = 2**20
ANSWER_LIMIT_BYTES = 64 * 2**10
FORBIDDEN = "COMMAND UNAVAILABLE"  # with EnableVersionCommand no
_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")


class ClamdUnavailableError(Exception):
    """Clamd did not look: not there, silent, or it said so. It may look later."""


class ClamdSizeLimitError(Exception):
    """The message is larger than clamd's StreamMaxLength; it will not look later either."""


@dataclass(frozen=True, slots=True)
class ClamdLook:
    """The names of the viruses found, none if there are none, and which process said so; None over TCP."""

    names: tuple[str, ...]
    process: int | None = None


class ClamdClient:
    """One clamd."""

    def __init__(self, address: DaemonAddress) -> None:
        self.address = address

    async def look(self, data: bytes) -> ClamdLook:
        """Return what it found. Wait limits are the caller's.

        Raises:
            ClamdUnavailableError: no answer, or an answer that is neither OK nor FOUND.
            ClamdSizeLimitError: see there.
        """
        try:
            connection = self._connect_at_once() or await self._connect_in_time()
        except TimeoutError as error:
            raise ClamdUnavailableError(f"{self.address}: no connection in {CONNECT_SECONDS:g} s") from error
        except OSError as error:
            raise ClamdUnavailableError(f"{self.address}: {error.strerror or error}") from error
        with connection:
            process = _process_of(connection)
            return ClamdLook(read_answer(await _instream(connection, data), str(self.address)), process)

    async def version(self) -> str:
        """Return what clamd says of itself, as ``ClamAV 1.4.6/28039/…``.

        Raises:
            ClamdUnavailableError: no answer.
        """
        control = _Control(self.address)
        try:
            async with asyncio.timeout(VERSION_SECONDS):
                told = str(await asyncio.to_thread(control.version))
        except TimeoutError as error:
            raise ClamdUnavailableError(f"{self.address}: no version in {VERSION_SECONDS:g} s") from error
        except (clamd.ClamdError, OSError, UnicodeDecodeError) as error:
            raise ClamdUnavailableError(f"{self.address}: {error}") from error
        finally:
            control.hang_up()
        if not told:
            raise ClamdUnavailableError(f"{self.address}: closed unanswered")
        if told == FORBIDDEN:
            raise ClamdUnavailableError(f"{self.address}: its clamd.conf forbids VERSION")
        return told

    def _connect_at_once(self) -> socket.socket | None:
        """Connect to a unix socket, which waits for nobody; None over TCP, and where too many are before us."""
        if not self.address.path:
            return None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.connect(self.address.path)
        except BlockingIOError:
            connection.close()
            return None
        except BaseException:
            connection.close()
            raise
        return connection

    async def _connect_in_time(self) -> socket.socket:
        async with asyncio.timeout(CONNECT_SECONDS):
            while self.address.path:
                # The kernel tells nobody when there is room in a unix socket's queue again (connect(2), EAGAIN).
                await asyncio.sleep(QUEUE_PAUSE_SECONDS)
                if connection := self._connect_at_once():
                    return connection
            return await self._connect_over_tcp()

    async def _connect_over_tcp(self) -> socket.socket:
        found = await asyncio.get_running_loop().getaddrinfo(
            self.address.host, self.address.port, type=socket.SOCK_STREAM
        )
        for family, _, _, _, address in found[:-1]:
            with contextlib.suppress(OSError):
                return await _connect_to(family, address)
        return await _connect_to(found[-1][0], found[-1][4])


class _Control(clamd.ClamdNetworkSocket):  # type: ignore[misc]  # the package ships no types
    """The PyPI client, which by itself connects without a time limit, and over IPv4 only."""

    def __init__(self, address: DaemonAddress) -> None:
        super().__init__(address.host, address.port, CONNECT_SECONDS)
        self._address = address

    def hang_up(self) -> None:
        """End the thread that waits for an answer, if it still does."""
        with contextlib.suppress(AttributeError, OSError):  # it never connected, or has closed the connection
            self.clamd_socket.shutdown(socket.SHUT_RDWR)

    def _init_socket(self) -> None:
        if self._address.path is None:
            self.clamd_socket = socket.create_connection((self.host, self.port), self.timeout)
            return
        self.clamd_socket = socket.socket(socket.AF_UNIX)
        self.clamd_socket.settimeout(self.timeout)
        try:
            self.clamd_socket.connect(self._address.path)
        except OSError:
            self.clamd_socket.close()
            raise


async def _connect_to(family: int, address: tuple[object, ...]) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _process_of(connection: socket.socket) -> int | None:
    """Return who listens there (unix(7), SO_PEERCRED): under systemd's socket activation that is always systemd."""
    if connection.family != socket.AF_UNIX:
        return None
    process, _, _ = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return int(process)


async def _instream(connection: socket.socket, data: bytes) -> bytes:
    """Send the message, and collect what clamd answers until it closes.

    On the socket itself: a transport that fails to write throws away what it has not read, and that is the answer
    of a clamd that has met its size limit.
    """
    with contextlib.suppress(OSError):  # clamd has said enough, and hung up
        before = b"zINSTREAM\0"
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            after = b"" if start + CHUNK_BYTES < len(data) else _LENGTH.pack(0)
            await _send(connection, b"".join((before, _LENGTH.pack(len(chunk)), chunk, after)))
            before = b""
        if not data:
            await _send(connection, before + _LENGTH.pack(0))
    return await _read(connection)


async def _send(connection: socket.socket, data: bytes) -> None:
    """Send what the socket takes at once, which is all of a small message, and the rest by the event loop."""
    try:
        sent = connection.send(data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        await asyncio.get_running_loop().sock_sendall(connection, data[sent:])


async def _read(connection: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    received = bytearray()
    with contextlib.suppress(OSError):  # what was received until then says more
        while b"\0" not in received and len(received) <= ANSWER_LIMIT_BYTES:
            piece = await loop.sock_recv(connection, ANSWER_LIMIT_BYTES)
            if not piece:
                break
            received += piece
    return bytes(received)


def read_answer(answer: bytes, address: str) -> tuple[str, ...]:
    """Read ``stream: OK``, ``stream: NAME FOUND`` or an error; only the first two say that clamd looked.

    Raises:
        ClamdUnavailableError: it did not look, or not to the end of its answer.
        ClamdSizeLimitError: see there.
    """
    line, end, _ = answer.partition(b"\0")
    text = line.decode("utf-8", "surrogateescape").strip()
    if not end:
        raise ClamdUnavailableError(
            f"{address}: the answer ends too early: {text[:80]!r}" if text else f"{address}: closed unanswered"
        )
    said = text.removeprefix("stream: ")
    if said == "OK":
        return ()
    if said.endswith(" FOUND"):
        return (said.removesuffix(" FOUND"),)
    if "size limit exceeded" in said:
        raise ClamdSizeLimitError(f"{address}: {said[:80]}")
    raise ClamdUnavailableError(f"{address}: want OK or FOUND, got {said[:80]!r}")
