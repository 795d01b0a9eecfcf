"""How one scanner fares: how busy it is, and whether to spare it for a while (a circuit breaker).

No I/O and no clock of its own. It only says whom to ask first: a scanner that rests is still asked when there is no
other, for a mail must not be refused because of what happened to the last one.
"""

FAILURES_BEFORE_REST = 3
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 60.0


class ScannerHealth:
    """All times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self.in_hand = 0
        self._failures = 0
        self._rest_until = 0.0

    def rests(self, now: float) -> bool:
        """Whether to ask others first; after a rest, one question at a time finds out whether it is well again."""
        return now < self._rest_until or (self._failures >= FAILURES_BEFORE_REST and self.in_hand > 0)

    def answered(self) -> None:
        """It gave a proper answer, be it a refusal."""
        self._failures = 0

    def failed(self, now: float, pause_seconds: float | None) -> None:
        """It did not; ``pause_seconds`` is what it asked for."""
        if now < self._rest_until:
            return  # a question from before the rest: what it met is known already
        self._failures += 1
        rest_seconds = pause_seconds or 0.0
        if self._failures >= FAILURES_BEFORE_REST:
            doubled = FIRST_REST_SECONDS * 2 ** min(self._failures - FAILURES_BEFORE_REST, 10)
            rest_seconds = max(rest_seconds, doubled)
        self._rest_until = now + min(rest_seconds, LONGEST_REST_SECONDS)
