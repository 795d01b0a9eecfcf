"""What a check of ``couriergate-shim doctor`` found."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    NOTE = 1
    WARNING = 2
    PROBLEM = 3  # mail is not filtered, or not accepted

    @property
    def word(self) -> str:
        """Return it as doctor prints it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which check, what it saw, and what to do about it."""

    level: Level
    check: str
    saw: str
    advice: str = ""
    milliseconds: float | None = None
