"""What is measured: how a message is prepared for it, sent to it, and how its answer reads."""

import abc
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.load import Load, WrongReplyError, drive, exchange
from bench.messages import MessageSize, fresh_message, infected_message
from bench.spool import Spool

CHUNK_BYTES = 2**20


class Target(Protocol):
    """Something that scans messages, and can be put under load."""

    @property
    def name(self) -> str: ...

    def prepare(self, messages: Iterable[bytes]) -> list[bytes]:
        """Do what is done before a message's time counts; one request for each message."""

    def drive(self, requests: Sequence[bytes], clients: int, limit_seconds: float) -> Load:
        """Send requests until the time is over or none is left; see ``load.drive``."""

    def clear(self) -> None:
        """Remove what was prepared."""


@dataclass(frozen=True, slots=True)
class SocketTarget(abc.ABC):
    """A unix socket that takes one request per connection and answers one line."""

    name: str
    socket_path: Path

    @abc.abstractmethod
    def prepare(self, messages: Iterable[bytes]) -> list[bytes]: ...

    @abc.abstractmethod
    def passes(self, reply: bytes) -> bool: ...

    @abc.abstractmethod
    def refuses(self, reply: bytes) -> bool: ...

    @abc.abstractmethod
    def clear(self) -> None: ...

    def drive(self, requests: Sequence[bytes], clients: int, limit_seconds: float) -> Load:
        return drive(self.pass_clean, requests, clients, limit_seconds)

    def pass_clean(self, request: bytes) -> None:
        reply = exchange(self.socket_path, request)
        if not self.passes(reply):
            raise WrongReplyError(f"{self.name}: a clean message was answered {reply!r}")

    def prove(self) -> None:
        """See that a clean message passes and an infected one is refused.

        Raises:
            WrongReplyError: not so, and what the target does is not filtering.
        """
        clean, infected = self.prepare([fresh_message(MessageSize.SMALL), infected_message()])
        self.pass_clean(clean)
        reply = exchange(self.socket_path, infected)
        if not self.refuses(reply):
            raise WrongReplyError(f"{self.name}: the EICAR test file was answered {reply!r}")
        self.clear()


@dataclass(frozen=True, slots=True)
class Clamd(SocketTarget):
    """The baseline: a new connection and INSTREAM for each message (clamd(8))."""

    def prepare(self, messages: Iterable[bytes]) -> list[bytes]:
        return [b"nINSTREAM\n" + b"".join(chunked(message)) for message in messages]

    def passes(self, reply: bytes) -> bool:
        return reply == b"stream: OK\n"

    def refuses(self, reply: bytes) -> bool:
        return reply.endswith(b" FOUND\n")

    def clear(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Filter(SocketTarget):
    """A courierfilter, asked as Courier's submit asks it."""

    spool: Spool

    def prepare(self, messages: Iterable[bytes]) -> list[bytes]:
        return [self.spool.submit(message) for message in messages]

    def passes(self, reply: bytes) -> bool:
        return reply.startswith(b"2")

    def refuses(self, reply: bytes) -> bool:
        return reply.startswith(b"5")

    def clear(self) -> None:
        self.spool.clear()


def chunked(message: bytes) -> Iterable[bytes]:
    for start in range(0, len(message), CHUNK_BYTES):
        chunk = message[start : start + CHUNK_BYTES]
        yield struct.pack(">I", len(chunk))
        yield chunk
    yield struct.pack(">I", 0)
