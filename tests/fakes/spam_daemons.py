"""A spamd and an rspamd on a unix socket each: they answer as they are told, and remember what they were asked."""

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Daemon:
    """What is sent after the request is whole: the answer in pieces, with a pause before each."""

    answer: tuple[bytes, ...]
    pause_seconds: float = 0.0
    closes_at_once: bool = False
    reads_lines: bool = False  # as the real spamd does: the end of the last one is a line end, or that of the stream
    head: bytes = b""
    body: bytes = b""
    asked: int = field(default=0)

    @contextlib.asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[Path]:
        path = folder / "daemon.sock"
        server = await asyncio.start_unix_server(self._serve, path)
        try:
            yield path
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        with contextlib.suppress(ConnectionError):
            if not self.closes_at_once:
                self.head = await reader.readuntil(b"\r\n\r\n")
                self.body = await reader.readexactly(_length_of(self.head))
                if self.reads_lines and not self.body.endswith(b"\n"):
                    await reader.read()
                for piece in self.answer:
                    await asyncio.sleep(self.pause_seconds)
                    writer.write(piece)
                    await writer.drain()
        writer.close()


class FakeSpamd:
    """A spamd in a thread, for a service that runs as a program: it answers PING, and the same score to all."""

    def __init__(self, score: str, tests: str) -> None:
        self._answers = {b"PING": b"SPAMD/1.5 0 PONG\r\n", b"SYMB": spamd_answer(score, tests)}
        self._folder = tempfile.TemporaryDirectory(prefix="spamd.")
        self.path = Path(self._folder.name) / "spamd.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._serve, name="spamd")

    @property
    def settings(self) -> str:
        return f'[spam]\nengine = {{kind = "spamd", address = "unix:{self.path}"}}\n'

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join()
        self._listener.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError), connection.makefile("rb") as request:
                head = b"".join(iter(request.readline, b"\r\n"))
                request.read(_length_of(head))
                connection.sendall(self._answers[head[:4]])


def _length_of(head: bytes) -> int:
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n") if b":" in line)
    return int(fields.get(b"content-length", b"0"))


def spamd_answer(score: str = "7.5", tests: str = "GTUBE,RCVD_ILLEGAL_IP") -> bytes:
    head = f"SPAMD/1.1 0 EX_OK\r\nContent-length: {len(tests)}\r\nSpam: True ; {score} / 5.0\r\n\r\n"
    return (head + tests).encode()


def rspamd_answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
