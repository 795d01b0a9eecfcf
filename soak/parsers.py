"""What must hold for any bytes, for each parser and renderer that meets strangers' text, but for decoding.

A check returns, or raises whatever is wrong. What it needs of chance it takes from the input, so that a kept input
fails again in the same way.
"""

import ipaddress
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from shim.control_file import ControlFileError, envelope_of, parse_control_file
from shim.filter_reply import render_reply
from shim.filter_request import FilterRequest, FilterRequestError, FilterRequestParser
from shim.header_edit import HeaderEditError, edit_header, header_end
from shim.http_exchange import BadAnswerError, HttpAnswer, HttpExchanges
from shim.log_line import LINE_LIMIT_BYTES, Level, LogForm, LogFormat, Reader, render_line
from soak.mail_auth import check_mail_auth
from verdict_api.json_codec import (
    decode_envelope,
    decode_envelope_header,
    encode_envelope,
    encode_envelope_header,
)
from verdict_api.printable import printable
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import HeaderAction, HeaderEdit

T = TypeVar("T")

_ANSWER_LIMIT_BYTES = 4096
_LONGEST_NAME_BYTES = 100  # an edit that would make a line too long for SMTP is refused
_LAST_LINE = re.compile(rb"([245]\d\d) ([245]\.\d{1,3}\.\d{1,3}) ([ -~]*)\n")
_LOG_LINE = re.compile(r'INFO:couriergate:((?: \w+=(?:"[^"]*"|[^ "=]+))*)\n')
_LOG_FIELD = re.compile(r' (\w+)=(?:"([^"]*)"|([^ ]+))')
_SUBJECTS = re.compile(rb"(?:\A|[\r\n])subject[ \t]*:", re.IGNORECASE)
_FIELD_NAME = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.MULTILINE)


def check_filter_request(data: bytes) -> None:
    whole = _outcome(FilterRequestParser().receive, [data], FilterRequestError)

    assert _outcome(FilterRequestParser().receive, _pieces(data), FilterRequestError) == whole
    if isinstance(whole, FilterRequest):
        paths = (whole.data_path, *whole.control_paths)
        assert whole.control_paths
        assert all(path.startswith(b"/") and b"\n" not in path and b"\0" not in path for path in paths)


def check_control_file(data: bytes) -> None:
    try:
        file = parse_control_file(data, "the file")
    except ControlFileError:
        return

    envelope = envelope_of([file, file], "mx.test.example", len(data), lambda address: "@" not in address)
    assert len(file.recipients) == sum(line.startswith(b"r") for line in data.split(b"\n"))
    assert envelope.client.ip is None or str(ipaddress.ip_address(envelope.client.ip)) == envelope.client.ip
    if envelope.recipients:
        assert decode_envelope(encode_envelope(envelope)) == envelope
        assert decode_envelope_header(encode_envelope_header(envelope)) == envelope


def check_filter_reply(data: bytes) -> None:
    code, _, rest = data.decode("utf-8", "surrogateescape").partition(" ")
    enhanced, _, text = rest.partition(" ")
    try:
        reply = SmtpReply(int(code), enhanced, printable(text))
    except ValueError:
        return

    lines = render_reply(reply).splitlines(keepends=True)
    ends = [_LAST_LINE.fullmatch(line.replace(b"-", b" ", 1) if line is not lines[-1] else line) for line in lines]
    assert all(line[3:4] == b"-" for line in lines[:-1])
    assert all(len(line) < 512 for line in lines)
    assert {(end[1], end[2]) for end in ends if end} == {(str(reply.code).encode(), reply.enhanced.encode())}
    said = b"".join(end[3] for end in ends if end)
    assert said.replace(b" ", b"") == reply.text.encode().replace(b" ", b"")


def check_header_edit(data: bytes) -> None:
    end = header_end(data)
    for size in range(0, len(data), max(1, len(data) // 16)):
        assert header_end(data[:size]) in (None, end)
    header = data if end is None else data[:end]
    body = data[len(header) :]
    edits = _edits(random.Random(data), header)
    try:
        edited = edit_header(header, edits)
    except HeaderEditError:
        assert any(not _is_legal(edit) for edit in edits) or len(_new_subjects(edits)) > 1
        return

    assert header_end(edited + body) == (None if end is None else len(edited))
    added = edit_header(b"", edits)
    assert all(b": " in line or line.startswith(b" ") for line in added.splitlines())
    if _new_subjects(edits):
        _check_subject(header, edits, edited)
        return
    assert edited.startswith(added)
    assert _is_subsequence(edited[len(added) :], header)
    if all(edit.action is HeaderAction.ADD for edit in edits):
        assert edited == added + header


def _check_subject(header: bytes, edits: Sequence[HeaderEdit], edited: bytes) -> None:
    """Check that there is one, the new one, on top or amid what was there."""
    subjects = _new_subjects(edits)
    subject = edit_header(b"", subjects)
    others = edit_header(b"", [edit for edit in edits if edit not in subjects])
    assert len(_SUBJECTS.findall(edited)) == 1
    rests = [edited[: found.start()] + edited[found.end() :] for found in re.finditer(re.escape(subject), edited)]
    assert any(rest.startswith(others) and _is_subsequence(rest[len(others) :], header) for rest in rests)


def _new_subjects(edits: Sequence[HeaderEdit]) -> list[HeaderEdit]:
    return [edit for edit in edits if edit.action is HeaderAction.ADD and edit.name.lower() == "subject"]


def check_http_exchange(data: bytes) -> None:
    whole = _outcome(_new_exchange().receive, [data], BadAnswerError)

    for pieces in (_pieces(data), [data[place : place + 1] for place in range(len(data))]):
        outcome = _outcome(_new_exchange().receive, pieces, BadAnswerError)
        # What is wrong may be told in other words: h11 sees another part of it first.
        assert outcome == whole or (isinstance(outcome, str) and isinstance(whole, str))
    if isinstance(whole, HttpAnswer):
        assert 200 <= whole.status <= 999
        assert len(whole.body) <= _ANSWER_LIMIT_BYTES


def check_log_line(data: bytes) -> None:
    names = ("queue_id", "sender", "recipients", "problem")
    values = dict(zip(names, data.decode("utf-8", "surrogateescape").split("\n", 3), strict=False))
    line = render_line(Level.INFO, dict(values)).decode("ascii")

    assert len(line) <= LINE_LIMIT_BYTES + 1
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    found = _LOG_LINE.fullmatch(line)
    assert found
    fields = {name: quoted or plain for name, quoted, plain in _LOG_FIELD.findall(found[1])}
    as_json = json.loads(render_line(Level.INFO, dict(values), LogForm(LogFormat.JSON, Reader.OTHER)))
    assert list(fields) == list(values)
    assert set(as_json) == {*values, "level"}
    if any(value.endswith("...") for value in fields.values()):  # cut, but not to nothing
        assert len(line) > LINE_LIMIT_BYTES // 4 or data.count(b"...")
    for name, value in values.items():
        assert fields[name] == printable(value).replace('"', r"\x22") or fields[name].endswith("...")  # cut
        assert as_json[name] == printable(value) or as_json[name].endswith("...")


PARSERS: dict[str, Callable[[bytes], None]] = {
    "filter_request": check_filter_request,
    "control_file": check_control_file,
    "filter_reply": check_filter_reply,
    "header_edit": check_header_edit,
    "http_exchange": check_http_exchange,
    "log_line": check_log_line,
    "mail_auth": check_mail_auth,
}


def _outcome(
    receive: Callable[[bytes], T | None], pieces: Sequence[bytes], declared: type[Exception]
) -> T | str | None:
    """Return what comes of the pieces and the end of file: a result, or the text of the declared error."""
    try:
        for piece in (*filter(None, pieces), b""):
            result = receive(piece)
            if result is not None:
                return result
    except declared as error:
        return str(error)
    return None


def _pieces(data: bytes) -> list[bytes]:
    chance = random.Random(data)
    cuts = sorted(chance.randint(0, len(data)) for _ in range(chance.randint(1, 8)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _new_exchange() -> HttpExchanges:
    exchanges = HttpExchanges(_ANSWER_LIMIT_BYTES)
    exchanges.begin(b"POST", b"/v1/verdicts", [(b"Host", b"scanner"), (b"Content-Length", b"0")])
    exchanges.end_body()
    return exchanges


def _edits(chance: random.Random, header: bytes) -> list[HeaderEdit]:
    names = [name.decode("ascii") for name in _FIELD_NAME.findall(header) if len(name) < _LONGEST_NAME_BYTES]
    names += ["X-Couriergate-Verdict", "Subject", "not a name"]
    return [
        HeaderEdit(HeaderAction.ADD, chance.choice(names), _value(chance, header))
        if chance.random() < 0.5
        else HeaderEdit(HeaderAction.REMOVE, chance.choice(names), None)
        for _ in range(chance.randint(1, 3))
    ]


def _value(chance: random.Random, header: bytes) -> str:
    start = chance.randint(0, len(header))
    text = header[start : start + chance.choice((0, 8, 200))].decode("latin-1")
    return text if chance.random() < 0.1 else printable(text)


def _is_legal(edit: HeaderEdit) -> bool:
    value = edit.value or ""
    return " " not in edit.name and value.isascii() and value.isprintable()


def _is_subsequence(data: bytes, of: bytes) -> bool:
    rest = iter(of)
    return all(byte in rest for byte in data)
