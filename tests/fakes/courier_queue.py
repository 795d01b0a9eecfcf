"""Courier's directory of messages in submission, with data and control files as ``submit`` leaves them."""

import itertools
from collections.abc import Sequence
from pathlib import Path

QUEUE_ID = "000000000016652A.000000006B0305D3.00004F36"
MESSAGE = b"Received: from client.example\nSubject: hello\nFrom: s@remote.example\n\nHello.\n"


def control_file(
    sender: bytes = b"s@remote.example",
    recipients: Sequence[bytes] = (b"alice@test.example",),
    queue_id: str = QUEUE_ID,
) -> bytes:
    """Return the control file of an unauthenticated ESMTP message."""
    lines = [b"s" + sender, b"fdns; client.example ([::ffff:127.0.0.2])", b"e", b"t", b"M" + queue_id.encode()]
    for recipient in recipients:
        lines += [b"r" + recipient, b"R", b"N"]
    lines += [b"OTCPREMOTEIP=::ffff:127.0.0.2", b"usmtp", b"E1795965011", b"p1795389011", b"W1795374611", b"T"]
    return b"\n".join([*lines, b""])


class CourierQueue:
    """Puts messages into a directory and returns what ``submit`` then writes to a filter."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._numbers = itertools.count(1)

    def put(self, message: bytes = MESSAGE, *control_files: bytes) -> bytes:
        """Store one message and return the request for it."""
        number = next(self._numbers)
        data = self.directory / f"D{number}"
        data.write_bytes(message)
        paths = [data]
        for index, content in enumerate(control_files or (control_file(),), 1):
            paths.append(self.directory / f"C{number}.{index}")
            paths[-1].write_bytes(content)
        return request_for(*paths)


def request_for(*paths: Path) -> bytes:
    """Return the bytes that ``submit`` writes: data file, control files, empty line."""
    return b"".join(bytes(path) + b"\n" for path in paths) + b"\n"
