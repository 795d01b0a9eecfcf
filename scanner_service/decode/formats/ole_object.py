"""What an OLE object holds, in the structures of OLE 1 that documents still use (MS-OLEDS §2.2 and §2.3.6).

A file that somebody dragged into a document is a *package*: the file with its names. The sizes in it are a stranger's
word; as the programs that open it do, this takes what is there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_EMBEDDED = 2  # 1 is a link
_NAME_LIMIT_BYTES = 1024
_PACKAGE_LABEL = b"\x02\0"


@dataclass(frozen=True, slots=True)
class Package:
    """A file with its names: the label, where it came from, where it would be put."""

    names: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class OleObject:
    """An object of the class that is named, a program's business; ``data`` is what that program stored."""

    class_name: str
    data: bytes


def read_object(data: bytes) -> OleObject | None:
    """Read an object with its header (MS-OLEDS §2.2.5); None where there is none, or a link alone."""
    if len(data) < 12 or int.from_bytes(data[4:8], "little") != _EMBEDDED:
        return None
    at = 8
    texts = []
    for _ in range(3):  # class, topic, item
        size = int.from_bytes(data[at : at + 4], "little")
        texts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
        if at + 4 > len(data):
            return None
    size = int.from_bytes(data[at : at + 4], "little")
    body = data[at + 4 : at + 4 + size] if size else data[at + 4 :]
    return OleObject(texts[0].rstrip(b"\0").decode("latin-1"), body)


def read_package(data: bytes, start: int = 0) -> Package | None:
    """Read a package; None if the bytes from there on are none."""
    if not data.startswith(_PACKAGE_LABEL, start):
        return None
    try:
        label, at = _text(data, start + len(_PACKAGE_LABEL))
        source, at = _text(data, at)
        temporary_path, at = _text(data, at + 8)  # after flags and a size
        (size,) = struct.unpack_from("<I", data, at)
    except (ValueError, struct.error):
        return None
    at += 4
    names = (label, source, temporary_path, *_wide_texts(data, at + size))
    return Package(tuple(name for name in names if name), data[at : at + size])


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at, at + _NAME_LIMIT_BYTES)
    return data[at:end].decode("latin-1"), end + 1


def _wide_texts(data: bytes, at: int) -> Iterator[str]:
    """Yield the same names in UTF-16, which newer programs put after the file, and prefer."""
    for _ in range(3):
        characters = int.from_bytes(data[at : at + 4], "little")
        if not 0 < characters <= _NAME_LIMIT_BYTES:
            return
        yield data[at + 4 : at + 4 + 2 * characters].decode("utf-16-le", "replace").rstrip("\0")
        at += 4 + 2 * characters


def read_native(data: bytes) -> Package | bytes:
    r"""Read the stream ``\x01Ole10Native``: a size, then a package or whatever else the program stored."""
    return read_package(data, 4) or data[4:]
