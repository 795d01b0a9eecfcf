"""A virus engine: one of several that the virus inspector asks."""

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from scanner_service.model.finding import Finding
from scanner_service.model.message import DecodedMessage, Message


class EngineUnavailableError(Exception):
    """The engine did not look; it may later."""


class TooBigForEngineError(Exception):
    """The engine did not look, and will not look later either: the message is too big for it."""


class Protection(StrEnum):
    """Whether viruses would be found now: by a real engine, of the test file only, or not at all."""

    REAL = "real"
    DEMO = "demo"
    NONE = "none"


WARNINGS = MappingProxyType(
    {
        Protection.DEMO: "the only virus engine is the built-in EICAR rule: no real virus will be found; "
        "set [virus] engines",
        Protection.NONE: "no virus engine protects now: mail is answered 451 until one does",
    }
)


class VirusEngine(Protocol):
    """Looks for viruses in a whole message or in its parts."""

    @property
    def name(self) -> str:
        """Unique among the engines; as it stands in verdicts and logs."""
        ...

    @property
    def is_demo(self) -> bool:
        """Whether it only knows the EICAR test file: it protects nobody."""
        ...

    @property
    def needs_parts(self) -> bool:
        """Whether it looks into decoded parts rather than the bytes as they are."""
        ...

    @property
    def version(self) -> str | None:
        """What the engine says of itself and its signatures, None while it is not known."""
        ...

    @property
    def protects(self) -> bool:
        """Whether it is known to find viruses now."""
        ...

    @property
    def problem(self) -> str | None:
        """What is wrong with it, None if all is well. One that has a problem may protect all the same."""
        ...

    @property
    def signature_days(self) -> int | None:
        """How many whole days old its signatures are, None if it does not say."""
        ...

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        """Return what was found. Wait limits are the caller's.

        Raises:
            EngineUnavailableError: see there.
            TooBigForEngineError: see there.
        """
        ...

    async def refresh(self) -> None:
        """Learn the engine's version and its problem anew, within some seconds; never raises."""
        ...


def protection_of(engines: Iterable[VirusEngine]) -> Protection:
    """Say what all engines together are worth now."""
    real = [engine for engine in engines if not engine.is_demo]
    if not real:
        return Protection.DEMO
    return Protection.REAL if any(engine.protects for engine in real) else Protection.NONE


def has_old_signatures(engine: VirusEngine, oldest_days: int) -> bool:
    """Whether they are older than is well; where ``oldest_days`` is 0, any age is."""
    days = engine.signature_days
    return oldest_days > 0 and days is not None and days > oldest_days
