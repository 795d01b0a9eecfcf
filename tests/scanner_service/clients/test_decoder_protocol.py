"""What service and decoder say to each other, and what a decoder that a stranger has taken over might say."""

import hashlib
import json
import string
import struct
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.clients.decoder_protocol import (
    HEADER_LIMIT_BYTES,
    Frame,
    FrameParser,
    Hello,
    ProtocolError,
    Refusal,
    SevenZipAnswer,
    SevenZipRequest,
    decode_answer,
    decode_first_words,
    decode_request,
    decode_seven_zip_answer,
    encode_hello,
    encode_refusal,
    encode_request,
    encode_seven_zip_answer,
    encode_seven_zip_request,
    encode_unpacked,
)
from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.message import PartMark, UnpackedPart

BODY_LIMIT_BYTES = 1000
GRANTED = Remainder(
    depth=30, parts=5, unpacked_bytes=10_000, held_bytes=BODY_LIMIT_BYTES, seconds=10.0, header_bytes=100
)
CONTAINER = Container("1.2", 2, "application/zip", ("a.zip",), b"PK")

# Names are a stranger's: with surrogates for bytes that are no UTF-8, and any others.
texts = st.text(st.characters(), max_size=20)
bodies = st.binary(max_size=100)


@st.composite
def parts(draw: st.DrawFn) -> UnpackedPart:
    body = draw(bodies)
    return UnpackedPart(
        path="1.2/" + draw(texts),
        content_type=draw(texts),
        names=tuple(draw(st.lists(texts, max_size=3))),
        types=tuple(draw(st.lists(texts, max_size=3))),
        body=body,
        size=draw(st.integers(len(body), 2**62)),
        marks=draw(st.frozensets(st.sampled_from(PartMark))),
        sha256=draw(st.just("") | bodies.map(lambda body: hashlib.sha256(body).hexdigest())),
    )


remainders = st.builds(
    Remainder,
    depth=st.just(GRANTED.depth),
    parts=st.integers(0, GRANTED.parts),
    unpacked_bytes=st.integers(0, GRANTED.unpacked_bytes),
    held_bytes=st.integers(0, GRANTED.held_bytes),
    seconds=st.floats(0, GRANTED.seconds),
    header_bytes=st.just(GRANTED.header_bytes),
)
answers = st.builds(
    Unpacked,
    parts=st.lists(parts(), max_size=GRANTED.parts).map(tuple),
    marks=st.frozensets(st.sampled_from(PartMark)),
    over_limits=st.none() | texts,
    remainder=remainders,
)


def received(*pieces: bytes) -> Frame:
    parser = FrameParser(BODY_LIMIT_BYTES)
    frame = None
    for piece in filter(None, pieces):
        assert frame is None
        frame = parser.receive(piece)
    assert frame is not None
    return frame


def frame_of(header: object, body: bytes = b"") -> Frame:
    return Frame(json.dumps(header).encode(), body)


def answer_with(change: Callable[[dict[str, Any]], object], body: bytes = b"MZ") -> Frame:
    part = UnpackedPart("1.2/a.zip/run.exe", "", ("run.exe",), ("exe",), b"MZ", 2, frozenset({PartMark.MACROS}))
    frame = received(*encode_unpacked(Unpacked((part,), frozenset(), None, GRANTED)))
    header = json.loads(frame.header)
    change(header)
    return frame_of(header, body)


@given(
    st.builds(
        Container,
        path=texts,
        depth=st.integers(0, 30),
        content_type=texts,
        names=st.lists(texts, max_size=3).map(tuple),
        body=bodies,
    ),
    remainders,
)
def test_a_request_arrives_as_it_was_sent(container: Container, remainder: Remainder) -> None:
    assert decode_request(received(*encode_request(container, remainder))) == (container, remainder)


@given(answers)
def test_an_answer_arrives_as_it_was_sent(unpacked: Unpacked) -> None:
    assert decode_answer(received(*encode_unpacked(unpacked)), CONTAINER, GRANTED) == unpacked


@given(answers, st.integers(1, 50))
def test_an_answer_arrives_in_pieces_of_any_size(unpacked: Unpacked, size: int) -> None:
    encoded = b"".join(encode_unpacked(unpacked))

    frame = received(*(encoded[start : start + size] for start in range(0, len(encoded), size)))

    assert decode_answer(frame, CONTAINER, GRANTED) == unpacked


@given(answers)
def test_the_parser_asks_for_no_more_than_the_frame(unpacked: Unpacked) -> None:
    encoded = b"".join(encode_unpacked(unpacked))
    parser = FrameParser(BODY_LIMIT_BYTES)

    frame = None
    while frame is None:
        assert 0 < parser.wanted <= len(encoded)
        piece, encoded = encoded[: parser.wanted], encoded[parser.wanted :]
        frame = parser.receive(piece)

    assert encoded == b""


@given(answers, st.binary(min_size=1, max_size=30))
def test_bytes_to_spare_are_refused(unpacked: Unpacked, more: bytes) -> None:
    encoded = b"".join(encode_unpacked(unpacked))

    with pytest.raises(ProtocolError, match="nothing after it"):
        FrameParser(BODY_LIMIT_BYTES).receive(encoded + more)


def test_a_body_in_one_piece_is_not_copied() -> None:
    head, body = encode_request(replace(CONTAINER, body=bytes(500)), GRANTED)

    assert received(head, body).body is body


@pytest.mark.parametrize(("header_bytes", "body_bytes"), [(HEADER_LIMIT_BYTES + 1, 0), (2, BODY_LIMIT_BYTES + 1)])
def test_what_would_be_too_large_is_refused_before_it_comes(header_bytes: int, body_bytes: int) -> None:
    with pytest.raises(ProtocolError, match="want at most"):
        FrameParser(BODY_LIMIT_BYTES).receive(struct.pack("!IQ", header_bytes, body_bytes))


@given(st.binary(max_size=300))
def test_any_bytes_make_a_frame_or_a_protocol_error(data: bytes) -> None:
    parser = FrameParser(BODY_LIMIT_BYTES)

    try:
        frame = parser.receive(data)
        if frame is not None:
            decode_answer(frame, CONTAINER, GRANTED)
    except ProtocolError:
        pass


words = st.text(string.ascii_lowercase, max_size=5)
json_scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
json_values = json_scalars | st.lists(json_scalars, max_size=3) | st.dictionaries(words, json_scalars, max_size=3)


@given(st.sampled_from(["unpacked", "run_seven_zip"]), st.data())
def test_any_header_gives_an_answer_or_a_protocol_error(kind: str, data: st.DataObject) -> None:
    fields = ("parts", "marks", "over_limits", "remainder", "arguments", "output_limit_bytes")
    header = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, json_values)))

    with pytest.raises(ProtocolError):
        decode_answer(frame_of({**header, "kind": kind}), CONTAINER, GRANTED)


@given(st.data())
def test_a_field_of_any_other_kind_is_a_protocol_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["path", "content_type", "names", "types", "size", "held", "marks", "sha256"]))
    value = data.draw(st.none() | st.floats() | st.booleans() | st.dictionaries(words, words, max_size=1))

    with pytest.raises(ProtocolError):
        decode_answer(answer_with(lambda header: header["parts"][0].update({name: value})), CONTAINER, GRANTED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda header: header.update(kind="hello"), "kind: want one of"),
        (lambda header: header.update(parts=header["parts"] * 6), "parts: want at most 5"),
        (lambda header: header["parts"][0].update(path="1.3/a.zip/run.exe"), "path: want one below '1.2'"),
        (lambda header: header["parts"][0].update(path="1.2"), "path: want one below '1.2'"),
        (lambda header: header["parts"][0].update(held=3), "held: want a whole number from 0 to 2"),
        (lambda header: header["parts"][0].update(held=-1), "held: want a whole number"),
        (lambda header: header["parts"][0].update(held=1), "body: want all of it in the parts"),
        (lambda header: header["parts"][0].update(size=1), "size: want at least the 2 bytes held"),
        (lambda header: header["parts"][0].update(size=2**64), "size: want a whole number"),
        (lambda header: header["parts"][0].update(size=True), "size: want a whole number"),
        (lambda header: header["parts"][0].update(marks=["clean"]), "marks: "),
        (lambda header: header["parts"][0].update(sha256="0" * 63), "sha256: want 64 hexadecimal digits or none"),
        (lambda header: header["parts"][0].update(sha256="X" * 64), "sha256: want 64 hexadecimal digits or none"),
        (lambda header: header["parts"][0].update(sha256="0" * 64 + "\n"), "sha256: want 64 hexadecimal digits"),
        (lambda header: header["parts"][0].update(types=["exe"] * 9), "types: want at most 8"),
        (lambda header: header.update(parts=[1]), "parts: want objects"),
        (lambda header: header.update(over_limits="x" * 3000), "over_limits: want a text of at most 2000"),
        (lambda header: header["remainder"].update(parts=6), "remainder.parts: want at most 5"),
        (lambda header: header["remainder"].update(unpacked_bytes=2**40), "remainder.unpacked_bytes: want at most"),
        (lambda header: header["remainder"].update(seconds=11), "remainder.seconds: want at most"),
        (lambda header: header["remainder"].update(seconds=float("nan")), "seconds: want a number"),
        (lambda header: header["remainder"].update(depth=1), "remainder: want the same depth"),
        (lambda header: header.update(remainder=None), "remainder: want an object"),
    ],
)
def test_an_answer_that_deviates_is_refused(change: Callable[[dict[str, Any]], object], reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_answer(answer_with(change), CONTAINER, GRANTED)


def test_an_answer_holds_no_more_than_was_granted() -> None:
    granted = replace(GRANTED, held_bytes=1)

    with pytest.raises(ProtocolError, match="body: want at most the 1 bytes"):
        decode_answer(answer_with(lambda header: header.update(remainder=asdict(granted))), CONTAINER, granted)


@pytest.mark.parametrize("header", [b"[" * 100_000, b"\xff", b"null", b'{"kind":' + b"9" * 5000 + b"}", b"", b"[]"])
def test_a_header_that_is_no_json_object_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_answer(Frame(header), CONTAINER, GRANTED)


def test_the_first_words_are_hello_or_why_not() -> None:
    assert decode_first_words(received(*encode_hello(7))) == Hello(7)
    assert decode_first_words(received(*encode_refusal("no seccomp"))) == Refusal("no seccomp")


def test_a_request_for_seven_zip_and_its_answer_arrive_as_they_were_sent() -> None:
    request = SevenZipRequest(("x", "-so", "--", "{archive}", "n\udcffme"), b"data", 500)
    done, not_done = SevenZipAnswer(b"output"), SevenZipAnswer(b"", "too large", is_over_limits=True)

    assert decode_answer(received(*encode_seven_zip_request(request)), CONTAINER, GRANTED) == request
    assert decode_seven_zip_answer(received(*encode_seven_zip_answer(done))) == done
    assert decode_seven_zip_answer(received(*encode_seven_zip_answer(not_done))) == not_done


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "want one of"),
        (("a", "new.zip"), "want one of"),  # adds to an archive
        (("x", "\0"), "what a command line can hold"),
        (("x", "\ud800"), "what a command line can hold"),
        (("x",) * 101, "at most 100"),
        (("x", "x" * 5000), "at most 4096 characters"),
    ],
)
def test_seven_zip_gets_no_arguments_that_it_must_not(arguments: tuple[str, ...], reason: str) -> None:
    frame = received(*encode_seven_zip_request(SevenZipRequest(arguments, b"", 1)))

    with pytest.raises(ProtocolError, match=reason):
        decode_answer(frame, CONTAINER, GRANTED)


def test_seven_zip_may_print_no_more_than_is_left() -> None:
    frame = received(*encode_seven_zip_request(SevenZipRequest(("l",), b"", GRANTED.unpacked_bytes + 1)))

    with pytest.raises(ProtocolError, match="output_limit_bytes"):
        decode_answer(frame, CONTAINER, GRANTED)
