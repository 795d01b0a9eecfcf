"""How much of each proof."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The full amounts are the defaults; the tests take less."""

    times: int = 20
    kills: int = 500
    messages: int = 10_000
    fuzz_seconds: float = 60.0
