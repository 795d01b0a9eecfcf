"""The main of the decoder's child, without the process around it: it speaks in memory."""

import io

import pytest

from scanner_service.clients.decoder_protocol import (
    ARCHIVE_ARGUMENT,
    Frame,
    FrameParser,
    SevenZipAnswer,
    SevenZipRequest,
    decode_answer,
    encode_request,
    encode_seven_zip_answer,
)
from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.child import Connection, SevenZipByService, answer_next
from scanner_service.decode.formats.content import DamagedError, SevenZipError
from scanner_service.model.container import Container, Remainder, Unpacked

GRANTED = Remainder(depth=30, parts=50, unpacked_bytes=1000, held_bytes=1000, seconds=10.0, header_bytes=100)
CONTAINER = Container("1.2", 1, "application/zip", ("a.zip",), b"no container")
ARGUMENTS = ("x", "-so", "--", ARCHIVE_ARGUMENT)


class Service:
    """What the service says, and what it gets to hear."""

    def __init__(self, *frames: tuple[bytes, ...]) -> None:
        self._sent = io.BytesIO()
        said = io.BytesIO(b"".join(piece for frame in frames for piece in frame))
        self.connection = Connection(said, self._sent)

    def heard(self) -> Frame:
        frame = FrameParser(2**20).receive(self._sent.getvalue())
        assert frame is not None
        return frame


def test_each_request_is_answered_until_the_service_hangs_up() -> None:
    service = Service(encode_request(CONTAINER, GRANTED))

    assert answer_next(service.connection)
    assert not answer_next(service.connection)

    answer = decode_answer(service.heard(), CONTAINER, GRANTED)
    assert isinstance(answer, Unpacked)


def test_a_service_that_dies_in_the_middle_of_a_request_ends_the_child() -> None:
    head, body = encode_request(CONTAINER, GRANTED)

    assert not answer_next(Service((head, body[:3])).connection)


def test_seven_zip_is_asked_for_within_the_budget() -> None:
    service = Service(encode_seven_zip_answer(SevenZipAnswer(b"output")))

    output = SevenZipByService(service.connection, Budget(GRANTED))(ARGUMENTS, b"data")

    assert output == b"output"
    assert decode_answer(service.heard(), CONTAINER, GRANTED) == SevenZipRequest(ARGUMENTS, b"data", 1000)


def test_seven_zip_that_could_not_look_is_told_from_a_damaged_archive() -> None:
    service = Service(encode_seven_zip_answer(SevenZipAnswer(b"", "7-Zip is not installed")))

    with pytest.raises(SevenZipError, match="7-Zip is not installed") as raised:
        SevenZipByService(service.connection, Budget(GRANTED))(ARGUMENTS, b"data")

    assert isinstance(raised.value, DamagedError)  # for whom it is all the same


def test_too_much_for_seven_zip_is_over_limits() -> None:
    service = Service(encode_seven_zip_answer(SevenZipAnswer(b"", "too much", is_over_limits=True)))

    with pytest.raises(OverLimitsError, match="too much"):
        SevenZipByService(service.connection, Budget(GRANTED))(ARGUMENTS, b"data")


def test_a_service_that_hangs_up_instead_of_running_seven_zip_ends_the_child() -> None:
    with pytest.raises(EOFError):
        SevenZipByService(Service().connection, Budget(GRANTED))(ARGUMENTS, b"data")
