"""Courier's files on disk: read only what a request names, regular files only, and bounded."""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

CONTROL_FILE_LIMIT_BYTES = 16 * 2**20
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
        self._path = path
        self._descriptor, self.size = _open_regular(path)

    def read(self) -> bytes:
        """Return the whole file.

        Raises:
            SpoolError: it cannot be read, or is shorter than it was.
        """
        return b"".join(self._chunks())

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
            raise SpoolError(f"{os.fsdecode(self._path)}: {error.strerror} at byte {offset}") from error
        if not chunk:
            raise SpoolError(f"{os.fsdecode(self._path)}: ends at byte {offset}, had {self.size}")
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


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
