"""A decoder's child that does what the container's first name says, as ``crash`` or ``crash_then_work``.

``python -I hostile_decoder.py RECORD [no_landlock]``: it writes each try, with its process id, into the file
RECORD. The decoder's own protocol and cage are the real ones, as after a stranger has taken the process over.
"""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scanner_service.clients.decoder_protocol import (
    SevenZipRequest,
    decode_request,
    decode_seven_zip_answer,
    encode_hello,
    encode_refusal,
    encode_seven_zip_request,
    encode_unpacked,
)
from scanner_service.decode.cage import enter_decoder_cage
from scanner_service.decode.child import Connection
from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.message import UnpackedPart

LANDLOCK, NO_LANDLOCK = 7, 0


class Decoder:
    def __init__(self, record: Path) -> None:
        self.connection = Connection(os.fdopen(0, "rb", closefd=False), os.fdopen(0, "wb", closefd=False))
        self._record = record

    def serve(self) -> None:
        self.connection.send(encode_hello(NO_LANDLOCK if sys.argv[2:] else LANDLOCK))
        while (frame := self.connection.receive()) is not None:
            container, remainder = decode_request(frame)
            what = container.names[0]
            tries = self._tries(what)
            with self._record.open("a") as record:
                record.write(f"{os.getpid()} {what}\n")
            first, _, later = what.partition("_then_")
            BEHAVIOURS[later if later and tries else first](self, container, remainder)

    def _tries(self, what: str) -> int:
        return sum(line.split()[1] == what for line in self._record.read_text().splitlines())

    def work(self, container: Container, remainder: Remainder) -> None:
        path = f"{container.path}/a.zip/notes.txt"
        part = UnpackedPart(path, "", ("notes.txt",), (), container.body, len(container.body))
        self.connection.send(encode_unpacked(Unpacked((part,), frozenset(), None, remainder)))

    def work_slowly(self, container: Container, remainder: Remainder) -> None:
        time.sleep(0.2)
        self.work(container, remainder)

    def crash(self, *_: object) -> None:
        ctypes.string_at(0)

    def exit(self, *_: object) -> None:
        sys.exit("first line\nthe library's\x1b[31m last words")

    def hang(self, *_: object) -> None:
        ctypes.CDLL(None).pause()

    def spin_in_the_cage(self, *_: object) -> None:
        enter_decoder_cage()
        while True:
            pass

    def close_and_stay(self, *_: object) -> None:
        os.close(0)
        time.sleep(60)

    def eat_memory(self, *_: object) -> None:
        enter_decoder_cage()
        eaten = []
        while True:
            eaten.append(bytearray(2**20))

    def talk_without_end(self, *_: object) -> None:
        while True:
            os.write(0, b"\0\0\0\x01" * 10000)

    def promise_too_much(self, *_: object) -> None:
        os.write(0, b"\0\0\0\x02" + b"\0\0\x10\0\0\0\0\0" + b"{}")

    def talk_nonsense(self, *_: object) -> None:
        os.write(0, b"\0\0\0\x06" + bytes(8) + b"\xff\xfenull")

    def claim_foreign_part(self, container: Container, remainder: Remainder) -> None:
        part = UnpackedPart("2/a.zip/notes.txt", "", (), (), b"", 0)
        self.connection.send(encode_unpacked(Unpacked((part,), frozenset(), None, remainder)))

    def say_more(self, container: Container, remainder: Remainder) -> None:
        os.write(0, b"".join(encode_unpacked(Unpacked((), frozenset(), None, remainder))) + b"and another thing")

    def say_more_later(self, container: Container, remainder: Remainder) -> None:
        self.work(container, remainder)
        time.sleep(0.1)
        os.write(0, b"and another thing")

    def complain(self, container: Container, remainder: Remainder) -> None:
        os.write(2, b"x" * 60_000)
        for _ in range(100):
            try:
                os.write(2, b"warning: again\n" * 1000)
            except BlockingIOError:
                break
        self.work(container, remainder)

    def run_seven_zip(self, container: Container, remainder: Remainder) -> None:
        arguments = container.names[1:]
        self.connection.send(encode_seven_zip_request(SevenZipRequest(arguments, container.body, 10**6)))
        frame = self.connection.receive()
        assert frame is not None
        answer = decode_seven_zip_answer(frame)
        body = (answer.failure or "").encode() or answer.output
        part = UnpackedPart(f"{container.path}/out", "", (), (), body, len(body))
        self.connection.send(encode_unpacked(Unpacked((part,), frozenset(), None, remainder)))


BEHAVIOURS: dict[str, Callable[[Decoder, Container, Remainder], None]] = {
    name: method for name, method in vars(Decoder).items() if not name.startswith("_") and name != "serve"
}

if __name__ == "__main__":
    if sys.argv[1] == "no_cage":
        Decoder(Path()).connection.send(encode_refusal("the kernel refuses\na seccomp filter"))
        sys.exit(1)
    if sys.argv[1] == "silent":
        time.sleep(60)
    Decoder(Path(sys.argv[1])).serve()
