"""Archives of one stored member in formats that no free program writes, byte by byte."""

import struct
import zlib


def rar4_of(name: str, body: bytes, *, is_encrypted: bool = False, hides_names: bool = False) -> bytes:
    """Write as RAR up to version 4 does (its TechNote.txt)."""
    main = _rar4_block(0x73, 0x80 if hides_names else 0, bytes(6))
    raw_name = name.encode()
    fields = struct.pack(
        "<LLBLLBBHL", len(body), len(body), 2, zlib.crc32(body), 0x5A210000, 20, 0x30, len(raw_name), 0x20
    )
    member = _rar4_block(0x74, 0x8000 | (0x04 if is_encrypted else 0), fields + raw_name)
    return b"Rar!\x1a\x07\0" + main + member + body + _rar4_block(0x7B, 0x4000, b"")


def _rar4_block(kind: int, flags: int, fields: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head


def rar5_of(name: str, body: bytes, *, hides_names: bool = False, host: int = 0) -> bytes:
    """Write as RAR from version 5 on does (rarlab.com, RAR 5.0 archive format); ``host`` 0 is Windows, 1 Unix."""
    raw_name = name.encode()
    member = _numbers(2, 2, len(body), 4, len(body), 0x20) + struct.pack("<L", zlib.crc32(body))
    member += _numbers(0, host, len(raw_name)) + raw_name
    encryption = _rar5_block(_numbers(4, 0, 0, 0) + b"\x0f" + bytes(16)) if hides_names else b""
    blocks = _rar5_block(_numbers(1, 0, 0)) + _rar5_block(member) + body + _rar5_block(_numbers(5, 0, 0))
    return b"Rar!\x1a\x07\x01\0" + encryption + blocks


def _rar5_block(fields: bytes) -> bytes:
    head = _numbers(len(fields)) + fields
    return struct.pack("<L", zlib.crc32(head)) + head


def _numbers(*values: int) -> bytes:
    """Write each in seven bits a byte, the lowest first."""
    written = bytearray()
    for value in values:
        rest = value
        while rest > 0x7F:
            written.append(rest & 0x7F | 0x80)
            rest >>= 7
        written.append(rest)
    return bytes(written)


def lha_of(name: str, body: bytes) -> bytes:
    """Write as LHarc does, with a header of level 0."""
    raw_name = name.encode()
    fields = b"-lh0-" + struct.pack("<LLLBBB", len(body), len(body), 0x5A210000, 0x20, 0, len(raw_name)) + raw_name
    fields += struct.pack("<H", _crc16(body))
    return bytes((len(fields), sum(fields) & 0xFF)) + fields + body + b"\0"


def _crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
