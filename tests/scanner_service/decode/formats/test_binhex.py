"""BinHex 4.0, against an encoder of the tests' own."""

import base64
import binascii
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.budget import OverLimitsError
from scanner_service.decode.formats.binhex import open_binhex
from scanner_service.decode.formats.content import DamagedError, NotThisFormatError
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read

ANNOUNCEMENT = b"(This file must be converted with BinHex 4.0)\r\n\r\n"
_ALPHABET = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def binhexed(data: bytes, resource: bytes = b"", name: bytes = b"run.exe", *, right_checksum: bool = True) -> bytes:
    header = bytes([len(name)]) + name + b"\0APPLaplt\0\0" + struct.pack(">II", len(data), len(resource))
    plain = b"".join(_with_checksum(piece, right_checksum) for piece in (header, data, resource))
    return ANNOUNCEMENT + b":" + in_characters(packed(plain)) + b":\r\n"


def _with_checksum(piece: bytes, right: bool) -> bytes:
    return piece + struct.pack(">H", binascii.crc_hqx(piece, 0) ^ (not right))


def packed(plain: bytes) -> bytes:
    escaped = plain.replace(b"\x90", b"\x90\0")
    return re.sub(
        rb"([^\x90])\1{3,254}(?!\0)", lambda run: run.group(1) + b"\x90" + bytes([len(run.group())]), escaped
    )


def in_characters(data: bytes) -> bytes:
    characters = base64.b64encode(data).rstrip(b"=").translate(bytes.maketrans(_BASE64, _ALPHABET))
    return b"\r\n".join(characters[at : at + 64] for at in range(0, len(characters), 64))


def test_both_forks_come_out_with_their_name() -> None:
    reading = read(open_binhex, b"Here it is:\r\n" + binhexed(PROGRAM, b"icon"))

    assert reading.bodies == [PROGRAM, b"icon"]
    assert [content.names[0] for content in reading.contents] == ["run.exe", "run.exe.rsrc"]
    assert reading.error is None


def test_a_wrong_checksum_hides_nothing() -> None:
    assert read(open_binhex, binhexed(PROGRAM, right_checksum=False)).bodies == [PROGRAM]


def test_a_cut_file_gives_what_is_there_and_is_damaged() -> None:
    whole = binhexed(bytes(range(256)) * 10)

    reading = read(open_binhex, whole[: len(whole) // 2])

    assert reading.bodies[0].startswith(bytes(range(100)))
    assert isinstance(reading.error, DamagedError)


@pytest.mark.parametrize("text", [ANNOUNCEMENT + b":!!!:", ANNOUNCEMENT, b"BinHex: a format of old\r\n"])
def test_a_text_about_binhex_is_none(text: bytes) -> None:
    assert isinstance(read(open_binhex, text).error, NotThisFormatError)


def test_the_program_in_a_real_file_comes_out() -> None:
    reading = read(open_binhex, (CLAMAV_TESTFILES / "clam.exe.binhex").read_bytes())

    assert (CLAMAV_TESTFILES / "clam.exe").read_bytes() in reading.bodies


def test_runs_without_end_stop_at_the_budget() -> None:
    bomb = ANNOUNCEMENT + b":" + in_characters(b"a" + b"\x90\xff" * 2_000_000) + b":"

    assert isinstance(read(open_binhex, bomb).error, OverLimitsError)


@given(st.binary(max_size=2000), st.binary(max_size=50))
def test_what_was_encoded_comes_out(data: bytes, resource: bytes) -> None:
    reading = read(open_binhex, binhexed(data, resource))

    assert reading.bodies == [data, resource][: 1 + bool(resource)]
