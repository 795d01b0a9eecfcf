"""A lean transport for httpx: asyncio below, shim.http_exchange above, kept-alive connections.

httpx' own asynchronous pool costs 1.5 ms of CPU a request with eight at a time; docs/decisions has the numbers.
It connects to the one scanner it was made for, over TCP, TLS or a unix socket, and nowhere else.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from shim.http_exchange import BadAnswerError, HttpAnswer, HttpExchanges, announced_length

CONNECT_SECONDS = 1.0
IDLE_SECONDS = 30.0
BUFFER_BYTES = 16 * 2**10
IDLE_CONNECTIONS = 64
CONTINUE_SECONDS = 1.0  # RFC 9110 §10.1.1: do not wait for a 100 for ever
CONTINUE_ABOVE_BYTES = 512 * 2**10  # worth a round trip: a 413 or 503 then comes before the upload
# In TLS 1.3 the client is through with the handshake before the server has looked at its certificate.
TLS_HINT = "; a scanner that wants another client certificate (tls_certificate) hangs up like this"


@dataclass(frozen=True, slots=True)
class HttpQuestion:
    """One request: ``body`` is as long as its Content-Length says, whole or in pieces."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | AsyncIterable[bytes] = b""


class LeanTransport(httpx.AsyncBaseTransport):
    """Requests to one scanner, ``http://host:port``, ``https://host:port`` or ``unix:/path``.

    Raises ``httpx.ConnectError`` if nobody took the request, and ``httpx.RemoteProtocolError`` or
    ``httpx.ReadError`` if somebody did and gave no proper answer. But for connecting, time limits are the caller's.
    """

    def __init__(self, endpoint: str, answer_limit_bytes: int, tls: ssl.SSLContext | None = None) -> None:
        self._endpoint = endpoint
        is_tls = endpoint.startswith("https:")
        self._tls = (tls or ssl.create_default_context()) if is_tls else None
        self._expects_continue = True
        self._answer_limit_bytes = answer_limit_bytes
        self._idle: list[tuple[float, _Connection]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See ask: the same for a request and a response of httpx, which cost more to make than to send."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        question = HttpQuestion(
            request.method.encode("ascii"), request.url.raw_path, request.headers.raw, request.stream
        )
        answer = await self.ask(question)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    async def ask(self, question: HttpQuestion) -> HttpAnswer:
        """Send the request, on a kept connection if there is one, and return the whole answer.

        A kept connection may be closed as the request sets out. That is a ReadError too: nobody can tell whether
        the scanner took the request, or broke on it, so who asks again must know.
        """
        answer = await self._exchange(self._take_idle() or await self._connect(), question)
        if answer.status == 417 and self._expects_continue:
            # Something on the way knows no 100 Continue; the body has not been sent (RFC 9110 §10.1.1).
            self._expects_continue = False
            answer = await self._exchange(self._take_idle() or await self._connect(), question)
        return answer

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _exchange(self, connection: "_Connection", question: HttpQuestion) -> HttpAnswer:
        try:
            answer = await connection.exchange(question, may_wait=self._expects_continue)
        except BadAnswerError as error:
            connection.close()
            raise httpx.RemoteProtocolError(str(error)) from error
        except OSError as error:
            connection.close()
            said = str(error) or type(error).__name__
            if self._tls and not connection.has_heard:
                said += TLS_HINT
            raise httpx.ReadError(said) from error
        except BaseException:
            connection.close()
            raise
        if connection.is_reusable and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()
        return answer

    def _take_idle(self) -> "_Connection | None":
        while self._idle:
            since, connection = self._idle.pop()
            if connection.is_open and time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()

        def make() -> _Connection:
            return _Connection(self._answer_limit_bytes)

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._endpoint.startswith("unix:"):
                    return (await loop.create_unix_connection(make, self._endpoint.removeprefix("unix:")))[1]
                url = urlsplit(self._endpoint)
                port = url.port or (443 if self._tls else 80)
                return (await loop.create_connection(make, url.hostname or "", port, ssl=self._tls))[1]
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection in {CONNECT_SECONDS:g} s") from error
        except OSError as error:
            raise httpx.ConnectError(str(error.strerror or error)) from error


class _Connection(asyncio.BufferedProtocol):
    """One connection: it moves bytes between the socket and the exchanges, and knows when to wait.

    It brings its own buffer: asyncio's, of 256 KiB, would be mapped and unmapped for each answer.
    """

    def __init__(self, answer_limit_bytes: int) -> None:
        self._exchanges = HttpExchanges(answer_limit_bytes)
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._continued = asyncio.Event()
        self._buffer = bytearray(BUFFER_BYTES)
        self.has_heard = False

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        return self.is_open and self._exchanges.is_reusable

    def close(self) -> None:
        if self._answer is not None and not self._answer.cancel() and not self._answer.cancelled():
            self._answer.exception()  # whoever asked is gone; an error that nobody fetches would be logged
        self._transport.abort()

    async def exchange(self, question: HttpQuestion, *, may_wait: bool) -> HttpAnswer:
        """Send one request and return its answer.

        Raises:
            BadAnswerError: see HttpExchanges.receive.
            OSError: the connection was lost.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._continued.clear()
        headers = question.headers
        waits = may_wait and announced_length(headers) > CONTINUE_ABOVE_BYTES
        if waits:
            headers = [*headers, (b"Expect", b"100-continue")]
        head = self._exchanges.begin(question.method, question.target, headers)
        if waits:
            self._transport.write(head)
            head = b""
            await self._wait_for_continue(self._answer)
        if isinstance(question.body, bytes):
            self._send_whole(head, question.body, self._answer)
        else:
            await self._send_pieces(head, question.body, self._answer)
        return await self._answer

    async def _wait_for_continue(self, answer: asyncio.Future[HttpAnswer]) -> None:
        try:
            async with asyncio.timeout(CONTINUE_SECONDS):
                while not (self._exchanges.may_send_body or answer.done()):
                    self._continued.clear()
                    await self._continued.wait()
        except TimeoutError:
            pass

    def _send_whole(self, head: bytes, body: bytes, answer: asyncio.Future[HttpAnswer]) -> None:
        if answer.done() or self._transport.is_closing():
            return  # and the body is unsent: what follows on this connection would be taken for it
        self._transport.write(head + self._exchanges.send_body(body) + self._exchanges.end_body())

    async def _send_pieces(self, head: bytes, body: AsyncIterable[bytes], answer: asyncio.Future[HttpAnswer]) -> None:
        async for chunk in body:
            # Early: too big, no token, draining; or the scanner is gone. Nobody wants the rest.
            if answer.done() or self._transport.is_closing():
                return
            self._transport.write(head + self._exchanges.send_body(chunk))
            head = b""
            await self._writable.wait()
        if not (answer.done() or self._transport.is_closing()):
            self._transport.write(head + self._exchanges.end_body())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.has_heard = True
        if self._answer is None or self._answer.done():
            # Bytes that nobody asked for: this connection must not carry another request.
            self._transport.abort()
            return
        self._feed(bytes(memoryview(self._buffer)[:nbytes]))

    def eof_received(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._feed(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("connection closed by the scanner"))
        self._continued.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _feed(self, data: bytes) -> None:
        assert self._answer is not None
        try:
            answer = self._exchanges.receive(data)
        except BadAnswerError as error:
            if data or self._exchanges.has_begun_to_answer:
                self._answer.set_exception(error)
            else:
                self._answer.set_exception(ConnectionResetError("connection closed by the scanner"))
        else:
            if answer is not None:
                self._answer.set_result(answer)
        self._continued.set()
        if self._answer.done():
            self._writable.set()
