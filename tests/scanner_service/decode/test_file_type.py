"""What bytes are, whatever they are called."""

import bz2
import gzip
import io
import lzma
import random
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from scanner_service.decode.file_type import LOOKED_AT_BYTES, file_types


def pe(characteristics: int) -> bytes:
    """Return the headers of a Windows program with these COFF characteristics."""
    dos = b"MZ" + bytes(0x3A) + (0x80).to_bytes(4, "little")
    return dos.ljust(0x80, b"\0") + b"PE\0\0" + bytes(18) + characteristics.to_bytes(2, "little") + bytes(200)


def tar_of(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return packed.getvalue()


def zip_of(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "types"),
    [
        pytest.param(pe(0x0102), ("exe", "exe-ms"), id="Windows program"),
        pytest.param(pe(0x2102), ("exe", "dll"), id="Windows library"),
        pytest.param(b"MZ", ("exe", "exe-ms"), id="two letters of a program"),
        pytest.param(Path(sys.executable).resolve().read_bytes()[:5000], ("exe", "exe-unix"), id="ELF"),
        pytest.param(b"\xca\xfe\xba\xbe\0\0\0\2", ("exe", "exe-unix"), id="Mach-O for two processors"),
        pytest.param(b"\xca\xfe\xba\xbf\0\0\0\2", ("exe", "exe-unix"), id="Mach-O for two, 64-bit"),
        pytest.param(b"\xca\xfe\xba\xbe\0\0\0\x2d", ("java",), id="first Java class"),
        pytest.param(b"\xca\xfe\xba\xbe\0\0\0\x45", ("java",), id="Java class"),
        pytest.param(b"#!/bin/sh\n", ("script",), id="script"),
        pytest.param(zip_of("a"), ("zip",), id="zip"),
        pytest.param(b"PK\x05\x06" + bytes(18), ("zip",), id="empty zip"),
        pytest.param(gzip.compress(b"x"), ("gz",), id="gzip"),
        pytest.param(bz2.compress(b"x"), ("bz2",), id="bzip2"),
        pytest.param(lzma.compress(b"x"), ("xz",), id="xz"),
        pytest.param(tar_of("a"), ("tar",), id="tar"),
        pytest.param(bytes(32769) + b"CD001", ("iso",), id="ISO image"),
        pytest.param(bytes(32769) + b"BEA01", ("iso",), id="UDF image"),
        pytest.param(b"MSWIM\0\0\0", ("wim",), id="Windows image"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("doc", "ole"), id="OLE"),
        pytest.param(b"  \xef\xbb\xbf\n<HTML>", ("html",), id="HTML after blanks"),
        pytest.param(b"%PDF-1.4", ("pdf",), id="PDF"),
        pytest.param(b"Hello.\n", (), id="text"),
        pytest.param(b"", (), id="nothing"),
    ],
)
def test_bytes_are_known_by_their_beginning(data: bytes, types: tuple[str, ...]) -> None:
    assert file_types(data) == types


def test_a_header_beyond_what_is_looked_at_is_still_a_program() -> None:
    beginning = b"MZ" + b"\xff" * 58 + (2**20).to_bytes(4, "little") + bytes(LOOKED_AT_BYTES)

    assert file_types(beginning) == ("exe", "exe-ms")


@pytest.mark.parametrize(
    "header", [b"", b"\x90\0\3\0\0\0\4\0\0\0\xff\xff", bytes(60)], ids=["bare", "usual", "zeros"]
)
def test_a_program_of_dos_is_one_too(header: bytes) -> None:
    assert file_types(b"MZ" + header) == ("exe", "exe-ms")


@pytest.mark.parametrize(
    "text",
    [b"MZ 75 kg, 1.80 m\nborn in 1970, and so on for more than sixty-four characters\n", b"MZ" + b"\xff" * 100],
)
def test_two_letters_make_no_program(text: bytes) -> None:
    assert file_types(text) == ()


def test_bytes_of_chance_that_begin_like_a_program_are_none() -> None:
    chance = random.Random(1)

    taken = sum(bool(file_types(b"MZ" + chance.randbytes(100))) for _ in range(20_000))

    assert taken < 400  # of those that begin so at all, one in 65,536
