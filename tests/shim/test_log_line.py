"""Log lines: one event, one line, whatever strangers put into it."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.log_line import LINE_LIMIT_BYTES, Level, LogForm, LogFormat, Reader, render_line
from shim.log_output import WAITING_LINES, LogOutput
from verdict_api.printable import printable


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


@pytest.mark.parametrize("form", [LogForm(), LogForm(LogFormat.JSON)])
@pytest.mark.parametrize("stranger", ["x", '"', "\udce9", "="])
@pytest.mark.parametrize("length", [LINE_LIMIT_BYTES - 30, LINE_LIMIT_BYTES, 10 * LINE_LIMIT_BYTES])
def test_of_a_long_line_the_longest_value_is_cut(length: int, stranger: str, form: LogForm) -> None:
    values = {"queue_id": "M1", "sender": stranger * length, "recipients": "y" * 300, "problem": "why it is so"}

    line = render_line(Level.INFO, values, form)

    assert len(line) <= LINE_LIMIT_BYTES + 1
    assert b"M1" in line
    assert b"why it is so" in line
    assert b"y" * 300 in line


@given(st.dictionaries(st.text("abc_", min_size=1), st.text(st.characters()), max_size=6))
def test_a_json_line_is_json_in_printable_ascii(values: dict[str, str]) -> None:
    line = render_line(Level.ALERT, values, LogForm(LogFormat.JSON, Reader.OTHER)).decode("ascii")

    said = json.loads(line)
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert said.pop("level") == "ALERT"
    assert said == {name: printable(value) for name, value in values.items()}


def test_json_for_couriers_logger_has_the_prefix_that_it_reads() -> None:
    line = render_line(Level.ERROR, {"queue_id": "M1", "size": 5, "ms": 1.26}, LogForm(LogFormat.JSON))

    assert line == b'ERR:couriergate: {"queue_id": "M1", "size": 5, "ms": 1.3}\n'


@pytest.mark.parametrize(
    ("log_format", "line"),
    [
        (LogFormat.LOGFMT, b"<1>ALERT:couriergate: event=paused\n"),
        (LogFormat.JSON, b'<1>{"event": "paused", "level": "ALERT"}\n'),
    ],
)
def test_the_journal_is_told_the_level_in_its_own_way(log_format: LogFormat, line: bytes) -> None:
    assert render_line(Level.ALERT, {"event": "paused"}, LogForm(log_format, Reader.JOURNAL)) == line


def test_a_logger_that_stands_still_holds_up_nobody_and_gets_the_lines_later() -> None:
    reading, writing = os.pipe()
    write_many = "[log(Level.INFO, event='x' * 1000) for _ in range(200)]; print('done', flush=True); input()"
    command = [
        sys.executable,
        "-c",
        f"from shim.log_line import Level, flush_log, log; {write_many}; log(Level.INFO, event='last'); flush_log()",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing) as process:
        os.close(writing)
        assert process.stdout is not None
        assert process.stdin is not None
        done = process.stdout.readline()
        waited = os.read(reading, 2**20)
        process.stdin.write(b"\n")
        process.stdin.close()
        while piece := os.read(reading, 2**20):
            waited += piece
        lines = waited.splitlines()
        os.close(reading)

    assert done == b"done\n"
    assert len(lines) == 201
    assert lines[-1] == b"INFO:couriergate: event=last"


def test_lines_beyond_those_that_can_wait_are_dropped_and_counted() -> None:
    reading, writing = os.pipe()
    output = LogOutput(writing)

    for _ in range(WAITING_LINES + 500):
        output.write(b"x" * 999 + b"\n")

    os.close(reading)
    os.close(writing)
    dropped = output.take_dropped()
    assert 0 < dropped <= 500
    assert output.take_dropped() == 0


@pytest.mark.parametrize("kind", ["pipe", "another user's pipe", "socket", "file"])
def test_a_line_is_written_whatever_the_descriptor_is(kind: str, tmp_path: Path) -> None:
    with contextlib.ExitStack() as held:
        if kind == "socket":
            one, other = (held.enter_context(end) for end in socket.socketpair())
            reading, writing = one.fileno(), other.fileno()
        elif kind == "file":
            file = tmp_path / "log"
            file.write_bytes(b"")
            reading, writing = os.open(file, os.O_RDONLY), os.open(file, os.O_WRONLY | os.O_APPEND)
        else:
            reading, writing = os.pipe()
        if kind == "another user's pipe":
            os.fchmod(writing, 0)
        leave_root = "os.geteuid() or os.setuid(65534); "
        said = "log(Level.INFO, event='x'); log(Level.INFO, event='y')"
        statement = "import os; from shim.log_line import Level, log; " + leave_root + said

        subprocess.run([sys.executable, "-c", statement], stderr=writing, check=True)

        assert os.read(reading, 1000) == b"INFO:couriergate: event=x\nINFO:couriergate: event=y\n"


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


def test_a_long_value_of_nothing_but_escapes_keeps_what_there_is_room_for() -> None:
    line = render_line(Level.ERROR, {"problem": '"' * 16_000})

    assert 1000 < len(line) <= LINE_LIMIT_BYTES + 1
