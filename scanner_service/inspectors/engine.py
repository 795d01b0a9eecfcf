"""A virus engine: one of several that the virus inspector asks."""

from typing import Protocol

from scanner_service.model.finding import Finding
from scanner_service.model.message import DecodedMessage, Message


class EngineUnavailableError(Exception):
    """The engine did not look; it may later."""


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

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        """Return what was found. Wait limits are the caller's.

        Raises:
            EngineUnavailableError: see there.
        """
        ...

    async def refresh(self) -> None:
        """Learn the engine's version anew; never raises."""
        ...
