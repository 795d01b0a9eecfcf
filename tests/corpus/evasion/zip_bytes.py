"""ZIP archives written byte by byte, so that they can say what no ZIP writer would."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """A member, and what its two headers say where that is not the truth."""

    name: bytes
    body: bytes
    method: int = 8
    flags: int = 0
    central_name: bytes | None = None
    central_flags: int | None = None
    local_method: int | None = None
    local_size: int | None = None  # of the packed bytes
    central_size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    in_directory: bool = True
    offset_lie: int = 0
    packed_as: bytes | None = None

    @property
    def packed(self) -> bytes:
        if self.packed_as is not None:
            return self.packed_as
        if self.method != 8:
            return self.body
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.body) + deflater.flush()

    def local(self) -> bytes:
        size = len(self.packed) if self.local_size is None else self.local_size
        method = self.method if self.local_method is None else self.local_method
        header = struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, self.flags, method, 0, 0x5A21,
            zlib.crc32(self.body), size, len(self.body), len(self.name), len(self.extra),
        )  # fmt: skip
        return header + self.name + self.extra + self.packed

    def central(self, offset: int) -> bytes:
        name = self.name if self.central_name is None else self.central_name
        size = len(self.packed) if self.central_size is None else self.central_size
        header = struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, self.flags if self.central_flags is None else self.central_flags,
            self.method, 0, 0x5A21, zlib.crc32(self.body), size, len(self.body), len(name), len(self.extra),
            len(self.comment), 0, 0, 0, offset + self.offset_lie,
        )  # fmt: skip
        return header + name + self.extra + self.comment


def zip_of(
    members: Sequence[Member], before: bytes = b"", comment: bytes = b"", *, with_directory: bool = True
) -> bytes:
    """Return the archive, its offsets counted from its first byte; ``before`` is put there and counted, too."""
    data = bytearray(before)
    directory = bytearray()
    listed = 0
    for member in members:
        if member.in_directory:
            directory += member.central(len(data))
            listed += 1
        data += member.local()
    if not with_directory:
        return bytes(data)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, listed, listed, len(directory), len(data), len(comment))
    return bytes(data + directory) + end + comment
