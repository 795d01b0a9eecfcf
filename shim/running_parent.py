"""Find the shim that serves a filter socket, to send it a signal."""

import os
import signal
import socket
import struct
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")


class NobodyServesError(Exception):
    """No shim of ours can be reached behind this socket; the message says why."""


def find_parent(socket_path: Path) -> int:
    """Return the process that listens on the socket: the kernel knows, and no file with a process id can be stale.

    Raises:
        NobodyServesError: nobody listens, or it cannot be seen from here.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(socket_path))
        except OSError as error:
            raise NobodyServesError(f"{socket_path}: nobody serves it: {error.strerror}") from error
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process = int(_CREDENTIALS.unpack(credentials)[0])
    if process <= 1:
        raise NobodyServesError(f"{socket_path}: the process that serves it cannot be seen from here")
    return process


def signal_parent(socket_path: Path, number: signal.Signals) -> int:
    """Send the parent a signal, and return its process id.

    Raises:
        NobodyServesError: see find_parent; or it is another user's.
    """
    process = find_parent(socket_path)
    try:
        os.kill(process, number)
    except PermissionError as error:
        raise NobodyServesError(
            f"{socket_path}: process {process} is another user's; be root, or that user"
        ) from error
    return process
