"""What one proof came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Figure = int | float | str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, and what of it must not be."""

    name: str
    figures: Mapping[str, Figure]
    faults: list[str] = field(default_factory=list)
