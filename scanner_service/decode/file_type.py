"""What bytes are, by their own beginning: in the short names that amavisd-new's rules know, as ``exe-ms`` or ``zip``.

It looks at fixed places only, so it costs the same for every part and cannot be led astray by what lies between.
Names and declared types are a stranger's word; this is the content's.
"""

from dataclasses import dataclass

LOOKED_AT_BYTES = 33 * 2**10  # an ISO image tells what it is at 32 KiB


@dataclass(frozen=True, slots=True)
class _Sign:
    offset: int
    mark: bytes
    types: tuple[str, ...]


def _at(offset: int, mark: bytes, *types: str) -> _Sign:
    return _Sign(offset, mark, types)


# The first that is there decides. Sources: the formats' own specifications, and file(1)'s magic for marks of none.
_SIGNS = (
    _at(0, b"\x7fELF", "exe", "exe-unix"),
    _at(0, b"\xfe\xed\xfa\xce", "exe", "exe-unix"),  # Mach-O
    _at(0, b"\xfe\xed\xfa\xcf", "exe", "exe-unix"),
    _at(0, b"\xce\xfa\xed\xfe", "exe", "exe-unix"),
    _at(0, b"\xcf\xfa\xed\xfe", "exe", "exe-unix"),
    # Mach-O for several processors: so many of them, where a Java class has a version from 45 on.
    *(_at(0, b"\xca\xfe\xba\xbe\0\0\0" + bytes([number]), "exe", "exe-unix") for number in range(1, 20)),
    _at(0, b"\xca\xfe\xba\xbf\0\0\0", "exe", "exe-unix"),
    _at(0, b"#!", "script"),
    _at(0, b"L\0\0\0\x01\x14\x02\0", "lnk"),
    _at(0, b"PK\x03\x04", "zip"),
    _at(0, b"PK\x05\x06", "zip"),
    _at(0, b"PK\x07\x08", "zip"),
    _at(0, b"7z\xbc\xaf\x27\x1c", "7z"),
    _at(0, b"Rar!\x1a\x07", "rar"),
    _at(0, b"\x1f\x8b", "gz"),
    _at(0, b"\x1f\x9d", "Z"),
    _at(0, b"BZh", "bz2"),
    _at(0, b"\xfd7zXZ\0", "xz"),
    _at(0, b"\x5d\0\0", "lzma"),
    _at(0, b"\x28\xb5\x2f\xfd", "zst"),
    _at(0, b"\x04\x22\x4d\x18", "lz4"),
    _at(0, b"\x89LZO\0", "lzo"),
    _at(0, b"LRZI", "lrz"),
    _at(0, b"MSCF", "cab"),
    _at(0, b"ISc(", "installshield"),
    _at(0, b"SZDD\x88\xf0\x27\x33A", "szdd"),
    _at(0, b"xar!\0", "xar"),
    _at(8, b"\x19\x04\0\x10", "sis"),
    _at(0, b"\x60\xea", "arj"),
    _at(2, b"-lh", "lha"),
    _at(2, b"-lz", "lha"),
    _at(20, b"\xdc\xa7\xc4\xfd", "zoo"),
    _at(7, b"**ACE**", "ace"),
    _at(0, b"070701", "cpio"),
    _at(0, b"070702", "cpio"),
    _at(0, b"070707", "cpio"),
    _at(0, b"\xc7\x71", "cpio"),
    _at(0, b"\x71\xc7", "cpio"),
    _at(0, b"!<arch>\ndebian", "deb"),
    _at(0, b"!<arch>\n", "a"),
    _at(0, b"\xed\xab\xee\xdb", "rpm"),
    _at(257, b"ustar", "tar"),
    _at(32769, b"CD001", "iso"),
    _at(32769, b"BEA01", "iso"),  # UDF (ECMA-167 2/9.2), which Windows mounts as well
    _at(0, b"vhdxfile", "vhd"),
    _at(0, b"MSWIM\0\0\0", "wim"),
    _at(0, b"conectix", "vhd"),
    _at(0, b"ITSF", "chm"),
    _at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "doc", "ole"),
    _at(0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "one"),
    _at(0, b"\x78\x9f\x3e\x22", "tnef"),
    _at(0, b"{\\rt", "rtf"),
    _at(0, b"%PDF-", "pdf"),
    _at(0, b"%!PS", "ps"),
    _at(0, b"FWS", "swf"),
    _at(0, b"CWS", "swf"),
    _at(0, b"ZWS", "swf"),
    _at(0, b"\xca\xfe\xba\xbe", "java"),
    _at(0, b"\xff\xd8\xff", "image", "jpg"),
    _at(0, b"\x89PNG\r\n\x1a\n", "image", "png"),
    _at(0, b"GIF8", "image", "gif"),
    _at(0, b"II*\0", "image", "tif"),
    _at(0, b"MM\0*", "image", "tif"),
    _at(0, b"BM", "image", "bmp"),
    _at(8, b"WEBP", "image", "webp"),
    _at(8, b"WAVE", "audio", "wav"),
    _at(8, b"AVI ", "movie", "avi"),
    _at(8, b"ACON", "movie", "ani"),
    _at(0, b"ID3", "audio", "mp3"),
    _at(0, b"fLaC", "audio", "flac"),
    _at(0, b"OggS", "audio", "ogg"),
    _at(4, b"ftyp", "movie", "mp4"),
    _at(0, b"-----BEGIN PGP", "pgp", "pgp.asc"),
    _at(0, b"(This file must be converted with BinHex", "hqx"),
    _at(0, b"begin ", "uue"),
)
_SIGNS_ELSEWHERE = tuple(sign for sign in _SIGNS if sign.offset)
# An archive may have thousands of members, and each would be compared with every sign.
_SIGNS_BY_FIRST_BYTE = {
    first: tuple(sign for sign in _SIGNS if sign.offset or sign.mark.startswith(first))
    for first in {sign.mark[:1] for sign in _SIGNS if not sign.offset}
}
LONGEST_PROGRAM_BYTES = 2**28  # larger mail is not taken
# Every name that file_types may give.
KNOWN_TYPES = frozenset(("exe", "exe-ms", "dll", "html", "xml", *(kind for sign in _SIGNS for kind in sign.types)))
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<script", b"<body", b"<!--")


def file_types(data: bytes) -> tuple[str, ...]:
    """Return the short names of what the bytes are, the broadest first; empty where nothing is known.

    ``data`` may be the beginning alone, of LOOKED_AT_BYTES.
    """
    if data.startswith((b"MZ", b"ZM")):
        return _of_dos_executable(data)
    for sign in _SIGNS_BY_FIRST_BYTE.get(data[:1], _SIGNS_ELSEWHERE):
        if data.startswith(sign.mark, sign.offset):
            return sign.types
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_HTML_STARTS):
        return ("html",)
    if start.startswith(b"<?xml"):
        return ("xml",)
    return ()


def _of_dos_executable(data: bytes) -> tuple[str, ...]:
    """Tell programs from libraries by the PE header's characteristics (Microsoft's PE format, COFF File Header).

    Two letters do not make a program: one of 30,000 random files has them, and so has a text of a Mr M. Z.
    """
    header = _number(data, 0x3C, 4)
    mark = data[header : header + 4]
    if data.startswith(b"MZ") and mark == b"PE\0\0":
        return ("exe", "dll") if data[header + 23 : header + 24] and data[header + 23] & 0x20 else ("exe", "exe-ms")
    is_cut = len(data) <= header + 24 <= LONGEST_PROGRAM_BYTES and len(data) >= LOOKED_AT_BYTES
    if is_cut or mark[:2] in (b"PE", b"NE", b"LE", b"LX") or _may_run_in_dos(data):
        return ("exe", "exe-ms")
    return ()


def _may_run_in_dos(data: bytes) -> bool:
    """Tell whether the sizes of the header fit together: of the last page, of all pages, of the header itself."""
    last_page, pages, header_paragraphs = (_number(data, at, 2) for at in (2, 4, 8))
    return last_page <= 512 and header_paragraphs * 16 <= pages * 512


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
