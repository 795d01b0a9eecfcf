#!/usr/bin/python3
"""A courierfilter that signs: on top of each message it puts the SHA-256 of all that it sees.

It replaces the data file as the shim does. Its own name, which decides whether it comes before or after the shim, is
that of its link in Courier's ``filters/active``.
"""

import hashlib
import os
import select
import socket
import sys
import threading
from pathlib import Path

FILTERS = Path("/var/lib/courier/allfilters")


def main() -> None:
    name = Path(sys.argv[0]).name
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(FILTERS / f".{name}"))
    (FILTERS / f".{name}").chmod(0o660)
    listener.listen()
    (FILTERS / f".{name}").rename(FILTERS / name)
    os.close(3)
    while True:
        ready, _, _ = select.select([0, listener.fileno()], [], [])
        if 0 in ready:
            return  # nothing is ever written there but its end
        threading.Thread(target=serve, args=(listener.accept()[0],)).start()


def serve(connection: socket.socket) -> None:
    with connection:
        request = b""
        while not request.endswith(b"\n\n"):
            request += connection.recv(65536)
        sign(Path(os.fsdecode(request.partition(b"\n")[0])))
        connection.sendall(b"200 Ok\n")


def sign(message: Path) -> None:
    content = message.read_bytes()
    signed = message.with_name(f"{message.name}.signed")
    signed.write_bytes(b"X-Signed: sha256=%s\n%s" % (hashlib.sha256(content).hexdigest().encode(), content))
    signed.chmod(0o660)
    signed.rename(message)


if __name__ == "__main__":
    main()
