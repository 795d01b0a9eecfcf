"""A line now and then, so that nobody takes a long proof for one that hangs."""

import time

_EVERY_SECONDS = 15.0


class Progress:
    """Prints how far a proof is, not more often than every quarter of a minute."""

    def __init__(self) -> None:
        self._started = self._printed = time.monotonic()

    def say(self, text: str) -> None:
        self._printed = time.monotonic()
        print(f"{self.seconds():6d} s  {text}", flush=True)

    def seconds(self) -> int:
        return round(time.monotonic() - self._started)

    def step(self, name: str, done: int, whole: int) -> None:
        if time.monotonic() - self._printed > _EVERY_SECONDS:
            self.say(f"{name}: {done} of {whole}")
