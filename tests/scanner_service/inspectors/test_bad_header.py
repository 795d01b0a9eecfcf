"""Which header fields are called bad, as which kind, and that the reason is told."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.inspectors.bad_header import BadHeaderInspector
from scanner_service.inspectors.inspector import Inspection
from scanner_service.model.message import Message
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import InspectorStatus

GOOD = b"From: a@example.net\nDate: Sat, 08 Jun 2024 10:00:00 +0000\nSubject: hello\n"
ENVELOPE = Envelope("a@example.net", (Recipient("b@example.com"),))


def inspect(raw: bytes) -> Inspection:
    async def run() -> Inspection:
        message = Message("b7kQ2sX9aLmP", ENVELOPE, raw, "")
        return await BadHeaderInspector().inspect(message, None, asyncio.get_running_loop().time() + 1)

    return asyncio.run(run())


def kinds(raw: bytes) -> list[str]:
    return [finding.full_category for finding in inspect(raw).findings]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (GOOD, None),
        (GOOD.replace(b"\n", b"\r\n"), None),
        (GOOD + "X-Name: Zoë\n".encode(), None),
        (GOOD + b"Comments: one\nComments: two\n", None),
        (GOOD + b"X-Long: " + b"x" * 990 + b"\n", None),
        (GOOD + b"X-Long: " + b"x" * 990 + b"\r\n", None),
        (GOOD + b"Folded: one\n\ttwo\n three\n", None),
        (GOOD + b"Blank-Before-Colon : x\n", None),
        (GOOD + b"X-Name: caf\xe9\n", "8bit"),
        (GOOD + b"X-Name: \xc2\x85\n", "8bit"),
        (GOOD + b"X-Name: a\x00b\n", "control"),
        (GOOD + b"X-Name: a\rb\n", "control"),
        (GOOD + b"X-Name: a\r\r\n", "control"),
        (GOOD + b"X-Name: a\n   \n b\n", "space"),
        (GOOD + b"X-Long: " + b"x" * 991 + b"\n", "long"),
        (GOOD + b"This is no header field\n", "syntax"),
        (GOOD + b": nothing\n", "syntax"),
        (GOOD + b"--boundary\n", "syntax"),
        (b"From: a@example.net\n", "missing"),
        (b"Date: today\n", "missing"),
        (b"", "missing"),
        (GOOD + b"SUBJECT: again\n", "duplicate"),
        (GOOD + b"From: eve@example.org\n", "duplicate"),
    ],
)
@pytest.mark.parametrize("body", [b"\nbody without colon\x00 \xe9\r", b"\r\nbody\r", b""])
def test_each_kind_of_bad_header_is_told_and_the_body_is_not_looked_at(
    header: bytes, kind: str | None, body: bytes
) -> None:
    assert kinds(header + body) == ([] if kind is None else [f"bad_header.{kind}"])


def test_each_kind_is_told_once_with_its_first_place() -> None:
    raw = b"From: a\nno field \xe9\nno other field\nTo: x\x1b\x00y\n\n"

    inspection = inspect(raw)

    assert [(one.name, one.detail) for one in inspection.findings] == [
        ("bad header: 8bit", r"8-bit characters that are not UTF-8: 'no field \xe9'"),
        ("bad header: control", r"a NUL or CR: 'To: x\x1b\x00y'"),
        ("bad header: syntax", r"no field: 'no field \xe9'"),
        ("bad header: missing", "no field Date"),
    ]
    assert [(one.name, one.required, one.status) for one in inspection.reports] == [
        ("bad_header", False, InspectorStatus.HIT)
    ]


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    for finding in inspect(raw).findings:
        assert finding.detail.isprintable()
        assert len(finding.detail) < 400


HEADER_SCRAPS = (
    *(
        b"From: a",
        b"Date: b",
        b"Subject: c",
        b"subject : d",
        b"X-Name",
        b":",
        b" ",
        b"\t",
        b" e",
        b"\r",
        b"\n",
        b"\n ",
    ),
    *(b"\0", b"\x7f", b"\xff", b"x" * 999),
)


@given(header=st.lists(st.sampled_from(HEADER_SCRAPS), max_size=20).map(lambda some: b"\n".join([GOOD, *some])))
def test_one_line_that_is_no_field_has_no_other_line_read_otherwise(header: bytes) -> None:
    lines = [line for line in header.split(b"\n") if line.removesuffix(b"\r")]
    alone = b"\n".join(lines) + b"\n\n"
    with_another = b"\n".join([*lines, b"no field"]) + b"\n\n"

    assert {*kinds(alone), "bad_header.syntax"} == set(kinds(with_another))
