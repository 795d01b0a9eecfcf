"""A scanning service that answers, or misbehaves, as it is told: a real server, in a thread of its own.

What it does is told in acts. Each connection plays the next of the scripts that the service was made with, act by
act; after that, and for connections beyond the scripts, ``usual`` is played for each request.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import HTTP
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.verdicts import verdict_on
from verdict_api.envelope import Envelope
from verdict_api.json_codec import decode_envelope, decode_envelope_header, encode_verdict
from verdict_api.verdict import Verdict


@dataclass(frozen=True, slots=True)
class HeardRequest:
    """One request as it came; the names of its header fields are in small letters."""

    line: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_form(self) -> bool:
        return self.headers["content-type"].startswith("multipart/form-data")

    def envelope(self) -> Envelope:
        if self.is_form:
            return decode_envelope(self._parts()["envelope"])
        return decode_envelope_header(self.headers["couriergate-envelope"])

    def message(self) -> bytes:
        return self._parts()["message"] if self.is_form else self.body

    def _parts(self) -> dict[str, bytes]:
        # The email package reads the headers; the bodies are cut by hand, as it would take the mail in them apart.
        boundary = _parse_headers(f"Content-Type: {self.headers['content-type']}\r\n".encode()).get_boundary()
        assert boundary is not None
        first, *pieces, last = (b"\r\n" + self.body).split(b"\r\n--" + boundary.encode())
        assert (first, last.strip()) == (b"", b"--")
        parts = {}
        for piece in pieces:
            head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            parts[str(_parse_headers(head)["Content-Disposition"].params["name"])] = content
        return parts


class Talk:
    """One connection to the service, as an act sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[HeardRequest]) -> None:
        self._reader = reader
        self._writer = writer
        self._heard = heard
        self._head: HeardRequest | None = None

    async def hear_head(self) -> HeardRequest:
        """Return line and headers of the request, and leave its body where it is."""
        if self._head is None:
            line, _, headers = (await self._reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            fields = {name.lower(): str(value) for name, value in _parse_headers(headers).items()}
            self._head = HeardRequest(line.decode("ascii"), fields)
        return self._head

    async def hear(self) -> HeardRequest:
        """Return the whole request, and say 100 Continue if it waits for that."""
        head, self._head = await self.hear_head(), None
        if "expect" in head.headers:
            await self.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._reader.readexactly(int(head.headers.get("content-length", "0")))
        request = HeardRequest(head.line, head.headers, body)
        self._heard.append(request)
        return request

    async def hear_some(self, size: int) -> bytes:
        """Return so many bytes of the body."""
        return await self._reader.readexactly(size)

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def until_gone(self) -> None:
        """Take whatever comes until the other side closes."""
        while await self._reader.read(65536):
            pass

    def hang_up(self) -> None:
        self._writer.close()


Act = Callable[[Talk], Awaitable[None]]
Script = Sequence[Act]


def give_verdict(change: Callable[[Verdict], Verdict] = lambda verdict: verdict) -> Act:
    """Answer 200 with the verdict that the message is clean, or with what ``change`` makes of it."""

    async def act(talk: Talk) -> None:
        request = await talk.hear()
        await talk.say(http_answer(200, encode_verdict(change(verdict_on(request.envelope())))))

    return act


def answer(status: int, body: bytes = b"", **headers: str) -> Act:
    """Hear the whole request, then answer; ``Retry_After`` stands for the header ``Retry-After``."""

    async def act(talk: Talk) -> None:
        await talk.hear()
        await talk.say(http_answer(status, body, **headers))

    return act


def answer_before_the_body(status: int, *, read_on: bool) -> Act:
    """Answer as soon as the headers are there; then close without a look at the body, or read on until closed."""

    async def act(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(http_answer(status, b"", Connection="close"))
        if read_on:
            await talk.until_gone()
        talk.hang_up()

    return act


def answer_amid_the_body(status: int) -> Act:
    """Answer when the first bytes of the body are there, and read no more of it."""

    async def act(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await talk.hear_some(1000)
        await talk.say(http_answer(status, b""))
        await never_read(talk)

    return act


async def hang_up_amid_the_body(talk: Talk) -> None:
    await talk.hear_head()
    await talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
    await talk.hear_some(1000)
    talk.hang_up()


def babble(data: bytes) -> Act:
    """Hear the request, say these bytes, hang up."""

    async def act(talk: Talk) -> None:
        await talk.hear()
        await talk.say(data)
        talk.hang_up()

    return act


def refuse_the_header_form(status: int) -> Act:
    """Answer with this status unless the envelope comes in a form, which gets a verdict."""

    async def act(talk: Talk) -> None:
        head = await talk.hear_head()
        await (give_verdict() if head.is_form else answer(status))(talk)

    return act


async def be_silent(talk: Talk) -> None:
    await talk.hear()
    await talk.until_gone()


async def never_read(talk: Talk) -> None:
    """Keep the connection, and take not a byte from it, until the service stops."""
    del talk
    await asyncio.Event().wait()


async def hang_up_at_once(talk: Talk) -> None:
    talk.hang_up()


async def hang_up_on_the_head(talk: Talk) -> None:
    await talk.hear_head()
    talk.hang_up()


async def hang_up_after_the_request(talk: Talk) -> None:
    await talk.hear()
    talk.hang_up()


def http_answer(status: int, body: bytes, **headers: str) -> bytes:
    """Return the bytes of an answer."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class FakeScanner:
    """The service; ``heard`` has every whole request in its order, ``connections`` counts who came."""

    def __init__(
        self,
        *scripts: Script,
        usual: Act | None = None,
        unix_path: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.usual = usual or give_verdict()
        self.heard: list[HeardRequest] = []
        self.connections = 0
        self.endpoint = ""
        self._scripts = list(scripts)
        self._unix_path = unix_path
        self._tls = tls
        self._talks: set[asyncio.Task[None]] = set()
        self._bugs: list[Exception] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if self._bugs:
            raise self._bugs[0]

    async def _serve(self) -> None:
        # Not asyncio's server: closed between a connection and its first act, it leaves that connection open.
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        with self._listen() as listener:
            self._loop.add_reader(listener, self._accept, listener)
            self._started.set()
            await self._stopping.wait()
            self._loop.remove_reader(listener)
        await asyncio.sleep(0)  # each talk has begun then, and closes its connection when it is cancelled
        for task in self._talks:
            task.cancel()
        if self._talks:
            await asyncio.wait(self._talks)

    def _listen(self) -> socket.socket:
        if self._unix_path is None:
            listener = socket.create_server(("127.0.0.1", 0), backlog=128)
            self.endpoint = f"{'https' if self._tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        else:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self._unix_path))
            listener.listen(128)
            self.endpoint = f"unix:{self._unix_path}"
        listener.setblocking(False)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = listener.accept()
            script = self._scripts[self.connections] if self.connections < len(self._scripts) else ()
            self.connections += 1
            task = asyncio.create_task(self._converse(script, connection))
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

    async def _converse(self, script: Script, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(limit=2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
        except OSError:
            return  # no TLS, or no certificate: the connection is closed by then
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        try:
            await self._play(script, Talk(reader, writer, self.heard), writer)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass  # the other side is gone
        except asyncio.CancelledError:
            writer.transport.abort()  # the test is over; nobody reads what is left
        except Exception as error:  # noqa: BLE001 (a bug of this fake or of a test; it must not go unseen)
            self._bugs.append(error)
        finally:
            writer.close()

    async def _play(self, script: Script, talk: Talk, writer: asyncio.StreamWriter) -> None:
        for act in script:
            await act(talk)
        while not writer.is_closing():
            await talk.hear_head()
            await self.usual(talk)


@contextmanager
def nobody_listening() -> Iterator[str]:
    """Yield an endpoint whose port is taken, so that nobody else can come to listen there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def _parse_headers(data: bytes) -> EmailMessage:
    return BytesHeaderParser(policy=HTTP).parsebytes(data)
