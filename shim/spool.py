"""Courier's files on disk: read only what a request names, regular files only, and bounded."""

import contextlib
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from shim.header_edit import header_end

CONTROL_FILE_LIMIT_BYTES = 16 * 2**20
HEADER_LIMIT_BYTES = 4 * 2**20
CHUNK_BYTES = 128 * 2**10


class SpoolError(Exception):
    """A file of Courier's that is not there, cannot be read, or is not what it should be."""


class SpoolFile:
    """One open file of Courier's; iterate over it, as often as needed, for its bytes in chunks."""

    def __init__(self, path: bytes) -> None:
        """Open the file.

        Raises:
            SpoolError: it cannot be opened, or is no regular file.
        """
        self.path = path
        self._descriptor, self.size = _open_regular(path)

    def read(self) -> bytes:
        """Return the whole file.

        Raises:
            SpoolError: it cannot be read, or is shorter than it was.
        """
        return b"".join(self._chunks())

    def read_header(self) -> bytes:
        """Return the header, without the empty line that ends it.

        Raises:
            SpoolError: it cannot be read, or is longer than HEADER_LIMIT_BYTES.
        """
        beginning = b""
        for chunk in self._chunks():
            beginning += chunk
            end = header_end(beginning)
            if end is not None:
                return beginning[:end]
            if len(beginning) > HEADER_LIMIT_BYTES:
                raise SpoolError(f"{os.fsdecode(self.path)}: no end of the header in {HEADER_LIMIT_BYTES} bytes")
        return beginning

    def copy_from(self, offset: int, target: int) -> None:
        """Copy the bytes from an offset on to an open file, in the kernel."""
        while offset < self.size:
            copied = os.copy_file_range(self._descriptor, target, self.size - offset, offset)
            if not copied:
                raise SpoolError(f"{os.fsdecode(self.path)}: ends at byte {offset}, had {self.size}")
            offset += copied

    def as_file(self) -> BinaryIO:
        """Return a file object of its own for the same bytes; whoever asked closes it."""
        return Path(f"/proc/self/fd/{self._descriptor}").open("rb")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks():
            yield chunk

    def _chunks(self) -> Iterator[bytes]:
        offset = 0
        while offset < self.size:
            chunk = self._read_at(offset)
            offset += len(chunk)
            yield chunk

    def _read_at(self, offset: int) -> bytes:
        try:
            chunk = os.pread(self._descriptor, min(CHUNK_BYTES, self.size - offset), offset)
        except OSError as error:
            raise SpoolError(f"{os.fsdecode(self.path)}: {error.strerror} at byte {offset}") from error
        if not chunk:
            raise SpoolError(f"{os.fsdecode(self.path)}: ends at byte {offset}, had {self.size}")
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def append_record(path: bytes, record: bytes) -> None:
    """Append to a control file in one write, and sync it.

    A control file is never replaced: its inode number is part of Courier's names for the message. Courier ends its
    last line, but a filter before us may not have.

    Raises:
        SpoolError: it could not be written whole and synced; the file may hold a part of the record.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":
                record = b"\n" + record
            written = os.write(descriptor, record)
            if written != len(record):
                raise SpoolError(f"{os.fsdecode(path)}: wrote {written} of {len(record)} bytes")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SpoolError(f"{os.fsdecode(path)}: cannot append: {error.strerror}") from error


def replace_header(message: "SpoolFile", old_header_bytes: int, header: bytes) -> None:
    """Put another header before the same body: a new file beside the old one, synced, and renamed over it.

    submit wrote the message to disk before it asked us, not after, so the folder is synced, too.

    Raises:
        SpoolError: something could not be written or synced; the message is as it was.
    """
    new_path = message.path + b".couriergate"  # begins with D: Courier's cleaner takes it away if we cannot
    try:
        descriptor = os.open(new_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
        try:
            os.fchown(descriptor, -1, os.stat(message.path).st_gid)
            os.fchmod(descriptor, 0o660)  # submit reads it as the sending user with group courier
            _write_all(descriptor, header)
            message.copy_from(old_header_bytes, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(new_path, message.path)
        _sync_folder(os.path.dirname(message.path))
    except (OSError, SpoolError) as error:
        with contextlib.suppress(OSError):
            os.unlink(new_path)
        if isinstance(error, SpoolError):
            raise
        raise SpoolError(f"{os.fsdecode(new_path)}: cannot write: {error.strerror}") from error


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(path: bytes) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_control_file(path: bytes) -> bytes:
    """Return the bytes of one control file.

    Raises:
        SpoolError: it cannot be read, is no regular file, or is longer than CONTROL_FILE_LIMIT_BYTES.
    """
    with SpoolFile(path) as file:
        if file.size > CONTROL_FILE_LIMIT_BYTES:
            raise SpoolError(f"{os.fsdecode(path)}: want at most {CONTROL_FILE_LIMIT_BYTES} bytes, has {file.size}")
        return file.read()


def _open_regular(path: bytes) -> tuple[int, int]:
    try:
        # O_NONBLOCK: opening a FIFO that somebody put there must not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SpoolError(f"{os.fsdecode(path)}: {error.strerror}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise SpoolError(f"{os.fsdecode(path)}: want a regular file")
    return descriptor, status.st_size
