"""Writes compound files for the tests; olefile, which is none of ours, says whether they are right."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECTOR_BYTES = 512
_END, _FREE, _FAT_SECTOR = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5
# A stream in a storage is bytes, a storage has streams and storages by their names.
Storage = Mapping[str, "bytes | Storage"]


@dataclass(slots=True)
class _Writer:
    sectors: list[bytes] = field(default_factory=list)
    fat: list[int] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)

    def add_stream(self, data: bytes) -> int:
        """Return the sector in which it begins."""
        if not data:
            return _END
        first = len(self.sectors)
        pieces = [data[at : at + _SECTOR_BYTES] for at in range(0, len(data), _SECTOR_BYTES)]
        self.sectors += [piece.ljust(_SECTOR_BYTES, b"\0") for piece in pieces]
        self.fat += [*range(first + 1, first + len(pieces)), _END]
        return first

    def add_storage(self, storage: Storage) -> int:
        """Return the number of its first entry; each has the next for its right sibling, a list of a tree."""
        first = len(self.entries)
        self.entries += [b""] * len(storage)
        for number, (name, content) in enumerate(storage.items(), first):
            right = number + 1 if number + 1 < first + len(storage) else _FREE
            if isinstance(content, bytes):
                self.entries[number] = entry(
                    name, _STREAM, right=right, child=_FREE, first_sector=self.add_stream(content), size=len(content)
                )
            else:
                child = self.add_storage(content) if content else _FREE
                self.entries[number] = entry(name, _STORAGE, right=right, child=child, first_sector=0, size=0)
        return first


def entry(name: str, kind: int, *, right: int, child: int, first_sector: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<III", _FREE, right, child)
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBB", len(encoded), kind, 1)
        + links
        + bytes(36)
        + struct.pack("<IQ", first_sector, size)
    )


def compound_file(root: Storage) -> bytes:
    """Return a file of version 3 without a stream of small ones: that is left to the real samples."""
    writer = _Writer()
    writer.entries.append(b"")
    child = writer.add_storage(root) if root else _FREE
    writer.entries[0] = entry("Root Entry", _ROOT, right=_FREE, child=child, first_sector=_END, size=0)
    directory = writer.add_stream(b"".join(writer.entries))
    fat_sectors = 1
    while fat_sectors * 128 < len(writer.sectors) + fat_sectors:
        fat_sectors += 1
    assert fat_sectors <= 109, "a larger one needs sectors that say where its table is"
    places = range(len(writer.sectors), len(writer.sectors) + fat_sectors)
    fat = [*writer.fat, *([_FAT_SECTOR] * fat_sectors)]
    fat += [_FREE] * (fat_sectors * 128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, fat_sectors, directory, 0, 0, _END, 0, _END, 0)
    header += struct.pack("<109I", *places, *([_FREE] * (109 - fat_sectors)))
    return header + b"".join(writer.sectors) + struct.pack(f"<{len(fat)}I", *fat)
