"""Patience with a limit, for what other programs do in their own time."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], limit_seconds: float, want: str) -> None:
    """Return as soon as the condition holds; TimeoutError says what was wanted."""
    end = time.monotonic() + limit_seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"want {want}, got nothing of it in {limit_seconds} s")
        time.sleep(0.02)
