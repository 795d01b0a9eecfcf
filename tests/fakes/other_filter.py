#!/usr/bin/python3
"""Another courierfilter beside ours. Its name, that of its link in Courier's ``filters/active``, says two things.

Whether it comes before or after the shim, for filters are asked in the order of their names; and what it does: one
whose name ends in ``signer`` signs, any other answers with a 0, so that Courier asks no filter after it.
"""

import hashlib
import os
import select
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

FILTERS = Path("/var/lib/courier/allfilters")


def main() -> None:
    name = Path(sys.argv[0]).name
    answer = sign if name.endswith("signer") else skip
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
        threading.Thread(target=serve, args=(listener.accept()[0], answer)).start()


def serve(connection: socket.socket, answer: Callable[[Path], bytes]) -> None:
    with connection:
        request = b""
        while not request.endswith(b"\n\n"):
            piece = connection.recv(65536)
            if not piece:
                return
            request += piece
        connection.sendall(answer(Path(os.fsdecode(request.partition(b"\n")[0]))))


def skip(_: Path) -> bytes:
    return b"000 Ok\n"


def sign(message: Path) -> bytes:
    """Put the SHA-256 of all that it sees on top, and replace the data file as the shim does."""
    content = message.read_bytes()
    signed = message.with_name(f"{message.name}.signed")
    signed.write_bytes(b"X-Signed: sha256=%s\n%s" % (hashlib.sha256(content).hexdigest().encode(), content))
    signed.chmod(0o660)
    signed.rename(message)
    return b"200 Ok\n"


if __name__ == "__main__":
    main()
