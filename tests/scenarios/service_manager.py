"""What systemd is for the shim: a socket that hears when it is ready (sd_notify(3))."""

import socket
from pathlib import Path


class ServiceManager:
    """Hears one program at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def start(self) -> None:
        self._socket.bind(str(self.path))
        self.path.chmod(0o666)  # for a shim that serves as another user

    def stop(self) -> None:
        self._socket.close()

    def expect_start(self) -> None:
        """Forget what the program of before said."""
        while self._hear():
            pass

    def is_told_ready(self) -> bool:
        return self._hear() == b"READY=1"

    def _hear(self) -> bytes:
        try:
            return self._socket.recv(4096)
        except BlockingIOError:
            return b""
