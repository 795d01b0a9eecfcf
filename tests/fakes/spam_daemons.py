"""A spamd and an rspamd on a unix socket each: they answer as they are told, and remember what they were asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Daemon:
    """What is sent after the request is whole: the answer in pieces, with a pause before each."""

    answer: tuple[bytes, ...]
    pause_seconds: float = 0.0
    closes_at_once: bool = False
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
                for piece in self.answer:
                    await asyncio.sleep(self.pause_seconds)
                    writer.write(piece)
                    await writer.drain()
        writer.close()


def _length_of(head: bytes) -> int:
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n") if b":" in line)
    return int(fields.get(b"content-length", b"0"))


def spamd_answer(score: str = "7.5", tests: str = "GTUBE,RCVD_ILLEGAL_IP") -> bytes:
    head = f"SPAMD/1.1 0 EX_OK\r\nContent-length: {len(tests)}\r\nSpam: True ; {score} / 5.0\r\n\r\n"
    return (head + tests).encode()


def rspamd_answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
