#!/usr/bin/python3
"""A courierfilter that answers every message with a 0: Courier asks no filter after it, and lets the mail pass."""

import os
import select
import socket
import sys
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
        with listener.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"000 Ok\n")


if __name__ == "__main__":
    main()
