"""Log lines: one event, one line, whatever strangers put into it."""

import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.log_line import LINE_LIMIT_BYTES, Level, render_line


@pytest.mark.parametrize(
    ("level", "values", "line"),
    [
        (Level.INFO, {"event": "started"}, b"INFO:couriergate: event=started\n"),
        (Level.WARNING, {"a": 1, "b": None, "c": 2.5}, b"WARN:couriergate: a=1 c=2.5\n"),
        (Level.ERROR, {"problem": "two words"}, b'ERR:couriergate: problem="two words"\n'),
        (Level.INFO, {"a": ""}, b'INFO:couriergate: a=""\n'),
        (Level.INFO, {"a": "b=c"}, b'INFO:couriergate: a="b=c"\n'),
        (Level.INFO, {"a": 'say "x"'}, b'INFO:couriergate: a="say \\x22x\\x22"\n'),
        (Level.INFO, {"a": '" b="c'}, b'INFO:couriergate: a="\\x22 b=\\x22c"\n'),
        (Level.INFO, {"a": "b\nERR:couriergate: c"}, b'INFO:couriergate: a="b\\x0aERR:couriergate: c"\n'),
        (Level.INFO, {"a": "\x1b[2J"}, b"INFO:couriergate: a=\\x1b[2J\n"),
        (Level.INFO, {"a": "\udce9"}, b"INFO:couriergate: a=\\xe9\n"),
        (Level.INFO, {"a": "back\\slash"}, b"INFO:couriergate: a=back\\x5cslash\n"),
        (Level.INFO, {}, b"INFO:couriergate: \n"),
    ],
)
def test_a_line_has_the_level_and_the_values(level: Level, values: dict[str, object], line: bytes) -> None:
    assert render_line(level, values) == line


@given(st.text(st.characters()), st.text(st.characters()))
def test_strangers_text_adds_no_line_and_no_field(one: str, other: str) -> None:
    line = render_line(Level.INFO, {"one": one, "other": other})

    value = rb'([!#-<>-~]+|"[ !#-~]*")'
    assert re.fullmatch(rb"INFO:couriergate: one=" + value + rb" other=" + value + rb"\n", line)


@pytest.mark.parametrize("length", [LINE_LIMIT_BYTES - 30, LINE_LIMIT_BYTES, 10 * LINE_LIMIT_BYTES])
def test_a_line_is_cut_so_that_it_is_one_write(length: int) -> None:
    line = render_line(Level.INFO, {"queue_id": "M1", "sender": "x" * length})

    assert len(line) <= LINE_LIMIT_BYTES + 1
    assert line.startswith(b"INFO:couriergate: queue_id=M1 sender=xxx")
    assert line.endswith(b"x\n")


def test_a_line_goes_to_standard_error_in_one_piece() -> None:
    said = _run("log(Level.ERROR, event='a b')")

    assert said == b'ERR:couriergate: event="a b"\n'


def test_nobody_reading_the_log_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import os; from shim.log_line import Level, log; log(Level.INFO, event='x'); os._exit(7)"

    ended = subprocess.run([sys.executable, "-c", program], stderr=writing, check=False)

    os.close(writing)
    assert ended.returncode == 7


def _run(statement: str) -> bytes:
    program = f"from shim.log_line import Level, log; {statement}"
    return subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, check=True).stderr
