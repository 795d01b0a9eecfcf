"""The mail host's system log: Courier and the shim log through /dev/log, and somebody must listen there."""

import re
import socket
import threading
from pathlib import Path

_DEVICE = Path("/dev/log")
_MAX_DATAGRAM_BYTES = 64 * 1024
_PRIORITY = re.compile(rb"\A<\d+>")


class SyslogCollector:
    """Appends every line that is logged on this host to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._collect, name="syslog", daemon=True)

    def start(self) -> None:
        self._socket.bind(str(_DEVICE))
        _DEVICE.chmod(0o666)
        self._thread.start()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RD)
        self._thread.join()
        self._socket.close()

    def _collect(self) -> None:
        with self._path.open("ab", buffering=0) as log:
            while datagram := self._socket.recv(_MAX_DATAGRAM_BYTES):
                log.write(_PRIORITY.sub(b"", datagram).rstrip(b"\0\n") + b"\n")
