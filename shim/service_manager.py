"""Tell the service manager how we fare (sd_notify(3)): one datagram, if it asked for it."""

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
