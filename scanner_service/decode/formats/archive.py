"""What libarchive opens: 7z, rar, tar, cab, iso, lha, cpio, ar and deb, rpm, xar, and single packed files.

Only the one format that a sign promised is enabled for each: left to itself, libarchive takes a text of one word a
line for an mtree and anything else for "raw".
"""

import ctypes
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from libarchive import ffi
from libarchive.entry import ArchiveEntry
from libarchive.exception import ArchiveError
from libarchive.read import ArchiveRead

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.formats.content import Content, DamagedError, EncryptedError, Opener
from scanner_service.decode.names import forms_of

logging.getLogger("libarchive").disabled = True  # it would log strangers' names; what matters comes back as an error
_BLOCK_BYTES = 64 * 2**10
_NAME_OF_A_NAMELESS = "data"  # what libarchive calls the one file in a gz and its like
# archive_entry.h and archive.h; libarchive-c knows neither.
_entry_is_encrypted = ffi.ffi("entry_is_encrypted", [ffi.c_archive_entry_p], ctypes.c_int)
_entry_name_in_utf8 = ffi.ffi("entry_pathname_utf8", [ffi.c_archive_entry_p], ctypes.c_char_p)


@dataclass(frozen=True, slots=True)
class _Reader:
    formats: tuple[str, ...]
    filters: tuple[str, ...] = ()


_READERS = {
    "7z": _Reader(("7zip",)),
    "rar": _Reader(("rar", "rar5")),
    "tar": _Reader(("tar",)),
    "cab": _Reader(("cab",)),
    "iso": _Reader(("iso9660",)),
    "lha": _Reader(("lha",)),
    "cpio": _Reader(("cpio",)),
    "a": _Reader(("ar",)),
    "deb": _Reader(("ar",)),
    "rpm": _Reader(("cpio",), ("rpm", "gzip", "bzip2", "lzma", "xz", "zstd")),
    "xar": _Reader(("xar",)),
    "gz": _Reader(("raw", "empty"), ("gzip",)),
    "bz2": _Reader(("raw", "empty"), ("bzip2",)),
    "xz": _Reader(("raw", "empty"), ("xz",)),
    "lzma": _Reader(("raw", "empty"), ("lzma",)),
    "zst": _Reader(("raw", "empty"), ("zstd",)),
    "lz4": _Reader(("raw", "empty"), ("lz4",)),
    "Z": _Reader(("raw", "empty"), ("compress",)),
}


def archive_opener(kind: str) -> Opener:
    """Return the opener of this kind, a type of decode.file_type."""
    reader = _READERS[kind]

    def open_archive(data: bytes, budget: Budget) -> Iterator[Content]:
        try:
            with _open(reader, data) as archive:
                yield from _contents(archive, budget)
        except ArchiveError as error:
            raise _meaning_of(error, kind) from error

    return open_archive


def _meaning_of(error: ArchiveError, kind: str) -> Exception:
    """Tell the errors apart by libarchive's words: it has no codes for them."""
    reason = f"{kind}: {error.msg}"
    if "encrypt" in reason.lower():
        return EncryptedError(reason)
    if "too many filters" in reason:  # a gz in a gz it opens by itself, up to 25 times
        return OverLimitsError(reason)
    return DamagedError(reason)


@contextmanager
def _open(reader: _Reader, data: bytes) -> Iterator[ArchiveRead]:
    """Open the bytes where they are; libarchive-c's own reader enables one format and one filter, or all."""
    pointer = ffi.read_new()
    try:
        for name in reader.filters:
            ffi.get_read_filter_function(name)(pointer)
        for name in reader.formats:
            ffi.get_read_format_function(name)(pointer)
        ffi.read_open_memory(pointer, ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))
        if "raw" in reader.formats and ffi.filter_count(pointer) == 1:
            raise DamagedError(f"{reader.filters[0]}: nothing but the sign")  # "raw" would give the bytes as they are
        yield ArchiveRead(pointer)
    finally:
        ffi.read_free(pointer)


def _contents(archive: ArchiveRead, budget: Budget) -> Iterator[Content]:
    """Yield the members; one that cannot be read is yielded by its name, and the error raised at the end."""
    unread: ArchiveError | None = None
    for entry in archive:
        names = _names(entry)
        if entry.isdir or entry.issym or entry.isdev:  # not "no regular file": an archive may leave the type out
            budget.count_part()
        elif _entry_is_encrypted(entry._entry_p) > 0:  # noqa: SLF001 - there is no other way to ask
            yield Content(names, b"", entry.size or 0, is_encrypted=True)
        else:
            body = _Body(archive)
            held = budget.hold(body)
            yield Content.of(names, held, is_whole=body.error is None)
            if body.error is not None:
                unread = body.error
                if unread.retcode == ffi.ARCHIVE_FATAL:
                    raise unread
    if unread is not None:
        raise unread


class _Body:
    """The blocks of a member on their way to the budget, and what stopped them if not the end.

    libarchive-c's own loop takes the negative number of a warning for a size.
    """

    def __init__(self, archive: ArchiveRead) -> None:
        self.error: ArchiveError | None = None
        self._pointer = archive._pointer  # noqa: SLF001 - there is no other way to it

    def __iter__(self) -> Iterator[bytes]:
        block = ctypes.create_string_buffer(_BLOCK_BYTES)
        try:
            while (size := ffi.read_data(self._pointer, block, _BLOCK_BYTES)) > 0:
                yield ctypes.string_at(block, size)
        except ArchiveError as error:
            self.error = error
        else:
            if size < 0:
                self.error = ffi.archive_error(self._pointer, size)


def _names(entry: ArchiveEntry) -> tuple[str, ...]:
    """Return the name as libarchive converts it and as its bytes stand: a conversion may fail, or lose something."""
    found = dict.fromkeys(
        raw.decode(charset, "replace")
        for raw in (_entry_name_in_utf8(entry._entry_p), ffi.entry_pathname(entry._entry_p))  # noqa: SLF001
        if raw
        for charset in ("utf-8", "latin-1")
    )
    return forms_of(name for name in found if name != _NAME_OF_A_NAMELESS)
