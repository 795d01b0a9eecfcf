"""The process that opens containers: ``python -I -B -m scanner_service.decode.child``, its socket as standard input.

It enters the cage, says hello, and answers one request after the other until the service hangs up. It catches nothing
that goes wrong in between: whatever is wrong with a container, or with this process, the service tries again in a
fresh one and draws its conclusion from that.
"""

import os
import sys
from collections.abc import Iterable
from typing import BinaryIO

from scanner_service.clients.decoder_protocol import (
    Frame,
    FrameParser,
    SevenZipRequest,
    decode_request,
    decode_seven_zip_answer,
    encode_hello,
    encode_refusal,
    encode_seven_zip_request,
    encode_unpacked,
)
from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.cage import CageError, enter_decoder_cage
from scanner_service.decode.formats.content import SevenZipError
from scanner_service.decode.unpack import unpack

_SOCKET = 0
_ANY_BODY_BYTES = 2**40  # the service is believed; and there is the cage's limit


class Connection:
    """The socket to the service, from the side of the child."""

    def __init__(self, received: BinaryIO, sent: BinaryIO) -> None:
        self._received = received
        self._sent = sent

    def send(self, frame: Iterable[bytes]) -> None:
        """Send a frame, piece after piece."""
        for piece in frame:
            self._sent.write(piece)
        self._sent.flush()

    def receive(self) -> Frame | None:
        """Return the next frame, None if the service has hung up."""
        parser = FrameParser(_ANY_BODY_BYTES)
        while data := self._received.read(parser.wanted):  # a large body comes in one piece, which is never copied
            if (frame := parser.receive(data)) is not None:
                return frame
        return None


class SevenZipByService:
    """Has the service run 7-Zip, because no process is started from the cage."""

    def __init__(self, connection: Connection, budget: Budget) -> None:
        self._connection = connection
        self._budget = budget

    def __call__(self, arguments: tuple[str, ...], data: bytes) -> bytes:
        """Return what 7-Zip printed; see decode.unpack.SevenZip.

        Raises:
            SevenZipError: it could not look.
            OverLimitsError: it would print more, or take longer, than is left of the budget.
        """
        output_limit_bytes = self._budget.remainder.unpacked_bytes
        self._connection.send(encode_seven_zip_request(SevenZipRequest(arguments, data, output_limit_bytes)))
        frame = self._connection.receive()
        if frame is None:
            raise EOFError("the service hung up while it was to run 7-Zip")
        answer = decode_seven_zip_answer(frame)
        if answer.failure is None:
            return answer.output
        raise OverLimitsError(answer.failure) if answer.is_over_limits else SevenZipError(answer.failure)


def main() -> int:
    """Serve until the service hangs up; return the exit code."""
    connection = Connection(os.fdopen(_SOCKET, "rb", closefd=False), os.fdopen(_SOCKET, "wb", closefd=False))
    try:
        landlock = enter_decoder_cage()
        _want_own_program()
    except (CageError, OSError) as error:
        connection.send(encode_refusal(str(error)))
        return 1
    connection.send(encode_hello(landlock))
    while answer_next(connection):
        pass
    return 0


def answer_next(connection: Connection) -> bool:
    """Answer one request and forget it: no two containers are ever in memory. False if the service has hung up."""
    frame = connection.receive()
    if frame is None:
        return False
    container, remainder = decode_request(frame)
    budget = Budget(remainder)
    connection.send(encode_unpacked(unpack(container, budget, SevenZipByService(connection, budget))))
    return True


def _want_own_program() -> None:
    """Raise OSError if libraries could not be loaded later: then every mail with a container would be refused."""
    for path in (__file__, os.__file__):
        os.close(os.open(path, os.O_RDONLY))


if __name__ == "__main__":
    sys.exit(main())
