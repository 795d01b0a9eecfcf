"""Each way to read an encoding that is not as it should be, and when there is a second way at all."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.reading import Defect, Fork, Reading
from scanner_service.decode.transfer_encoding import TransferEncoding, decode, encoding_of, look_at_base64


def reading(*taken: Fork) -> Reading:
    return Reading(Budget.of_message(DecodeLimits(), 0), frozenset(taken))


@pytest.mark.parametrize(
    ("body", "forks", "defects"),
    [
        (b"SGVsbG8=\r\n", set(), set()),
        (b"SGVsbG8h\n\n", set(), set()),
        (b"SGVsbG8", set(), set()),
        (b"", set(), set()),
        (b"SGVsbG8hS", set(), {Defect.CUT_BASE64}),
        (b"SGVs!bG8=", {Fork.FOREIGN}, set()),
        (b"SGVsbG8=\nSGVsbG8=\n", {Fork.AFTER_PADDING}, set()),
        (b"SGVsbG8=\n_____\nlist\n", {Fork.FOOTER, Fork.FOREIGN}, set()),
        (b"====SGVsbG8=", {Fork.AFTER_PADDING}, set()),
    ],
    ids=repr,
)
def test_base64_that_is_as_it_should_be_is_read_in_one_way(
    body: bytes, forks: set[Fork], defects: set[Defect]
) -> None:
    seen = reading()

    look_at_base64(seen, body, "1")

    assert seen.forks == forks
    assert set(seen.defects) == defects


@pytest.mark.parametrize(
    ("fork", "body", "expected"),
    [
        (Fork.AFTER_PADDING, b"SGVsbG8=\nSGVsbG8=\n", b"HelloHello"),
        (Fork.AFTER_PADDING, b"A===\nSGVsbG8=\n", b"Hello"),
        (Fork.FOOTER, b"SGVsbG8=\n!IQ==\n", b"Hello!"),
        (Fork.FOREIGN, b"SGVs!bG8=", b"Hel"),
    ],
)
def test_the_other_way_is_taken_if_wanted(fork: Fork, body: bytes, expected: bytes) -> None:
    assert decode(body, look_at_base64(reading(fork), body, "1")) == expected


@pytest.mark.parametrize(
    ("word", "first", "other"),
    [
        ("Base64 ", TransferEncoding.BASE64, TransferEncoding.BASE64),
        ("7bit", TransferEncoding.NONE, TransferEncoding.NONE),
        ("x-base64", TransferEncoding.NONE, TransferEncoding.BASE64),
        ("quoted printable", TransferEncoding.NONE, TransferEncoding.QUOTED_PRINTABLE),
        ("x-none", TransferEncoding.NONE, TransferEncoding.NONE),
    ],
)
def test_an_unknown_encoding_is_none_or_the_one_it_sounds_like(
    word: str, first: TransferEncoding, other: TransferEncoding
) -> None:
    assert encoding_of(reading(), word, "1") is first
    assert encoding_of(reading(Fork.LOOSE_ENCODING), word, "1") is other


@given(content=st.binary(), line_end=st.sampled_from([b"\n", b"\r\n", b""]))
def test_what_a_library_encodes_comes_back_and_has_no_second_way(content: bytes, line_end: bytes) -> None:
    seen = reading()
    body = base64.encodebytes(content).replace(b"\n", line_end)

    assert decode(body, look_at_base64(seen, body, "1")) == content
    assert seen.forks == set()
    assert seen.defects == {}


@given(body=st.binary(), encoding=st.sampled_from(TransferEncoding))
def test_no_body_raises(body: bytes, encoding: TransferEncoding) -> None:
    assert len(decode(body, encoding)) <= len(body)
