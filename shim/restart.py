"""Have the running shim execute itself anew, with its socket: the way to upgrade without a refused mail.

``filterctl stop`` and ``start`` would do it too, but Courier takes the socket away in between, and passes mail
unfiltered.
"""

import os
import signal
import socket
import struct
import time
from pathlib import Path

WAIT_SECONDS = 45.0
_CREDENTIALS = struct.Struct("3i")


class RestartError(Exception):
    """The shim was not restarted; the message says why."""


def restart(socket_path: Path) -> None:
    """Restart the shim behind this socket; return when only new workers serve.

    Raises:
        RestartError: nobody is there, we may not, or the old workers stay.
    """
    parent = _find_parent(socket_path)
    before = _children(parent)
    try:
        os.kill(parent, signal.SIGUSR2)
    except PermissionError as error:
        raise RestartError(f"{socket_path}: process {parent} is another user's; be root, or that user") from error
    deadline = time.monotonic() + WAIT_SECONDS
    while not (now := _children(parent)) or now & before:
        if time.monotonic() > deadline:
            raise RestartError(
                f"{socket_path}: old workers are still there after {WAIT_SECONDS:g} s; see the mail log"
            )
        time.sleep(0.05)


def _find_parent(socket_path: Path) -> int:
    """Return the process that listens on the socket: the kernel knows, and no file with a process id can be stale."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(socket_path))
        except OSError as error:
            raise RestartError(f"{socket_path}: nobody serves it: {error.strerror}") from error
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process = int(_CREDENTIALS.unpack(credentials)[0])
    if process <= 1:
        raise RestartError(f"{socket_path}: the process that serves it cannot be seen from here")
    return process


def _children(process: int) -> set[int]:
    try:
        return {int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()}
    except OSError as error:
        raise RestartError(f"process {process} is gone: {error.strerror}; see the mail log") from error
