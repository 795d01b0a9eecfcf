"""The filter socket: the switch of the whole mail server.

Without it Courier passes all mail unfiltered; with it and nobody behind it Courier answers 432. So it is replaced in
one step, and taken away only where a setting says that a stopped filter lets mail pass. Source:
``courier/cdfilters.C``, ``filters/courierfilter.c``.
"""

import os
import socket
from pathlib import Path

BACKLOG = 512  # submit gives up after five tries of a second if it is full


class SocketError(Exception):
    """The filter socket cannot be made; the message says which and why."""


def open_filter_socket(directory: Path, name: str, group_id: int | None) -> socket.socket:
    """Listen under a hidden name, then rename: submit sees a socket that answers, or the one before.

    Raises:
        SocketError: see above.
    """
    hidden, path = directory / f".{name}", directory / name
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        hidden.unlink(missing_ok=True)
        listener.bind(str(hidden))
        if group_id is not None:
            os.chown(hidden, -1, group_id)
        # submit runs as the sending user with group courier when it takes local mail, and needs to write here.
        hidden.chmod(0o660)
        listener.listen(BACKLOG)
        hidden.rename(path)
        _remove_twin(directory, name)
    except OSError as error:
        listener.close()
        raise SocketError(f"{path}: cannot make the filter socket: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def _remove_twin(directory: Path, name: str) -> None:
    """With a socket of one name in ``filters`` and ``allfilters``, submit would call both."""
    twins = {"filters": "allfilters", "allfilters": "filters"}
    if directory.name in twins:
        twin = directory.with_name(twins[directory.name]) / name
        if twin.is_socket():
            twin.unlink()
