"""Courier's side of the filter protocol: a data file, a control file, and a request that names both."""

import os
import shutil
import time
from pathlib import Path

# An unauthenticated ESMTP message from a stranger, as submit leaves it (courier/submit2.C, closectl).
CONTROL_FILE = """\
sanna@remote.example
fdns; client.example (client.example [::ffff:192.0.2.7])
e
t
M{serial:016X}.{now:016X}.{pid:08X}
rbernd@mx.example
R
N
OTCPREMOTEIP=::ffff:192.0.2.7
usmtp
E{expires}
p{expires}
W{warns}
T
"""
DAY_SECONDS = 86_400
FILE_MODE = 0o660


class Spool:
    """A directory with messages that wait for their filter."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._serial = 0
        directory.mkdir()

    def submit(self, message: bytes) -> bytes:
        """Write one message and its control file; the request to the filter (courier/cdfilters.C, dofilter)."""
        self._serial += 1
        now = int(time.time())
        data = self._write(f"D{self._serial}", message)
        control = self._write(
            f"{now}.{self._serial}.mx.example",
            CONTROL_FILE.format(
                serial=self._serial,
                now=now,
                pid=os.getpid(),
                expires=now + 7 * DAY_SECONDS,
                warns=now + DAY_SECONDS // 6,
            ).encode("ascii"),
        )
        return f"{data}\n{control}\n\n".encode("ascii")

    def clear(self) -> None:
        """Forget all messages, which the filter has answered."""
        shutil.rmtree(self._directory)
        self._directory.mkdir()

    def _write(self, name: str, content: bytes) -> Path:
        path = self._directory / name
        path.write_bytes(content)
        path.chmod(FILE_MODE)
        return path
