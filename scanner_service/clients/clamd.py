"""Talk to a clamd (clamd(8)) over a unix socket or TCP.

The message goes by INSTREAM on asyncio, in one connection each: the PyPI client writes 1 KiB chunks from a thread
and dies of a broken pipe at clamd's size limit. The PyPI client asks for the version.
"""

import asyncio
import contextlib
import struct
from dataclasses import dataclass
from typing import cast

import clamd

CONNECT_SECONDS = 2.0
CHUNK_BYTES = 2**20
ANSWER_LIMIT_BYTES = 64 * 2**10
_LENGTH = struct.Struct("!I")


class ClamdUnavailableError(Exception):
    """Clamd did not look: not there, silent, or it said so. It may look later."""


class ClamdSizeLimitError(Exception):
    """The message is larger than clamd's StreamMaxLength; it will not look later either."""


@dataclass(frozen=True, slots=True)
class ClamdAddress:
    """Where clamd listens: a unix socket's path, or a TCP host and port."""

    path: str | None = None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"tcp:{self.host}:{self.port}"


class ClamdClient:
    """One clamd."""

    def __init__(self, address: ClamdAddress) -> None:
        self.address = address

    async def scan(self, data: bytes) -> tuple[str, ...]:
        """Return the names of the viruses found, none if there are none. Wait limits are the caller's.

        Raises:
            ClamdUnavailableError: no answer, or an answer that is neither OK nor FOUND.
            ClamdSizeLimitError: see there.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, conversation = await self._connect()
        except TimeoutError as error:
            raise ClamdUnavailableError(f"{self.address}: no connection in {CONNECT_SECONDS:g} s") from error
        except OSError as error:
            raise ClamdUnavailableError(f"{self.address}: {error.strerror or error}") from error
        try:
            return _read_answer(await conversation.instream(data), str(self.address))
        finally:
            transport.abort()

    async def version(self) -> str:
        """Return what clamd says of itself, as ``ClamAV 1.4.6/28039/…``.

        Raises:
            ClamdUnavailableError: no answer.
        """
        try:
            return str(await asyncio.to_thread(self._control().version))
        except (clamd.ClamdError, OSError) as error:
            raise ClamdUnavailableError(f"{self.address}: {error}") from error

    async def _connect(self) -> tuple[asyncio.Transport, "_Conversation"]:
        loop = asyncio.get_running_loop()
        if self.address.path:
            return await loop.create_unix_connection(_Conversation, self.address.path)
        return await loop.create_connection(_Conversation, self.address.host, self.address.port)

    def _control(self) -> clamd.ClamdNetworkSocket:
        if self.address.path:
            return clamd.ClamdUnixSocket(self.address.path, timeout=CONNECT_SECONDS)
        return clamd.ClamdNetworkSocket(self.address.host, self.address.port, timeout=CONNECT_SECONDS)


class _Conversation(asyncio.Protocol):
    """One INSTREAM: write chunks while clamd reads them, collect what it answers until it closes."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._closed = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._writable.set()

    async def instream(self, data: bytes) -> bytes:
        self._transport.write(b"zINSTREAM\0")
        for start in range(0, len(data), CHUNK_BYTES):
            await self._writable.wait()
            if self._closed.done() or self._received:
                break  # clamd has said enough: at its size limit it answers and closes
            chunk = data[start : start + CHUNK_BYTES] if len(data) > CHUNK_BYTES else data
            self._transport.write(_LENGTH.pack(len(chunk)) + chunk)
        else:
            self._transport.write(_LENGTH.pack(0))
        await self._closed
        return bytes(self._received)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\0" in data or len(self._received) > ANSWER_LIMIT_BYTES:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # what was received until now says more
        self._end()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _end(self) -> None:
        self._writable.set()
        with contextlib.suppress(asyncio.InvalidStateError):
            self._closed.set_result(None)


def _read_answer(answer: bytes, address: str) -> tuple[str, ...]:
    """Read ``stream: OK``, ``stream: NAME FOUND`` or an error; only the first two say that clamd looked."""
    text = answer.split(b"\0", 1)[0].decode("utf-8", "surrogateescape").strip()
    said = text.removeprefix("stream: ")
    if said == "OK":
        return ()
    if said.endswith(" FOUND"):
        return (said.removesuffix(" FOUND"),)
    if "size limit exceeded" in said:
        raise ClamdSizeLimitError(f"{address}: {said}")
    raise ClamdUnavailableError(
        f"{address}: want OK or FOUND, got {said[:80]!r}" if said else f"{address}: closed unanswered"
    )
