"""One budget for all that decoding makes of a message: depth, parts, bytes, ratio and seconds, over the whole tree.

A limit for each archive would multiply: ten archives of ten archives cost a hundred times what one may. What is left
of the budget travels with a container into the process that opens it, and comes back with the answer.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scanner_service.model.container import Remainder

# A small message may unpack to this much whatever the ratio: a spreadsheet of blanks packs a thousandfold.
FREE_UNPACKED_BYTES = 16 * 2**20
# Of one part, and of all parts together, this much is held in memory; of the rest the size is known.
HELD_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Bounds of one tree; see docs/reference/scanner_settings.md, section ``[limits]``."""

    depth: int = 30
    parts: int = 6000  # a zip of 5,000 files is mail
    unpacked_bytes: int = 256 * 2**20
    unpack_ratio: int = 500
    seconds: float = 10.0
    header_bytes: int = 2**20  # of one entity; no setting


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of an unpacked part: the beginning of its bytes, how many they all are, and their digest."""

    body: bytes
    size: int
    sha256: str  # in hexadecimal, of all that came


class OverLimitsError(Exception):
    """The tree is larger than the limits, in words for the log; what was read so far is kept."""


class Budget:
    """Counts down. Every method raises OverLimitsError where the limit is passed, and then again at every call."""

    def __init__(self, remainder: Remainder, clock: Callable[[], float] = time.monotonic) -> None:
        self.header_bytes = remainder.header_bytes
        self._depth = remainder.depth
        self._parts = remainder.parts
        self._unpacked_bytes = remainder.unpacked_bytes
        self._held_bytes = remainder.held_bytes
        self._clock = clock
        self._end = clock() + remainder.seconds

    @classmethod
    def of_message(cls, limits: DecodeLimits, message_bytes: int) -> "Budget":
        """Return the budget of a message of this size."""
        by_ratio = max(FREE_UNPACKED_BYTES, message_bytes * limits.unpack_ratio)
        unpacked_bytes = min(limits.unpacked_bytes, by_ratio)
        return cls(
            Remainder(
                depth=limits.depth,
                parts=limits.parts,
                unpacked_bytes=unpacked_bytes,
                held_bytes=HELD_BYTES,
                seconds=limits.seconds,
                header_bytes=limits.header_bytes,
            )
        )

    @property
    def remainder(self) -> Remainder:
        """What is left."""
        seconds = max(0.0, self._end - self._clock())
        return Remainder(
            depth=self._depth,
            parts=max(0, self._parts),
            unpacked_bytes=max(0, self._unpacked_bytes),
            held_bytes=self._held_bytes,
            seconds=seconds,
            header_bytes=self.header_bytes,
        )

    def enter(self, depth: int) -> None:
        """Go down to this level; the message itself is level 0."""
        if depth > self._depth:
            raise OverLimitsError("nested deeper than [limits] depth")

    def count_part(self) -> None:
        """Count what costs time, whether it is a part or only looks like a boundary; look at the clock, too."""
        self._parts -= 1
        if self._parts < 0:
            raise OverLimitsError("more parts than [limits] parts")
        self.check_time()

    def check_time(self) -> None:
        """Look at the clock: for steps that make no part and no bytes."""
        if self._clock() > self._end:
            raise OverLimitsError("decoding took longer than [limits] decode_seconds")

    def spend(self, size: int) -> None:
        """Count unpacked bytes, also those that are only looked through; look at the clock, too."""
        self._unpacked_bytes -= size
        if self._unpacked_bytes < 0:
            raise OverLimitsError("unpacks to more bytes than [limits] unpacked_bytes and unpack_ratio allow")
        self.check_time()

    def hold(self, blocks: Iterable[bytes]) -> Held:
        """Take the blocks of one unpacked part.

        Nobody but who unpacks it ever sees all of a large part, so its digest is made here.
        """
        held: list[bytes] = []
        size = 0
        digest = hashlib.sha256()
        for block in blocks:
            size += len(block)
            digest.update(block)
            self.spend(len(block))
            if self._held_bytes > 0:
                held.append(block[: self._held_bytes])
                self._held_bytes -= len(held[-1])
        return Held(b"".join(held), size, digest.hexdigest())

    def release(self, held_bytes: int) -> None:
        """Take back so many held bytes: nobody keeps them any more, and other parts may have their place."""
        self._held_bytes += held_bytes
