"""Read a message that a client names by its path: beneath the roots of the settings, and nowhere else.

A client that may write there may put links, FIFOs and directories in our way at any moment, so each component of the
path is opened from the one before, and never followed if it is a link.
"""

import os
import stat
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from scanner_service.api.body import too_long
from scanner_service.api.problem import ProblemError

_CHUNK_BYTES = 2**20
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC  # a FIFO must not keep us waiting


def read_message_file(path: str, roots: Sequence[Path], limit_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        ProblemError: 400 no absolute path in its plain form, 403 beneath no root, 404 not there, not readable or no
            regular file, 413 longer than the limit.
    """
    root, names = _split(path, roots)
    try:
        descriptor = _open_beneath(root, names)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else "no such name"
        raise ProblemError(HTTPStatus.NOT_FOUND, f"message_path: cannot be opened: {reason}") from error
    try:
        return _read(descriptor, limit_bytes)
    finally:
        os.close(descriptor)


def _split(path: str, roots: Sequence[Path]) -> tuple[Path, list[str]]:
    """Return the root, and the names below it. The path is compared as text: no file is looked at before."""
    empty, *names = path.split("/")
    if empty or not names or any(name in ("", ".", "..") for name in names):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "message_path: want an absolute path without '.', '..' and '//'")
    for root in roots:
        above = list(root.parts[1:])
        if names[: len(above)] == above and len(names) > len(above):
            return root, names[len(above) :]
    raise ProblemError(HTTPStatus.FORBIDDEN, "message_path: beneath none of path_roots")


def _open_beneath(root: Path, names: Sequence[str]) -> int:
    *folders, file = names
    folder = os.open(root, _DIRECTORY)
    try:
        for name in folders:
            below = os.open(name, _DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(file, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _read(descriptor: int, limit_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ProblemError(HTTPStatus.NOT_FOUND, "message_path: no regular file")
    if status.st_size > limit_bytes:
        raise too_long(limit_bytes)
    content = bytearray()
    while chunk := os.read(descriptor, min(_CHUNK_BYTES, limit_bytes + 1 - len(content))):
        content += chunk
        if len(content) > limit_bytes:
            raise too_long(limit_bytes)
    return bytes(content)
