"""One log line for one event: ``LEVEL:couriergate: name=value …`` on standard error.

Courier's logger turns the prefix into the syslog level (``liblog/logger.c``). Each line is one write, so that
lines of several processes on the same pipe do not mix, and is printable ASCII, so that nobody can add one.
"""

import contextlib
import os
from enum import StrEnum

from verdict_api.printable import printable

LINE_LIMIT_BYTES = 4000  # below PIPE_BUF, up to which a write to a pipe is not mixed with others


class Level(StrEnum):
    """The prefixes that Courier's logger knows and we use."""

    INFO = "INFO"
    WARNING = "WARN"
    ERROR = "ERR"


def log(level: Level, **values: object) -> None:
    """Write one line; values that are None are left out. Never fails: mail goes on without a logger."""
    line = render_line(level, values)
    with contextlib.suppress(OSError):
        os.write(2, line)


def render_line(level: Level, values: dict[str, object]) -> bytes:
    """Return the line as bytes, cut at LINE_LIMIT_BYTES."""
    said = " ".join(f"{name}={_render(value)}" for name, value in values.items() if value is not None)
    return f"{level}:couriergate: {said}"[:LINE_LIMIT_BYTES].encode("ascii") + b"\n"


def _render(value: object) -> str:
    text = printable(str(value))
    if text and not any(character in text for character in ' "='):
        return text
    return '"' + text.replace('"', "\\x22") + '"'
