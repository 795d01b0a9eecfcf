"""One log line for one event: ``LEVEL:couriergate: name=value …`` on standard error.

Courier's logger turns the prefix into the syslog level (``liblog/logger.c``). Each line is one write, so that
lines of several processes on the same pipe do not mix, and is printable ASCII, so that nobody can add one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shim.log_output import LogOutput
from verdict_api.printable import printable

LINE_LIMIT_BYTES = 4000  # below PIPE_BUF, up to which a write to a pipe is not mixed with others
FLUSH_SECONDS = 1.0
_CUT = "..."


class Level(StrEnum):
    """The prefixes that Courier's logger knows and we use."""

    INFO = "INFO"
    WARNING = "WARN"
    ERROR = "ERR"
    ALERT = "ALERT"


_JOURNAL_LEVELS = {Level.ALERT: 1, Level.ERROR: 3, Level.WARNING: 4, Level.INFO: 6}  # sd-daemon(3)


class LogFormat(StrEnum):
    """How the values of a line are written."""

    LOGFMT = "logfmt"
    JSON = "json"


class Reader(StrEnum):
    """Who reads standard error: Courier's logger, systemd's journal, or somebody else."""

    COURIER = "courier"
    JOURNAL = "journal"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LogForm:
    """How lines are written, and for whom."""

    log_format: LogFormat = LogFormat.LOGFMT
    reader: Reader = Reader.COURIER


_output = LogOutput(2)
_form = LogForm()


def set_log_form(form: LogForm) -> None:
    """Write all lines of this process in this form from now on."""
    global _form  # noqa: PLW0603 (a process has one log, as it has one standard error)
    _form = form


def log(level: Level, **values: object) -> None:
    """Write one line; values that are None are left out. Never fails and never waits: mail goes on without a log."""
    _output.write(render_line(level, values, _form))


def flush_log() -> None:
    """Give a slow logger a last chance; for the end of a process."""
    _output.flush(FLUSH_SECONDS)


def take_dropped_log_lines() -> int:
    """Return how many lines of this process nobody took, since the last time."""
    return _output.take_dropped()


def render_line(level: Level, values: Mapping[str, object], form: LogForm = LogForm()) -> bytes:
    """Return the line; where it would be longer than LINE_LIMIT_BYTES, its longest values are cut."""
    said = {name: _plain(value) for name, value in values.items() if value is not None}
    line = _line(level, said, form)
    while len(line) > LINE_LIMIT_BYTES:
        name = max(said, key=lambda one: len(str(said[one])))
        text = str(said[name])
        if len(text) <= len(_CUT):
            break  # so many values that each is short: names and numbers of ours
        # Not by the whole excess at once: much of it may be escapes, which go with what they stand for.
        length = max(len(text) - (len(line) - LINE_LIMIT_BYTES), len(text) // 2)
        said[name] = text[: max(0, length - len(_CUT))] + _CUT
        line = _line(level, said, form)
    return line[:LINE_LIMIT_BYTES].encode("ascii") + b"\n"


def _line(level: Level, said: Mapping[str, float | str], form: LogForm) -> str:
    journal = f"<{_JOURNAL_LEVELS[level]}>" if form.reader is Reader.JOURNAL else ""
    if form.log_format is LogFormat.JSON:
        if form.reader is not Reader.COURIER:
            return journal + json.dumps({**said, "level": level})
        return f"{level}:couriergate: {json.dumps(said)}"
    values = " ".join([f"{name}={_quote(str(one))}" for name, one in said.items()])
    return f"{journal}{level}:couriergate: {values}"


def _plain(value: object) -> float | str:
    if isinstance(value, float):
        return round(value, 1)
    return value if isinstance(value, int) else printable(str(value))


def _quote(text: str) -> str:
    if text and not (" " in text or "=" in text or '"' in text):
        return text
    return '"' + text.replace('"', "\\x22") + '"'
