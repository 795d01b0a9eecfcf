"""Attachments of chance: data of unknown kind, of which a few begin as some format does.

Two bytes prove nothing: one in 65,536 files of chance begins as any given format. Such a file is no damaged archive.
"""

import functools

from tests.corpus.clean.compose import attached, mail, mixed, random_bytes
from tests.corpus.clean.message import CleanMessage, Shelf

MESSAGES = Shelf()
COUNT = 200
# First bytes of gzip, compress, bzip2, ZIP, 7z, ARJ, lzip, cab, zstd, RAR, zlib, RTF, PDF, OLE, lzma, RPM, CHM, xz.
_BEGINNINGS = (
    b"",
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"BZ",
    b"BZh",
    b"PK",
    b"7z",
    b"\x60\xea",
    b"LZ",
    b"MS",
    b"\x28\xb5",
    b"Ra",
    b"\x78\x9f",
    b"{\\r",
    b"%PD",
    b"\xd0\xcf",
    b"\x5d\0\0",
    b"\xed\xab",
    b"ITS",
    b"\xfd7z",
)
_NAMES = ("data.bin", "export.dat", "settings.cfg", "save.001", "measurements")


def _attachment_of_chance(number: int) -> bytes:
    beginning = _BEGINNINGS[number % len(_BEGINNINGS)]
    content = beginning + random_bytes(f"chance {number}", 20 + number * 37 % 3000)
    return mail(mixed(attached(content, "application/octet-stream", _NAMES[number % len(_NAMES)])))


for _number in range(COUNT):
    MESSAGES.add(
        CleanMessage(
            f"chance_{_number:03}",
            f"Bytes of chance after {_BEGINNINGS[_number % len(_BEGINNINGS)]!r}.",
            functools.partial(_attachment_of_chance, _number),
        )
    )
