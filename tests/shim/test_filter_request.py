"""What submit writes, in pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.filter_request import REQUEST_LIMIT_BYTES, FilterRequest, FilterRequestError, FilterRequestParser

DATA = b"/var/lib/courier/tmp/179536/D1467690"
CONTROL = b"/var/lib/courier/tmp/179536/1795360211.20278.mx.test.example"
REQUEST = DATA + b"\n" + CONTROL + b"\n\n"
PARSED = FilterRequest(DATA, (CONTROL,))


def test_a_request_fed_whole_is_read() -> None:
    assert FilterRequestParser().receive(REQUEST) == PARSED


def test_a_request_fed_byte_by_byte_is_there_with_its_last_byte() -> None:
    parser = FilterRequestParser()

    answers = [parser.receive(bytes([byte])) for byte in REQUEST]

    assert answers == [None] * (len(REQUEST) - 1) + [PARSED]


@pytest.mark.parametrize("more", [b"\n", b"/another/path\n", REQUEST, b"\0\xff"])
def test_bytes_after_the_request_are_ignored(more: bytes) -> None:
    assert FilterRequestParser().receive(REQUEST + more) == PARSED


@pytest.mark.parametrize("length", range(len(REQUEST)))
def test_end_of_file_inside_a_request_is_an_error(length: int) -> None:
    parser = FilterRequestParser()
    if length:
        assert parser.receive(REQUEST[:length]) is None

    with pytest.raises(FilterRequestError, match=f"end of file after {length} bytes"):
        parser.receive(b"")


def test_all_control_files_are_named_in_their_order() -> None:
    request = FilterRequestParser().receive(b"/D1\n/C1.1\n/C1.2\n/C1.3\n\n")

    assert request == FilterRequest(b"/D1", (b"/C1.1", b"/C1.2", b"/C1.3"))


def test_a_name_of_one_blank_stands_for_no_control_file() -> None:
    request = FilterRequestParser().receive(b"/D1\n \n/C1.2\n\n")

    assert request == FilterRequest(b"/D1", (b"/C1.2",))


def test_a_path_is_the_bytes_that_courier_wrote() -> None:
    request = FilterRequestParser().receive(b"/caf\xe9/D 1\n/C\t1\r\n\n")

    assert request == FilterRequest(b"/caf\xe9/D 1", (b"/C\t1\r",))


@pytest.mark.parametrize(
    ("request_bytes", "problem"),
    [
        (b"\n\n", "absolute"),
        (b"tmp/D1\n/C1\n\n", "absolute"),
        (b"/D1\ntmp/C1\n\n", "absolute"),
        (b"/D1\n/C1\n  \n\n", "absolute"),
        (b" \n/C1\n\n", "absolute"),
        (b"/D1\n\n", "no control file"),
        (b"/D1\n \n\n", "no control file"),
        (b"/D1\n \n \n\n", "no control file"),
        (b"/D\x001\n/C1\n\n", "without NUL"),
        (b"/D1\n/C1\x00\n\n", "without NUL"),
        (b"GET / HTTP/1.1\nHost: x\n\n", "absolute"),
    ],
)
def test_what_names_no_data_and_control_file_is_refused(request_bytes: bytes, problem: str) -> None:
    with pytest.raises(FilterRequestError, match=problem):
        FilterRequestParser().receive(request_bytes)


def test_a_request_of_exactly_the_limit_is_read() -> None:
    request = b"/D1\n/C".ljust(REQUEST_LIMIT_BYTES - 2, b"x") + b"\n\n"

    assert FilterRequestParser().receive(request) is not None


@pytest.mark.parametrize("piece_bytes", [REQUEST_LIMIT_BYTES + 1, 65536])
def test_a_request_beyond_the_limit_is_refused_whatever_its_pieces(piece_bytes: int) -> None:
    request = b"/D1\n/C".ljust(REQUEST_LIMIT_BYTES - 1, b"x") + b"\n\n"

    with pytest.raises(FilterRequestError, match=f"at most {REQUEST_LIMIT_BYTES} bytes"):
        _feed(request, piece_bytes)


def test_bytes_without_an_end_are_refused_at_the_limit() -> None:
    parser = FilterRequestParser()
    assert parser.receive(b"x" * REQUEST_LIMIT_BYTES) is None

    with pytest.raises(FilterRequestError, match="at most"):
        parser.receive(b"x")


def test_a_connection_without_a_byte_has_not_begun() -> None:
    parser = FilterRequestParser()
    assert not parser.has_begun

    parser.receive(b"/")

    assert parser.has_begun


_lines = st.sampled_from([b"/D1", b"/C1", b"/C2", b" ", b"", b"tmp/D1", b"/\xff", b"\0"])
_requests = st.lists(_lines, max_size=6).map(b"\n".join) | st.binary()


@given(_requests, st.lists(st.integers(1, 8), min_size=1))
def test_the_result_does_not_depend_on_the_pieces(data: bytes, sizes: list[int]) -> None:
    whole = _outcome([data])

    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    pieces.append(data[at:])

    assert _outcome([piece for piece in pieces if piece]) == whole


def _outcome(pieces: list[bytes]) -> FilterRequest | str:
    """Return what a parser makes of these pieces and of the end of file after them."""
    parser = FilterRequestParser()
    try:
        for piece in [*pieces, b""]:
            request = parser.receive(piece)
            if request is not None:
                return request
    except FilterRequestError as error:
        return str(error)
    raise AssertionError("neither a request nor an error at the end of file")


def _feed(data: bytes, piece_bytes: int) -> FilterRequest | None:
    parser = FilterRequestParser()
    for at in range(0, len(data), piece_bytes):
        request = parser.receive(data[at : at + piece_bytes])
        if request is not None:
            return request
    return None
