"""Outlook's packed RTF."""

import time

from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.formats.compressed_rtf import decompress_rtf

# The example of MS-OXRTFCP §3.1.1.
PACKED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)


def test_the_example_of_the_specification_comes_out() -> None:
    assert b"".join(decompress_rtf(PACKED)) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_what_was_not_packed_comes_out_as_it_stands() -> None:
    assert b"".join(decompress_rtf(bytes([18, 0, 0, 0, 6, 0, 0, 0]) + b"MELA" + bytes(4) + b"{\\rtf}")) == b"{\\rtf}"


def test_references_into_what_was_just_written_repeat_it() -> None:
    # given: one character, then as often as can be the 17 that begin with it, which are being written
    reference = (207 << 4 | 15).to_bytes(2, "big")
    body = b"\x02a" + reference

    text = b"".join(decompress_rtf(bytes([16, 0, 0, 0, 0, 0, 0, 0]) + b"LZFu" + bytes(4) + body))

    assert text == b"a" * 18


def test_a_megabyte_is_unpacked_within_two_seconds() -> None:
    packed = b"\xff\xff\xff\xff" + bytes(4) + b"LZFu" + bytes(4) + b"\x00abcdefgh" * 110_000

    started = time.monotonic()
    size = sum(map(len, decompress_rtf(packed)))

    assert size == 880_000
    assert time.monotonic() - started < 2


@given(st.binary(max_size=500))
def test_it_never_raises(data: bytes) -> None:
    list(decompress_rtf(data))
    list(decompress_rtf(b"\xff\xff\xff\0" + bytes(4) + b"LZFu" + bytes(4) + data))
