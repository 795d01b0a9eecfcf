"""Have the running shim execute itself anew, with its socket: the way to upgrade without a refused mail.

``filterctl stop`` and ``start`` would do it too, but Courier takes the socket away in between, and passes mail
unfiltered.
"""

import signal
import time
from pathlib import Path

from shim.running_parent import NobodyServesError, find_parent, signal_parent

WAIT_SECONDS = 45.0


class RestartError(Exception):
    """The shim was not restarted; the message says why."""


def restart(socket_path: Path) -> None:
    """Restart the shim behind this socket; return when only new workers serve.

    Raises:
        RestartError: nobody is there, we may not, or the old workers stay.
    """
    try:
        before = _children(find_parent(socket_path))
        parent = signal_parent(socket_path, signal.SIGUSR2)
    except NobodyServesError as error:
        raise RestartError(str(error)) from error
    deadline = time.monotonic() + WAIT_SECONDS
    while not (now := _children(parent)) or now & before:
        if time.monotonic() > deadline:
            raise RestartError(
                f"{socket_path}: old workers are still there after {WAIT_SECONDS:g} s; see the mail log"
            )
        time.sleep(0.05)


def _children(process: int) -> set[int]:
    try:
        return {int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()}
    except OSError as error:
        raise RestartError(f"process {process} is gone: {error.strerror}; see the mail log") from error
