"""Files that a page brings along."""

import base64
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.formats.content import NotThisFormatError
from scanner_service.decode.formats.html import open_html
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read

ENCODED = base64.b64encode(PROGRAM)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b'<a href="data:application/x;base64,' + ENCODED + b'" download="run.exe">', id="address"),
        pytest.param(b"<a download='run.exe' href='DATA:;BASE64," + ENCODED + b"'>", id="address without a type"),
        pytest.param(
            b'<a href="data:a/b,' + quote_from_bytes(PROGRAM).encode() + b'" download = "run.exe">', id="percent"
        ),
        pytest.param(b'var b = atob("' + ENCODED + b'"); a.download = "run.exe"; a.click()', id="script"),
        pytest.param(
            b"x = '" + ENCODED[:40] + b"\\\n" + ENCODED[40:] + b"'; a.setAttribute('download', 'run.exe')", id="lines"
        ),
    ],
)
def test_the_program_comes_out_under_the_name_by_which_it_would_be_saved(page: bytes) -> None:
    reading = read(open_html, b"<html>" + page + b"</html>")

    assert reading.names_of(PROGRAM) == ("run.exe",)


def test_the_program_in_a_real_page_comes_out() -> None:
    reading = read(open_html, (CLAMAV_TESTFILES / "clam.exe.html").read_bytes())

    assert reading.bodies == [(CLAMAV_TESTFILES / "clam.exe").read_bytes()]


@pytest.mark.parametrize(
    "page",
    [
        b"<img src='data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(200)) + b"'>",
        b"<p>" + b"long words " * 100,
        b'integrity="' + b"A" * 400 + b'"',
        b"key = '" + base64.b64encode(b"MZ" + bytes(range(1, 200))) + b"'",
        b"",
    ],
)
def test_a_page_of_text_and_pictures_brings_no_file(page: bytes) -> None:
    assert isinstance(read(open_html, page).error, NotThisFormatError)


@given(st.binary(min_size=150, max_size=400))
def test_whatever_is_behind_a_sign_of_a_program_comes_out(rest: bytes) -> None:
    program = PROGRAM + rest

    page = b"<script>f(`" + base64.b64encode(program) + b"`)</script>"

    assert read(open_html, page).bodies == [program]
