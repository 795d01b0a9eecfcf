"""HTTP answers in pieces of any size, and what must not be taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.http_exchange import BadAnswerError, HttpAnswer, HttpExchanges

LIMIT_BYTES = 1000
HOST = (b"Host", b"scanner")

WITH_LENGTH = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
CHUNKED = (
    b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
)
EMPTY = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
AFTER_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n" + WITH_LENGTH
UNTIL_CLOSE = b'HTTP/1.1 200 OK\r\n\r\n{"a":1}'

OK_ANSWER = HttpAnswer(200, [(b"Content-Type", b"application/json"), (b"Content-Length", b"7")], b'{"a":1}')
FRAMED = {
    "with length": (WITH_LENGTH, OK_ANSWER),
    "chunked": (
        CHUNKED,
        HttpAnswer(503, [(b"Retry-After", b"7"), (b"Transfer-Encoding", b"chunked")], b"abcdefg"),
    ),
    "empty": (EMPTY, HttpAnswer(413, [(b"Content-Length", b"0")], b"")),
    "after 100 Continue": (AFTER_CONTINUE, OK_ANSWER),
}


def _asked() -> HttpExchanges:
    """Return exchanges whose first request is sent whole."""
    exchanges = HttpExchanges(LIMIT_BYTES)
    _ask(exchanges)
    return exchanges


def _ask(exchanges: HttpExchanges) -> bytes:
    headers = [HOST, (b"Content-Length", b"4")]
    return exchanges.begin(b"POST", b"/v1/verdicts", headers) + exchanges.send_body(b"mail") + exchanges.end_body()


def test_a_request_is_written_as_it_was_given() -> None:
    request = _ask(HttpExchanges(LIMIT_BYTES))

    assert request == b"POST /v1/verdicts HTTP/1.1\r\nHost: scanner\r\nContent-Length: 4\r\n\r\nmail"


@pytest.mark.parametrize(("data", "answer"), FRAMED.values(), ids=FRAMED)
def test_an_answer_fed_whole_is_read(data: bytes, answer: HttpAnswer) -> None:
    exchanges = _asked()

    assert exchanges.receive(data) == answer
    assert exchanges.is_reusable


@pytest.mark.parametrize(("data", "answer"), FRAMED.values(), ids=FRAMED)
def test_an_answer_fed_byte_by_byte_is_there_with_its_last_byte(data: bytes, answer: HttpAnswer) -> None:
    exchanges = _asked()

    answers = [exchanges.receive(bytes([byte])) for byte in data]

    assert answers == [None] * (len(data) - 1) + [answer]


@pytest.mark.parametrize("more", [b"x", b"\r\n", WITH_LENGTH], ids=["a letter", "a line end", "another answer"])
@pytest.mark.parametrize(("data", "answer"), FRAMED.values(), ids=FRAMED)
def test_bytes_after_an_answer_leave_it_whole_and_end_the_connections_use(
    data: bytes, answer: HttpAnswer, more: bytes
) -> None:
    exchanges = _asked()

    assert exchanges.receive(data + more) == answer
    assert not exchanges.is_reusable


@pytest.mark.parametrize(("data", "answer"), FRAMED.values(), ids=FRAMED)
def test_an_answer_cut_at_any_byte_is_none(data: bytes, answer: HttpAnswer) -> None:
    del answer
    for length in range(len(data)):
        exchanges = _asked()
        if length:
            assert exchanges.receive(data[:length]) is None

        with pytest.raises(BadAnswerError):
            exchanges.receive(b"")


def test_an_answer_without_length_ends_with_the_connection() -> None:
    exchanges = _asked()

    assert exchanges.receive(UNTIL_CLOSE) is None
    assert exchanges.receive(b"") == HttpAnswer(200, [], b'{"a":1}')
    assert not exchanges.is_reusable


def test_a_kept_connection_carries_one_exchange_after_another() -> None:
    exchanges = HttpExchanges(LIMIT_BYTES)

    for data, answer in [*FRAMED.values(), *FRAMED.values()]:
        _ask(exchanges)
        assert not exchanges.has_begun_to_answer
        assert not exchanges.is_reusable
        assert exchanges.receive(data) == answer
        assert exchanges.is_reusable


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_connection_that_the_scanner_closes_is_not_used_again(data: bytes) -> None:
    exchanges = _asked()

    assert exchanges.receive(data) is not None
    assert not exchanges.is_reusable


def test_the_body_may_go_once_the_scanner_said_continue() -> None:
    exchanges = HttpExchanges(LIMIT_BYTES)
    exchanges.begin(b"POST", b"/", [HOST, (b"Content-Length", b"4"), (b"Expect", b"100-continue")])
    assert not exchanges.may_send_body

    assert exchanges.receive(b"HTTP/1.1 102 Processing\r\n\r\n") is None
    assert not exchanges.may_send_body

    assert exchanges.receive(b"HTTP/1.1 100 Continue\r\n\r\n") is None
    assert exchanges.may_send_body

    assert exchanges.receive(b"HTTP/1.1 103 Early Hints\r\n\r\n") is None
    assert exchanges.may_send_body


def test_a_continue_counts_for_its_own_request_only() -> None:
    exchanges = _asked()
    exchanges.receive(AFTER_CONTINUE)

    exchanges.begin(b"POST", b"/", [HOST, (b"Content-Length", b"4"), (b"Expect", b"100-continue")])

    assert not exchanges.may_send_body


@pytest.mark.parametrize("sent", [b"", b"ma", b"mail"])
def test_an_early_answer_is_read_and_ends_the_connections_use(sent: bytes) -> None:
    exchanges = HttpExchanges(LIMIT_BYTES)
    exchanges.begin(b"POST", b"/", [HOST, (b"Content-Length", b"4")])
    exchanges.send_body(sent)

    answer = exchanges.receive(EMPTY)

    assert answer is not None
    assert answer.status == 413
    assert not exchanges.is_reusable


@pytest.mark.parametrize("length", [LIMIT_BYTES, LIMIT_BYTES + 1])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_an_answer_beyond_the_limit_is_refused(framing: str, length: int) -> None:
    body = b"x" * length
    data = {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (length, body),
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (length, body),
        "close": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }[framing]

    if length > LIMIT_BYTES:
        with pytest.raises(BadAnswerError, match=f"at most {LIMIT_BYTES} bytes"):
            _receive_until_close(data)
    else:
        assert _receive_until_close(data).body == body


def test_an_answer_beyond_the_limit_is_refused_before_its_end() -> None:
    exchanges = _asked()
    exchanges.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * LIMIT_BYTES)

    with pytest.raises(BadAnswerError, match="at most"):
        exchanges.receive(b"x")


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"identity, gzip", b"x"])
def test_an_answer_with_an_encoding_is_refused_for_its_size_is_not_known(encoding: bytes) -> None:
    exchanges = _asked()

    with pytest.raises(BadAnswerError, match="without encoding"):
        exchanges.receive(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + encoding + b"\r\nContent-Length: 0\r\n\r\n")


def test_an_answer_that_says_it_has_no_encoding_is_read() -> None:
    assert _asked().receive(b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 0\r\n\r\n") is not None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"200 Ok\n\n", id="SMTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"HTTP/2 200\r\n\r\n", id="HTTP/2"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="two digits"),
        pytest.param(b"HTTP/1.1 099 OK\r\n\r\n", id="below 100"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", id="upgrade"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="length no number"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", id="unknown framing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="bad chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", id="bad header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, id="endless header"),
        pytest.param(b"x" * 70_000, id="endless line"),
    ],
)
def test_what_is_not_http_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        _asked().receive(data)


@pytest.mark.parametrize(("body", "problem"), [(b"", "Too little"), (b"mai", "Too little"), (b"mail!", "Too much")])
def test_a_body_that_is_not_as_long_as_announced_is_an_error(body: bytes, problem: str) -> None:
    exchanges = HttpExchanges(LIMIT_BYTES)
    exchanges.begin(b"POST", b"/", [HOST, (b"Content-Length", b"4")])

    with pytest.raises(BadAnswerError, match=f"request could not be sent whole: {problem}"):
        exchanges.send_body(body) + exchanges.end_body()


def _damage(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]


_answers = st.binary() | st.builds(
    _damage, st.sampled_from([data for data, _ in FRAMED.values()]), st.integers(0, 99), st.binary(max_size=9)
)


@given(_answers, st.integers(1, 40))
def test_any_bytes_are_read_or_refused_whatever_their_pieces(data: bytes, size: int) -> None:
    assert _outcome([data]) == _outcome([data[at : at + size] for at in range(0, len(data), size)])


_names = st.sampled_from(
    [b"X", b"content-length", b"Content-Length", b"Connection", b"Transfer-Encoding", b"Content-Encoding", b"Upgrade"]
) | st.binary(min_size=1, max_size=3)
_values = st.sampled_from(
    [b"0", b"3", b"03", b"3, 3", b"1001", b"close", b"chunked", b"identity", b"gzip", b"a b "]
) | st.binary(max_size=3)
_fields = st.lists(
    st.tuples(_names, st.sampled_from([b": ", b":", b" : ", b":  "]), _values).map(b"".join), max_size=4
)


@given(
    st.sampled_from([b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/1.1  "]),
    st.sampled_from([b"200 OK", b"204 No", b"304 No", b"101 x", b"100 x", b"599 ", b"600 x", b"200", b"200 \xff"]),
    _fields,
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from([b"", b"abc", b"abcd", b"3\r\nabc\r\n0\r\n\r\n"]),
)
def test_an_answer_means_the_same_when_its_head_comes_at_once_and_when_it_comes_in_two_pieces(
    version: bytes, status: bytes, fields: list[bytes], line_end: bytes, body: bytes
) -> None:
    data = line_end.join([version + status, *fields, b"", body])

    assert _outcome([data]) == _outcome([data[:9], data[9:]])  # the one read here, the other by h11


def _outcome(pieces: list[bytes]) -> HttpAnswer | type[BadAnswerError]:
    exchanges = _asked()
    try:
        for piece in pieces:
            if piece and (answer := exchanges.receive(piece)):
                return answer
        answer = exchanges.receive(b"")
    except BadAnswerError:
        return BadAnswerError
    assert answer is not None
    return answer


def _receive_until_close(data: bytes) -> HttpAnswer:
    exchanges = _asked()
    answer = exchanges.receive(data) or exchanges.receive(b"")
    assert answer is not None
    return answer
