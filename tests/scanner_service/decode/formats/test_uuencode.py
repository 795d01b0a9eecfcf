"""Files that were uuencoded into a text."""

import base64
import binascii
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.budget import OverLimitsError
from scanner_service.decode.formats.content import NotThisFormatError
from scanner_service.decode.formats.uuencode import open_uuencode
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, joined, read


def uuencoded(data: bytes, name: str = "run.exe", *, backtick: bool = True) -> bytes:
    lines = [binascii.b2a_uu(data[at : at + 45], backtick=backtick) for at in range(0, len(data), 45)]
    return b"begin 644 " + name.encode() + b"\n" + b"".join(lines) + b"`\nend\n"


def test_a_file_within_a_text_comes_out_with_its_name() -> None:
    text = b"Hello,\n\n" + uuencoded(PROGRAM, "my run.exe ") + b"-- \nBob\n"

    reading = read(open_uuencode, text)

    assert reading.bodies == [PROGRAM]
    assert reading.contents[0].names[0] == "my run.exe"
    assert reading.error is None


def test_several_files_in_one_text_all_come_out_though_an_end_is_missing() -> None:
    text = uuencoded(PROGRAM).removesuffix(b"`\nend\n") + uuencoded(b"second", "b.txt")

    reading = read(open_uuencode, text)

    assert reading.bodies == [PROGRAM, b"second"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda text: text.replace(b" \n", b"\n").replace(b"  \n", b"\n"), id="blanks at line ends lost"),
        pytest.param(lambda text: text.removesuffix(b"end\n"), id="no end"),
        pytest.param(
            lambda text: text.replace(b"\n", b"\nthis line is of no sense, is it?\n\n", 3), id="strange lines"
        ),
        pytest.param(lambda text: text.replace(b"644", b"100644"[1:]), id="long mode"),
    ],
)
def test_a_text_that_was_spoiled_on_its_way_still_gives_the_program(spoil: Callable[[bytes], bytes]) -> None:
    text = uuencoded(PROGRAM, backtick=False)
    first_line_end = text.index(b"\n", text.index(b"\n") + 1) + 1

    reading = read(open_uuencode, text[:first_line_end] + spoil(text[first_line_end:]))

    assert reading.bodies[0].startswith(b"MZ")
    assert reading.contents[0].names == ("run.exe",)


def test_what_fills_up_the_last_line_may_be_anything() -> None:
    text = uuencoded(bytes(45) + b"a")

    assert read(open_uuencode, text.replace(b"!80``", b"!80\0\1")).bodies == [bytes(45) + b"a"]


def test_the_base64_variant_is_read_too() -> None:
    encoded = base64.encodebytes(PROGRAM)

    reading = read(open_uuencode, b"begin-base64 644 run.exe\n" + encoded + b"====\nmore text\n")

    assert reading.bodies == [PROGRAM]


@pytest.mark.parametrize(
    "text",
    [
        "begin 5 minutes earlier\nthan we said",
        "begin 500 words from here\nAnd then it was said.",
        "they begin 644 times\n#&1A",
        "begin 644 \n",
        "begin-base64 644 lines\nof prose, this is",
    ],
)
def test_prose_is_no_file(text: str) -> None:
    assert isinstance(read(open_uuencode, joined([text])).error, NotThisFormatError)


def test_the_program_in_a_real_text_comes_out() -> None:
    reading = read(open_uuencode, (CLAMAV_TESTFILES / "clam.exe.mbox.uu").read_bytes())

    assert reading.bodies == [(CLAMAV_TESTFILES / "clam.exe").read_bytes()]


def test_a_hundred_thousand_beginnings_stop_at_the_budget() -> None:
    assert isinstance(read(open_uuencode, b"begin 644 a\n#0V%T\n" * 100_000).error, OverLimitsError)


def test_a_hundred_thousand_beginnings_that_encode_nothing_are_passed_over() -> None:
    assert isinstance(read(open_uuencode, b"begin 644 a\nlower\n" * 100_000).error, NotThisFormatError)


@given(st.binary(max_size=2000), st.booleans())
def test_what_was_encoded_comes_out(data: bytes, backtick: bool) -> None:
    assert read(open_uuencode, uuencoded(data, backtick=backtick)).bodies == [data]
