"""Objects in RTF, plain and with all that Word passes over strewn among their digits."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oletools.rtfobj import RtfObjParser

from scanner_service.decode.budget import OverLimitsError
from scanner_service.decode.formats.content import NotThisFormatError
from scanner_service.decode.formats.rtf import open_rtf
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read
from tests.scanner_service.decode.formats.test_ole import package


def ole_object(class_name: bytes, data: bytes) -> bytes:
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (class_name + b"\0", b"", b""))
    return struct.pack("<II", 0x501, 2) + texts + struct.pack("<I", len(data)) + data


PACKAGE = ole_object(b"Package", package(PROGRAM, "run.exe", "C:\\run.exe")[4:])
DIGITS = PACKAGE.hex().encode()


def rtf(digits: bytes) -> bytes:
    return b"{\\rtf1\\ansi{\\object\\objemb{\\*\\objclass Package}{\\*\\objdata " + digits + b"}{\\result x}} text}"


def strewn(noise: bytes) -> bytes:
    """Put the noise between any two digits."""
    return noise.join(DIGITS[at : at + 1] for at in range(len(DIGITS)))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(rtf(DIGITS), id="plain"),
        pytest.param(rtf(DIGITS.upper()), id="large digits"),
        pytest.param(rtf(strewn(b"\r\n")), id="a digit a line"),
        pytest.param(rtf(strewn(b"{\\*\\zzz 12}")), id="groups that are ignored"),
        pytest.param(rtf(b"".join(b"{%c}" % digit for digit in DIGITS)), id="each digit in a group"),
        pytest.param(rtf(strewn(b"\\zzz9 ")), id="control words"),
        pytest.param(rtf(strewn(b"\\-")), id="control symbols"),
        pytest.param(rtf(strewn(b"xyz;")), id="other characters"),
        pytest.param(rtf(b"\\bin%d " % len(PACKAGE) + PACKAGE), id="bytes as they are"),
        pytest.param(rtf(DIGITS[:20] + b"\\bin%d " % (len(PACKAGE) - 10) + PACKAGE[10:]), id="partly"),
        pytest.param(rtf(DIGITS[:21] + b"\\'00" + DIGITS[20:]), id="a character instead of half a byte"),
        pytest.param(rtf(DIGITS)[:-19], id="never closed"),
        pytest.param(rtf(DIGITS).replace(b"{\\rtf1", b"{\\rt"), id="short beginning"),
        pytest.param(rtf(b"0105{\\*\\objdata " + DIGITS + b"}00"), id="an object within one"),
    ],
)
def test_the_packaged_file_comes_out_however_it_is_hidden(document: bytes) -> None:
    reading = read(open_rtf, document)

    assert "run.exe" in reading.names_of(PROGRAM)
    assert reading.error is None


def test_an_object_of_another_class_comes_out_as_its_program_stored_it() -> None:
    reading = read(
        open_rtf, rtf(ole_object(b"Equation.3", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on").hex().encode())
    )

    assert reading.bodies == [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on"]


def test_a_lying_size_does_not_lose_the_object() -> None:
    whole = ole_object(b"Package", package(PROGRAM, "run.exe", "run.exe")[4:])
    lying = whole.replace(struct.pack("<I", len(whole) - 0x1C - 4), b"\xff\xff\xff\x7f")

    assert read(open_rtf, rtf(lying.hex().encode())).bodies == [PROGRAM]


def test_digits_that_are_no_object_are_nothing() -> None:
    reading = read(open_rtf, rtf(b"0102030405"))

    assert (reading.contents, reading.error) == ((), None)


def test_a_real_document_is_read_as_rtfobj_reads_it() -> None:
    data = (CLAMAV_TESTFILES / "clam.exe.rtf").read_bytes()
    peer = RtfObjParser(data)
    peer.parse()

    reading = read(open_rtf, data)

    assert reading.bodies == [(CLAMAV_TESTFILES / "clam.exe").read_bytes()] == [peer.objects[0].olepkgdata]


@pytest.mark.parametrize("noise", [b"{}", b"\\'41", b"{\\objdata ", b"\\bin1 \\", b"{\\object\\objdata }"])
def test_noise_without_end_is_over_limits_within_a_second(noise: bytes) -> None:
    started = time.monotonic()
    reading = read(open_rtf, rtf(noise * (4 * 2**20 // len(noise))))

    assert isinstance(reading.error, OverLimitsError)
    assert time.monotonic() - started < 2


def test_a_hundred_thousand_objects_stop_at_the_budget() -> None:
    digits = ole_object(b"a", b"b").hex().encode()

    reading = read(open_rtf, b"{\\rtf1" + (b"{\\*\\objdata " + digits + b"}") * 10_000 + b"}")

    assert isinstance(reading.error, OverLimitsError)


def test_other_bytes_are_something_else() -> None:
    assert isinstance(read(open_rtf, b"{\\objdata 01}").error, NotThisFormatError)


@given(st.binary(min_size=1, max_size=300), st.from_regex(rb"\A([ \n;]|\\[g-z]{1,5} |\{\\\*\\[g-z]{1,5} 1\}){0,3}\Z"))
def test_any_noise_between_the_bytes_is_passed_over(data: bytes, noise: bytes) -> None:
    digits = ole_object(b"any", data).hex().encode()
    document = rtf(noise.join(digits[at : at + 2] for at in range(0, len(digits), 2)))

    assert data in read(open_rtf, document).bodies
