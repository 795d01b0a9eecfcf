"""The file system within a file that Office, Outlook and Windows Installer use: OLE2, compound file (MS-CFB).

Read in blocks and by its directory's entries, each once, so that chains in circles, shared sectors and ten thousand
entries cost no more than their bytes.
"""

import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scanner_service.decode.budget import OverLimitsError
from scanner_service.decode.formats.content import DamagedError, NotThisFormatError

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<HH14xI4xII4xI")  # MS-CFB §2.2, from byte 30 on: what is needed of it
_HEADER_BYTES = 512
_HEADER_FAT_SECTORS = 109  # named in the header itself, from byte 76 on
_SHIFT_OF_VERSION_3 = 9
_MINI_SHIFT = 6
_ENTRY = struct.Struct("<64sHBBIII36xIQ")
_ENTRIES_LIMIT = 50_000
_NO_SECTOR = 0xFFFFFFFA  # numbers from here on are marks: end of chain, free
_STORAGE, _STREAM = 1, 2
_ROOT_NODE = 0
_DEPTH_KEPT = 20  # of the storages above an entry: paths of a thousand levels would cost the square of them


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream or a storage; ``storage`` are the names above it, the root not counted."""

    name: str
    storage: tuple[str, ...]
    is_stream: bool
    size: int
    first_sector: int


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    kind: int
    left: int
    right: int
    child: int
    first_sector: int
    size: int


class CompoundFile:
    """Reads one.

    NotThisFormatError without its signature, DamagedError where there is no way to its directory, OverLimitsError
    where that is absurdly long.
    """

    def __init__(self, data: bytes) -> None:
        if not data.startswith(SIGNATURE) or len(data) < _HEADER_BYTES:
            raise NotThisFormatError("no header of a compound file")
        shift, mini_shift, directory, mini_limit, mini_fat, more_fat = _HEADER.unpack_from(data, 30)
        if shift not in (9, 12) or mini_shift != _MINI_SHIFT:  # MS-CFB §2.2 has no others
            raise DamagedError(f"a compound file with sectors of 2^{shift} and 2^{mini_shift} bytes")
        self._data = data
        self._shift = shift
        self._sectors = (len(data) >> shift) + 1
        self._mini_limit = mini_limit
        self._fat = self._read_fat(more_fat)
        self._nodes = self._read_directory(directory)
        self._mini_fat = _numbers(b"".join(self._chain(mini_fat)))
        self._mini_stream = b"".join(self._chain(self._nodes[_ROOT_NODE].first_sector)) if self._mini_fat else b""
        self.entries = tuple(self._walk())

    def first_block(self, entry: Entry) -> bytes:
        """Return the beginning of a stream: enough to see what it is."""
        return next(self.blocks(entry), b"")

    def blocks(self, entry: Entry) -> Iterator[bytes]:
        """Yield a stream's bytes, fewer than its size where the file is cut or the chain broken."""
        left = entry.size
        is_mini = entry.size < self._mini_limit
        for block in self._mini_chain(entry.first_sector) if is_mini else self._chain(entry.first_sector):
            if left <= 0:
                return
            yield block[:left]
            left -= len(block)

    def _chain(self, sector: int) -> Iterator[bytes]:
        for number in _followed(self._fat, sector):
            yield self._sector(number)

    def _mini_chain(self, sector: int) -> Iterator[bytes]:
        for number in _followed(self._mini_fat, sector):
            yield self._mini_stream[number << _MINI_SHIFT : number + 1 << _MINI_SHIFT]

    def _sector(self, number: int) -> bytes:
        start = number + 1 << self._shift  # the header takes the place of one
        return self._data[start : start + (1 << self._shift)]

    def _read_fat(self, more: int) -> "array[int]":
        """Read the table that says which sector follows which; the header and a chain of its own say where it is."""
        places = list(struct.unpack_from(f"<{_HEADER_FAT_SECTORS}I", self._data, 76))
        seen = set()
        while more < _NO_SECTOR and more not in seen and len(places) <= self._sectors:
            seen.add(more)
            *numbers, more = _numbers(self._sector(more)) or (_NO_SECTOR,)
            places += numbers
        fat = b"".join(
            self._sector(place).ljust(1 << self._shift, b"\xff")
            for place in dict.fromkeys(places)
            if place < self._sectors
        )
        return _numbers(fat)

    def _read_directory(self, first_sector: int) -> list[_Node]:
        directory = b"".join(self._chain(first_sector))
        if len(directory) < _ENTRY.size:
            raise DamagedError("the directory of the compound file is not in it")
        if len(directory) > _ENTRIES_LIMIT * _ENTRY.size:
            raise OverLimitsError(f"a compound file of more than {_ENTRIES_LIMIT} entries")
        whole = len(directory) - len(directory) % _ENTRY.size
        return [self._node(fields) for fields in _ENTRY.iter_unpack(directory[:whole])]

    def _node(self, fields: tuple[Any, ...]) -> _Node:
        name, name_bytes, kind, _, left, right, child, first_sector, size = fields
        text = name[: max(0, name_bytes - 2)].decode("utf-16-le", "replace")
        if self._shift == _SHIFT_OF_VERSION_3:
            size &= 0xFFFFFFFF  # MS-CFB §2.6.1: the other half may be anything
        return _Node(text, kind, left, right, child, first_sector, size)

    def _walk(self) -> Iterator[Entry]:
        """Yield every entry under the root once; siblings are a tree, which a stranger may have bent to a list."""
        seen = {_ROOT_NODE}
        open_nodes: list[tuple[int, tuple[str, ...]]] = [(self._nodes[_ROOT_NODE].child, ())]
        while open_nodes:
            number, storage = open_nodes.pop()
            if number in seen or number >= len(self._nodes):
                continue
            seen.add(number)
            node = self._nodes[number]
            yield Entry(node.name, storage, node.kind == _STREAM, node.size, node.first_sector)
            open_nodes += ((node.left, storage), (node.right, storage))
            if node.kind == _STORAGE:
                open_nodes.append((node.child, (*storage, node.name)[-_DEPTH_KEPT:]))


def _followed(table: "array[int]", sector: int) -> Iterator[int]:
    """Yield the numbers of a chain; no chain has more than there are, and one that has goes in a circle."""
    for _ in range(len(table)):
        if sector >= len(table):
            return
        yield sector
        sector = table[sector]


def _numbers(data: bytes) -> "array[int]":
    numbers = array("I")
    numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
