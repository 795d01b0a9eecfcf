"""What was said and done while a scenario played, for the report of a failure."""

import time


class Transcript:
    """Lines in the letters of the dialog format, each with the seconds since the scenario began."""

    def __init__(self) -> None:
        self._begin_seconds = time.monotonic()
        self._lines: list[str] = []

    def add(self, letter: str, text: str) -> None:
        seconds = time.monotonic() - self._begin_seconds
        self._lines += [f"{seconds:7.3f} {letter} {line}" for line in text.splitlines() or [""]]

    def __str__(self) -> str:
        return "\n".join(self._lines)
