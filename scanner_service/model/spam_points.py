"""Points that an inspector other than the spam engine gives a message."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpamPoints:
    """So many points by a test of this name, as ``AV:Sanesecurity.Junk.1.UNOFFICIAL=5``."""

    name: str
    score: float
