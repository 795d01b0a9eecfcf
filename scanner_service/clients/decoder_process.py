"""The pool of caged processes that open containers for the service.

What goes wrong over a container is tried once more in a fresh process, and then the container is undecodable: a
verdict that is the same for ever, so that a mail which breaks the decoder is refused and does not come back. What
goes wrong with the decoder itself is DecoderUnavailableError: it may pass, and the mail is to come back.
"""

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from scanner_service.clients.decoder_child import ChildFailedError, ChildRefusedError, DecoderChild
from scanner_service.clients.seven_zip import NOT_INSTALLED, SevenZip
from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.message import PartMark

# -B: in the cage no bytecode could be written anyway.
COMMAND = (sys.executable, "-I", "-B", "-m", "scanner_service.decode.child")
CONTAINERS_OF_A_CHILD = 500  # then it is replaced: what a library leaks, or a stranger has left, ends with it
GRACE_SECONDS = 1.0  # a child keeps its own time; beyond it and this, it hangs
GREETING_SECONDS = 20.0  # 0.1 on an idle machine
NO_LANDLOCK = "this kernel has no landlock: a decoder that was taken over could read what the service's user can"


class DecoderUnavailableError(Exception):
    """No child could be had in time, for a reason that says nothing against the container."""


class DecoderPool:
    """Children that are started when they are first needed, or by warm_up; to be closed."""

    def __init__(
        self, size: int | None = None, command: Sequence[str] = COMMAND, seven_zip: SevenZip | None = None
    ) -> None:
        self.size = size or max(2, len(os.sched_getaffinity(0)))
        self.last_failure: str | None = None  # of a child to start; None since one did
        self._command = command
        self._seven_zip = seven_zip or SevenZip()
        self._turns = asyncio.Semaphore(self.size)
        self._idle: deque[DecoderChild] = deque()  # the last one served last, and is still in the processor's cache
        self._children: set[DecoderChild] = set()
        self._is_closed = False
        self._is_readable_said = False
        self._log = structlog.get_logger()
        if self._seven_zip.program is None:
            self._log.warning("decoder", failure=NOT_INSTALLED)

    @property
    def children(self) -> int:
        """How many are up and have a cage."""
        return sum(child.is_greeted for child in self._children)

    async def warm_up(self) -> None:
        """Have all children up, one after the other: the processor is wanted elsewhere at a start.

        Raises:
            DecoderUnavailableError: they do not start.
        """
        until = asyncio.get_running_loop().time() + GREETING_SECONDS * self.size
        while len(self._children) < self.size:
            async with self._turn(until):
                self._idle.append(await self._greeted(self._start(), until))

    async def unpack(self, container: Container, remainder: Remainder, until: float) -> Unpacked:
        """Return what is in the container, at the latest at ``until``, a time of the event loop.

        Raises:
            DecoderUnavailableError: see there.
        """
        loop = asyncio.get_running_loop()
        async with self._turn(until):
            started = loop.time()
            child = await self._waiting_child(until)
            patience_ends = loop.time() + remainder.seconds + GRACE_SECONDS
            try:
                return await self._try(child, container, remainder, min(until, patience_ends))
            except ChildFailedError as error:
                if until <= loop.time() < patience_ends:  # it had less time than it was promised
                    raise DecoderUnavailableError("no time is left for decoding") from error
                self._log.warning("decoder", failure=str(error), part=container.path, again=True)
            child = await self._fresh_child(until)
            now = loop.time()
            again = replace(remainder, seconds=max(0.0, min(remainder.seconds, until - now - GRACE_SECONDS)))
            try:
                return await self._try(child, container, again, min(until, now + again.seconds + GRACE_SECONDS))
            except ChildFailedError as error:
                self._log.warning("decoder", failure=str(error), part=container.path, again=False)
            seconds = max(0.0, remainder.seconds - (loop.time() - started))
            return Unpacked((), frozenset({PartMark.UNDECODABLE}), None, replace(remainder, seconds=seconds))

    async def aclose(self) -> None:
        """End all children; who still waits for an answer gets DecoderUnavailableError."""
        self._is_closed = True
        for child in self._children:
            child.kill()
        async with contextlib.AsyncExitStack() as turns:  # those who have one see to their own child
            for _ in range(self.size):
                await turns.enter_async_context(self._turns)
            self._idle.clear()
            for child in tuple(self._children):
                await self._end(child)

    @contextlib.asynccontextmanager
    async def _turn(self, until: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(until):
                await self._turns.acquire()
        except TimeoutError as error:
            raise DecoderUnavailableError(f"all {self.size} decoders are busy") from error
        try:
            yield
        finally:
            self._turns.release()

    async def _try(self, child: DecoderChild, container: Container, remainder: Remainder, until: float) -> Unpacked:
        """Have this child open the container; afterwards it is idle, or ended and another one in its place."""
        is_reusable = False
        try:
            async with asyncio.timeout_at(until):
                unpacked = await child.unpack(container, remainder, self._seven_zip)
            is_reusable = child.containers < CONTAINERS_OF_A_CHILD
        except TimeoutError as error:
            raise ChildFailedError("no answer in its time") from error
        except OSError as error:  # of ours: descriptors, processes or memory have run out
            raise self._unavailable(f"7-Zip cannot be started: {error}") from error
        finally:
            if is_reusable and not self._is_closed:
                self._idle.append(child)
            else:
                await self._end(child)
                self._replace()
        return unpacked

    async def _waiting_child(self, until: float) -> DecoderChild:
        """Return a child that is ready; one that has died in its idleness says nothing against this container."""
        while self._idle:
            child = self._idle.pop()
            if child.is_well:
                return await self._greeted(child, until)
            await self._end(child)
        return await self._fresh_child(until)

    async def _fresh_child(self, until: float) -> DecoderChild:
        """Return a child that has opened nothing yet; the one that was started in place of another, if there is."""
        for child in tuple(self._idle):
            if child.containers == 0 and child.is_well:
                self._idle.remove(child)
                return await self._greeted(child, until)
        return await self._greeted(self._start(), until)

    async def _greeted(self, child: DecoderChild, until: float) -> DecoderChild:
        if child.is_greeted:
            return child
        limit = min(until, asyncio.get_running_loop().time() + GREETING_SECONDS)
        try:
            async with asyncio.timeout_at(limit):
                await child.greet()
        except TimeoutError as error:
            raise self._unavailable("the decoder does not start in time") from error
        except ChildRefusedError as error:
            raise self._unavailable(str(error)) from error
        finally:
            if not child.is_greeted:
                await self._end(child)
        self.last_failure = None
        if not child.landlock and not self._is_readable_said:
            self._is_readable_said = True
            self._log.warning("decoder", failure=NO_LANDLOCK)
        return child

    def _start(self) -> DecoderChild:
        if self._is_closed:
            raise DecoderUnavailableError("the service is stopping")
        try:
            child = DecoderChild(self._command)
        except ChildRefusedError as error:
            raise self._unavailable(str(error)) from error
        self._children.add(child)
        return child

    def _replace(self) -> None:
        """Start another one, for whoever comes next; that it cannot be started, they will hear."""
        with contextlib.suppress(DecoderUnavailableError):
            self._idle.appendleft(self._start())

    def _unavailable(self, reason: str) -> DecoderUnavailableError:
        if reason != self.last_failure:  # once in the log, not with each mail
            self._log.error("decoder", failure=reason)
        self.last_failure = reason
        return DecoderUnavailableError(reason)

    async def _end(self, child: DecoderChild) -> None:
        self._children.discard(child)
        await child.end()
