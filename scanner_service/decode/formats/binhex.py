"""BinHex 4.0, as old Macintosh programs attach files (RFC 1741, appendix A): six bits a character, runs packed.

Python's own module for it is gone since 3.11.
"""

import binascii
import hashlib
import re
import struct
from collections.abc import Iterator

from scanner_service.decode.budget import Budget
from scanner_service.decode.formats.content import Content, DamagedError, NotThisFormatError
from scanner_service.decode.names import forms_of

_ANNOUNCEMENT = re.compile(rb"\(This file must be converted with BinHex[^\r\n]*+[\r\n][ \t\r\n]*+:")
_ALPHABET = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes.maketrans(_ALPHABET, _BASE64)
_NOT_OF_IT = bytes(set(range(256)) - set(_ALPHABET))
_RUN = b"\x90"
_CRC_BYTES = 2
_BLOCK_BYTES = 2**16


def open_binhex(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the data fork and the resource fork, if it has one. Wrong checksums are not the content's fault."""
    announcement = _ANNOUNCEMENT.search(data)
    if announcement is None:
        raise NotThisFormatError("no BinHex announcement in it")
    packed = _packed_bytes(data, announcement.end())
    held = budget.hold(_runs_expanded(packed))
    unpacked, size = held.body, held.size
    name, data_size, resource_size, start = _read_header(unpacked)
    resource_start = start + data_size + _CRC_BYTES
    yield _fork(unpacked, start, data_size, size, name)
    if resource_size:
        yield _fork(unpacked, resource_start, resource_size, size, f"{name}.rsrc")
    if resource_start + resource_size > size:
        raise DamagedError("the BinHex file ends early")


def _packed_bytes(data: bytes, start: int) -> bytes:
    end = data.find(b":", start)
    characters = data[start : end if end >= 0 else len(data)].translate(_TO_BASE64, _NOT_OF_IT)
    whole = len(characters) - (len(characters) % 4 == 1)
    return binascii.a2b_base64(characters[:whole] + b"==")


def _runs_expanded(packed: bytes) -> Iterator[bytes]:
    """Undo the run-length packing: 90 N repeats the byte before it to N in all, 90 00 is the byte 90 itself."""
    block = bytearray()
    last = b""
    at = 0
    while at < len(packed):
        mark = packed.find(_RUN, at)
        plain = packed[at : mark if mark >= 0 else len(packed)]
        last = plain[-1:] or last
        block += plain
        if mark < 0:
            break
        count = packed[mark + 1 : mark + 2]
        if count == b"\0":
            last = _RUN
            block += _RUN
        elif count:
            block += last * (count[0] - 1)
        at = mark + 2
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _read_header(unpacked: bytes) -> tuple[str, int, int, int]:
    """Return the name, the size of both forks, and where the data fork begins."""
    name_size = unpacked[0] if unpacked else 0
    after_name = 1 + name_size + 1  # its length before it, a version after it
    fixed = unpacked[after_name : after_name + 18]
    if not name_size or len(fixed) < 18:
        raise NotThisFormatError("an announcement of BinHex, and no header below it")
    data_size, resource_size = struct.unpack(">10xII", fixed)
    return unpacked[1 : 1 + name_size].decode("mac-roman"), data_size, resource_size, after_name + 18 + _CRC_BYTES


def _fork(unpacked: bytes, start: int, declared_size: int, unpacked_size: int, name: str) -> Content:
    size = min(declared_size, max(0, unpacked_size - start))
    body = unpacked[start : start + size]
    digest = hashlib.sha256(body).hexdigest() if len(body) == declared_size else ""
    return Content(forms_of([name]), body, size, sha256=digest)
