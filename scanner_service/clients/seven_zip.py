"""Runs 7-Zip in a cage of its own (decode/cage.py), for a decoder that may start no process.

The archive is a sealed memory file, the result comes over a socket and is bounded; there is nothing on any disk.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from scanner_service.clients.child_process import end_process, start_process
from scanner_service.clients.decoder_protocol import ARCHIVE_ARGUMENT, SevenZipAnswer, SevenZipRequest
from verdict_api.printable import printable

PROGRAM = "7zz"
NOT_INSTALLED = "7-Zip is not installed (want the program 7zz; on Debian: apt-get install 7zip)"

_CAGE = Path(__file__).parents[1] / "decode/cage.py"
_RECEIVE_BYTES = 256 * 2**10
_NO_CAGE_EXIT_CODE = 125  # decode/cage.py
_OUT_OF_MEMORY_EXIT_CODE = 8  # 7-Zip's manual, "Exit Codes from 7-Zip"; of a dictionary it only prints an error
_LARGEST_OUTPUT_BYTES = 64 * 2**20  # the service has it in memory, whatever the budget allows

_TOO_MUCH = SevenZipAnswer(
    b"", "unpacks to more bytes than [limits] unpacked_bytes and unpack_ratio allow", is_over_limits=True
)
_TOO_LONG = SevenZipAnswer(b"", "decoding took longer than [limits] decode_seconds", is_over_limits=True)


class SevenZip:
    """The program, wherever it is installed."""

    def __init__(self, program: str | None = None) -> None:
        self.program = program or shutil.which(PROGRAM)

    async def run(self, request: SevenZipRequest, until: float) -> SevenZipAnswer:
        """Return what it printed, whatever its exit code says of the archive; never raises for what it does.

        At ``until``, a time of the event loop, it is stopped.

        Raises:
            OSError: we have no process, memory or descriptor for it; that may pass.
        """
        if self.program is None:
            return SevenZipAnswer(b"", NOT_INSTALLED)
        arguments = [argument.replace(ARCHIVE_ARGUMENT, "/proc/self/fd/0") for argument in request.arguments]
        limit_bytes = min(request.output_limit_bytes, _LARGEST_OUTPUT_BYTES)
        ours, its = socket.socketpair()
        with ours, its, _sealed_file(request.data) as archive:
            ours.setblocking(False)
            command = [sys.executable, "-I", "-S", str(_CAGE), self.program, *arguments]
            process = start_process(command, standard_input=archive, standard_output=its.fileno())
            its.close()
            try:
                async with asyncio.timeout_at(until):
                    output = await _receive_all(ours, limit_bytes)
                    if len(output) > limit_bytes:
                        return _TOO_MUCH
                    return _answer(output, await asyncio.to_thread(process.wait))
            except TimeoutError:
                return _TOO_LONG
            finally:
                await end_process(process)


def _answer(output: bytes, exit_code: int) -> SevenZipAnswer:
    if exit_code == _NO_CAGE_EXIT_CODE:
        return SevenZipAnswer(b"", f"7-Zip has no cage: {printable(output[:200].decode(errors='surrogateescape'))}")
    if exit_code == _OUT_OF_MEMORY_EXIT_CODE:
        return SevenZipAnswer(b"", "7-Zip wants more memory than it may have")
    if exit_code < 0:
        return SevenZipAnswer(b"", f"7-Zip was killed by signal {-exit_code}")
    return SevenZipAnswer(output)


@contextlib.contextmanager
def _sealed_file(data: bytes) -> Iterator[int]:
    """A file in memory that can be read and sought, and no longer written to."""
    file = os.memfd_create("archive", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.lseek(file, 0, os.SEEK_SET)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        yield file
    finally:
        os.close(file)


async def _receive_all(connection: socket.socket, limit_bytes: int) -> bytes:
    """Return what comes until the other side ends; more than the limit only if there was more."""
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    received = 0
    while received <= limit_bytes and (piece := await loop.sock_recv(connection, _RECEIVE_BYTES)):
        pieces.append(piece)
        received += len(piece)
    return b"".join(pieces)
