"""OLE compound files ([MS-CFB]), as Word up to 2003 and Outlook's .msg write them; only as much as readers need."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SECTOR_BYTES = 512
# Smaller streams lie in a file within the file, which nothing here needs: they are filled up instead.
SMALLEST_STREAM_BYTES = 4096
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5

Tree = Mapping[str, "bytes | Tree"]


@dataclass(slots=True)
class _Entry:
    name: str
    kind: int
    right: int = _FREE
    child: int = _FREE
    start: int = 0
    size: int = 0

    def packed(self) -> bytes:
        name = (self.name + "\0").encode("utf-16-le")
        size = len(name) if self.name else 0
        return name.ljust(64, b"\0") + struct.pack(
            "<HBBIII16xI8x8xIQ", size, self.kind, 1, _FREE, self.right, self.child, 0, self.start, self.size
        )


def compound_file(tree: Tree) -> bytes:
    """Return the file; names with a mapping are storages, others streams."""
    entries: list[_Entry] = [_Entry("Root Entry", _ROOT, start=_END)]
    sectors: list[bytes] = []
    following: list[int] = []
    _add_children(entries, 0, tree, sectors, following)
    directory = b"".join(entry.packed() for entry in entries)
    directory_start = _add_chain(directory, sectors, following)
    table_sectors = -(-(len(sectors) + 8) // (SECTOR_BYTES // 4))
    table_start = len(sectors)
    following += [_TABLE] * table_sectors
    following += [_FREE] * (table_sectors * SECTOR_BYTES // 4 - len(following))
    table = struct.pack(f"<{len(following)}I", *following)
    places = [*range(table_start, table_start + table_sectors)]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII109I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        0,
        table_sectors,
        directory_start,
        0,
        SMALLEST_STREAM_BYTES,
        _END,
        0,
        _END,
        0,
        *(places + [_FREE] * (109 - len(places))),
    )
    return header + b"".join(sectors) + table


def _add_children(entries: list[_Entry], parent: int, tree: Tree, sectors: list[bytes], following: list[int]) -> None:
    """Hang the names below their parent, each to the right of the one before: a tree without branches is one, too."""
    before = None
    for name, content in _in_order(tree):
        number = len(entries)
        if isinstance(content, bytes):
            data = content.ljust(SMALLEST_STREAM_BYTES, b"\0")
            entries.append(_Entry(name, _STREAM, start=_add_chain(data, sectors, following), size=len(data)))
        else:
            entries.append(_Entry(name, _STORAGE))
            _add_children(entries, number, content, sectors, following)
        if before is None:
            entries[parent].child = number
        else:
            entries[before].right = number
        before = number


def _in_order(tree: Tree) -> Iterator[tuple[str, "bytes | Tree"]]:
    """Short names first, then by capital letters ([MS-CFB] §2.6.4)."""
    yield from sorted(tree.items(), key=lambda item: (len(item[0]), item[0].upper()))


def _add_chain(data: bytes, sectors: list[bytes], following: list[int]) -> int:
    start = len(sectors)
    for place in range(0, len(data), SECTOR_BYTES):
        sectors.append(data[place : place + SECTOR_BYTES].ljust(SECTOR_BYTES, b"\0"))
        following.append(len(sectors))
    following[-1] = _END
    return start


def word_document() -> bytes:
    """A document of Word 97: [MS-DOC] §2.5.1 for the first bytes of the main stream."""
    main = struct.pack("<HHHH", 0xA5EC, 0x00C1, 0x0409, 0) + b"\0" * 24 + "The harbour office.".encode("cp1252")
    return compound_file(
        {"WordDocument": main, "1Table": b"\0" * 100, "\x05SummaryInformation": b"\xfe\xff" + b"\0" * 60}
    )


def workbook() -> bytes:
    """A table of Excel 97: records, the first of which begins the workbook ([MS-XLS] §2.4.21)."""
    globals_ = struct.pack("<HHHHHHII", 0x0809, 16, 0x0600, 0x0005, 0x0DBB, 0x07CC, 0x41, 0x06)
    return compound_file({"Workbook": globals_ + struct.pack("<HH", 0x000A, 0)})


def outlook_message(subject: str, attachment: tuple[str, bytes]) -> bytes:
    """A message as Outlook keeps it in a file, with one attachment ([MS-OXMSG])."""
    name, data = attachment
    return compound_file(
        {
            "__properties_version1.0": b"\0" * 32,
            "__substg1.0_001A001F": "IPM.Note".encode("utf-16-le"),
            "__substg1.0_0037001F": subject.encode("utf-16-le"),
            "__nameid_version1.0": {"__substg1.0_00020102": b"\0" * 16},
            "__attach_version1.0_#00000000": {
                "__properties_version1.0": b"\0" * 8,
                "__substg1.0_3707001F": name.encode("utf-16-le"),
                "__substg1.0_37010102": data,
            },
        }
    )
