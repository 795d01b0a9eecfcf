"""One child process that opens containers (decode/child.py), from the side of the service.

It may crash, hang, fill its memory or, taken over by what it reads, say anything. Every such thing is one error here,
after which the child is to be ended.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterable, Sequence

from scanner_service.clients.child_process import end_process, start_process
from scanner_service.clients.decoder_protocol import (
    Frame,
    FrameParser,
    ProtocolError,
    Refusal,
    SevenZipRequest,
    decode_answer,
    decode_first_words,
    encode_request,
    encode_seven_zip_answer,
)
from scanner_service.clients.seven_zip import SevenZip
from scanner_service.model.container import Container, Remainder, Unpacked
from verdict_api.printable import printable

READ_INLINE_BELOW_BYTES = 64 * 2**10  # below, a hop to a thread costs more than the reading of an answer

_RECEIVE_BYTES = 256 * 2**10
_REASON_CHARACTERS = 200
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",  # libarchive reads names in it
    "LIBARCHIVE": "libarchive.so.13",  # libarchive-c would start a program to find the library
    "MALLOC_ARENA_MAX": "1",
}


class ChildFailedError(Exception):
    """The child has gone wrong, over this container or by itself."""


class ChildRefusedError(Exception):
    """The child does not work here: it cannot be started, or cannot build its cage. Another would not, either."""


class DecoderChild:
    """A running child. It has to be ended, whatever happens."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it, without waiting until it is ready.

        Raises:
            ChildRefusedError: it cannot be started.
        """
        self.containers = 0  # that it was asked to open
        self.landlock: int | None = None  # the version in force, once it has said hello; 0 if the kernel has none
        self._last_error = ""
        with contextlib.ExitStack() as after_failure:
            try:
                self._connection, its = socket.socketpair()
                after_failure.enter_context(self._connection)
                with its:
                    self._connection.setblocking(False)
                    # Nobody waits for its complaints: what does not fit into the pipe is lost.
                    self._errors, its_errors = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
                    after_failure.callback(os.close, self._errors)
                    try:
                        self._process = start_process(
                            command, standard_input=its.fileno(), standard_error=its_errors, environment=_ENVIRONMENT
                        )
                    finally:
                        os.close(its_errors)
            except OSError as error:
                raise ChildRefusedError(f"the decoder cannot be started: {error}") from error
            after_failure.pop_all()

    @property
    def is_greeted(self) -> bool:
        """Whether it has said hello, from its cage."""
        return self.landlock is not None

    @property
    def is_well(self) -> bool:
        """Whether it waits in silence to be asked; asked for between two containers."""
        if self._process.poll() is not None:
            return False
        if not self.is_greeted:
            return True
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            return isinstance(error, BlockingIOError)
        return False

    async def greet(self) -> None:
        """Wait until it is ready. The time limit is the caller's.

        Raises:
            ChildRefusedError: it will never be; the reason is for an administrator.
        """
        try:
            words = decode_first_words(await self._receive(body_limit_bytes=0))
        except (ChildFailedError, ProtocolError) as error:
            raise ChildRefusedError(f"the decoder does not start: {error}") from error
        if isinstance(words, Refusal):
            raise ChildRefusedError(f"the decoder has no cage: {printable(words.reason)}")
        self.landlock = words.landlock

    async def unpack(self, container: Container, remainder: Remainder, seven_zip: SevenZip) -> Unpacked:
        """Return what is in the container. The time limit is the caller's.

        Raises:
            ChildFailedError: see there.
        """
        end = asyncio.get_running_loop().time() + remainder.seconds
        self.containers += 1
        await self._send(encode_request(container, remainder))
        while True:
            frame = await self._receive(max(remainder.held_bytes, len(container.body)))
            answer = await _read(frame, container, remainder)
            if isinstance(answer, Unpacked):
                self._read_errors()
                return answer
            await self._send(encode_seven_zip_answer(await seven_zip.run(answer, end)))

    def kill(self) -> None:
        """Have whoever waits for it hear that it is gone."""
        self._process.kill()

    async def end(self) -> None:
        """Kill it and wait for it."""
        try:
            await end_process(self._process)
        finally:
            self._connection.close()
            if self._errors >= 0:
                os.close(self._errors)
                self._errors = -1

    async def _send(self, frame: Iterable[bytes]) -> None:
        loop = asyncio.get_running_loop()
        try:
            for piece in frame:
                await loop.sock_sendall(self._connection, piece)
        except OSError as error:
            raise ChildFailedError(await self._obituary()) from error

    async def _receive(self, body_limit_bytes: int) -> Frame:
        loop = asyncio.get_running_loop()
        parser = FrameParser(body_limit_bytes)
        try:
            while data := await loop.sock_recv(self._connection, _RECEIVE_BYTES):
                if (frame := parser.receive(data)) is not None:
                    return frame
        except ProtocolError as error:
            raise ChildFailedError(f"it answers nonsense: {error}") from error
        except OSError as error:
            raise ChildFailedError(await self._obituary()) from error
        raise ChildFailedError(await self._obituary())

    async def _obituary(self) -> str:
        """Say how it ended, once it has hung up."""
        await end_process(self._process)  # changes nothing for one that is ending by itself
        code = self._process.returncode
        how = f"ended with exit code {code}" if code >= 0 else f"killed: {signal.strsignal(-code)}"
        self._read_errors()
        return f"{how}: {self._last_error}" if self._last_error else how

    def _read_errors(self) -> None:
        """Keep the last line that it wrote to standard error, for that is where a traceback says what it was."""
        with contextlib.suppress(OSError):
            while written := os.read(self._errors, _RECEIVE_BYTES):
                lines = written.decode("utf-8", "surrogateescape").strip().splitlines()
                self._last_error = printable(lines[-1])[:_REASON_CHARACTERS] if lines else self._last_error


async def _read(frame: Frame, container: Container, granted: Remainder) -> Unpacked | SevenZipRequest:
    try:
        if len(frame.header) + len(frame.body) < READ_INLINE_BELOW_BYTES:
            return decode_answer(frame, container, granted)
        return await asyncio.to_thread(decode_answer, frame, container, granted)
    except ProtocolError as error:
        raise ChildFailedError(f"it answers nonsense: {error}") from error
