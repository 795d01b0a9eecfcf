"""What the service manager and we have to say to each other (sd_notify(3), systemd.exec(5))."""

import contextlib
import os
import socket


def notify_service_manager(state: str) -> None:
    """Send ``READY=1``, ``STOPPING=1`` or the like; nothing happens where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.sendto(state.encode("ascii"), "\0" + address[1:] if address.startswith("@") else address)


def is_journal(descriptor: int) -> bool:
    """Whether a descriptor leads to systemd's journal (systemd.exec(5), ``JOURNAL_STREAM``)."""
    status = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
