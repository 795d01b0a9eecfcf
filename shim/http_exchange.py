"""The client's side of one HTTP/1.1 connection (RFC 9112).

No I/O: bytes in, answers out. It talks to the scanning service or to a proxy before it, and trusts neither. An answer
in its plainest form, which is what the service sends, is read here; every other goes to h11, which takes ten times as
long and knows all forms. What is plain is so narrow that both read it alike; a test holds them against each other.
"""

import re
from dataclasses import dataclass

import h11

HEADER_LIMIT_BYTES = 64 * 2**10
_PLAIN_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) [ -~]*+\r\n((?:[A-Za-z0-9-]++: [!-~][ -~]*+\r\n)++)\r\n")
_PLAIN_LENGTH = re.compile(rb"\d{1,9}")
_BODILESS = (b"204", b"304")
# They say how to read the body, or whether the connection lives on: beyond what is plain.
_NOT_PLAIN = frozenset((b"connection", b"content-encoding", b"keep-alive", b"transfer-encoding", b"upgrade"))
_REQUEST_HEAD = re.compile(
    rb"[A-Z]++ [!-~]++ HTTP/1\.1\r\n(?:[!#-'*+.0-9A-Z^-z|~-]++: [\t -~\x80-\xff]*+\r\n)++\r\n"  # RFC 9110 §5.1, §5.5
)


class BadAnswerError(Exception):
    """What came is not HTTP, not an answer to what was asked, or too long."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer: status, header fields as they came, body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class HttpExchanges:
    """One request after another; ``may_send_body`` turns true when the peer said 100 Continue."""

    def __init__(self, answer_limit_bytes: int) -> None:
        self._limit = answer_limit_bytes
        self._unsent_bytes: int | None = 0  # of the body as announced; None when the request has ended
        self._plain: _PlainAnswer | None = None
        self._other: _OtherAnswer | None = None
        self.has_begun_to_answer = False

    @property
    def may_send_body(self) -> bool:
        """Whether the peer has asked for it."""
        return self._other is not None and self._other.may_send_body

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow, after the answer to the last one."""
        # Bytes after an answer would be taken for the answer to the next request: another mail's verdict.
        reader = self._plain or self._other
        return self._unsent_bytes is None and reader is not None and reader.is_whole_and_no_more

    def begin(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Start a request; return the bytes to send.

        Raises:
            ValueError: a header field that would be two, or none.
        """
        lines = [b"%b: %b\r\n" % field for field in headers]
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, b"".join(lines))
        if not _REQUEST_HEAD.fullmatch(head):
            raise ValueError(f"request: want header fields as RFC 9110 has them, got {head[:200]!r}")
        self._unsent_bytes = announced_length(headers)
        self._plain = self._other = None
        self.has_begun_to_answer = False
        return head

    def send_body(self, chunk: bytes) -> bytes:
        """Return the bytes to send for a piece of the body.

        Raises:
            BadAnswerError: see end_body.
        """
        assert self._unsent_bytes is not None
        self._unsent_bytes -= len(chunk)
        if self._unsent_bytes < 0:
            raise BadAnswerError("request could not be sent whole: Too much for its Content-Length")
        return chunk

    def end_body(self) -> bytes:
        """End the request; return the bytes to send.

        Raises:
            BadAnswerError: the body was not as long as the header said; the peer waits for the rest.
        """
        if self._unsent_bytes:
            raise BadAnswerError("request could not be sent whole: Too little for its Content-Length")
        self._unsent_bytes = None
        return b""

    def receive(self, data: bytes) -> HttpAnswer | None:
        """Feed bytes from the peer; ``b""`` means end of file.

        Returns:
            The answer, or None while more bytes are needed. It may come before the request was sent whole.

        Raises:
            BadAnswerError: it is not HTTP, ends in the middle, is longer than the limit, or is encoded.
        """
        if self._plain is None and self._other is None:
            self._plain = _begin_plain_answer(data, self._limit)
            self._other = None if self._plain else _OtherAnswer(self._limit)
            self.has_begun_to_answer = bool(data)
            return self._plain.answer if self._plain else self._receive_other(data)
        if self._plain is None:
            return self._receive_other(data)
        if not data:
            said = f"received {len(self._plain.body)} bytes, expected {self._plain.length}"
            raise BadAnswerError(f"scanner's answer is not HTTP: it was cut short: {said}")
        self._plain.body += data
        return self._plain.answer

    def _receive_other(self, data: bytes) -> HttpAnswer | None:
        assert self._other is not None
        self.has_begun_to_answer = self.has_begun_to_answer or bool(data)
        return self._other.receive(data)


@dataclass(slots=True)
class _PlainAnswer:
    """An answer whose head came in one piece, with a length and nothing special; and its body so far."""

    status: int
    headers: list[tuple[bytes, bytes]]
    length: int
    body: bytearray

    @property
    def answer(self) -> HttpAnswer | None:
        if len(self.body) < self.length:
            return None
        return HttpAnswer(self.status, self.headers, bytes(memoryview(self.body)[: self.length]))

    @property
    def is_whole_and_no_more(self) -> bool:
        return len(self.body) == self.length


def _begin_plain_answer(data: bytes, limit_bytes: int) -> _PlainAnswer | None:
    """Return the answer that begins with these bytes, None if its head is not here or not plain."""
    head = _PLAIN_HEAD.match(data, 0, HEADER_LIMIT_BYTES)
    if head is None or head[1] in _BODILESS:
        return None
    fields = (line.partition(b": ") for line in head[2].splitlines())
    headers = [(name, value.rstrip(b" ")) for name, _, value in fields]
    names = [name.lower() for name, _ in headers]
    if names.count(b"content-length") != 1 or not _NOT_PLAIN.isdisjoint(names):
        return None
    length = headers[names.index(b"content-length")][1]
    if not _PLAIN_LENGTH.fullmatch(length) or int(length) > limit_bytes:
        return None
    return _PlainAnswer(int(head[1]), headers, int(length), bytearray(data[head.end() :]))


class _OtherAnswer:
    """An answer as h11 reads it: interim answers before it, chunked, up to the end of the connection, or wrong."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_LIMIT_BYTES)
        # It has to know that something was asked; what it was makes no difference but for HEAD and CONNECT.
        self._connection.send(h11.Request(method="GET", target="/", headers=[("Host", "scanner")]))
        self._connection.send(h11.EndOfMessage())
        self._response: h11.Response | None = None
        self._body = bytearray()
        self.may_send_body = False

    @property
    def is_whole_and_no_more(self) -> bool:
        return self._connection.their_state is h11.DONE and self._connection.trailing_data == (b"", False)

    def receive(self, data: bytes) -> HttpAnswer | None:
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return None
                if isinstance(event, h11.EndOfMessage):
                    return self._answer()
                self._take(event)
        except h11.RemoteProtocolError as error:
            raise BadAnswerError(f"scanner's answer is not HTTP: {error}") from error

    def _take(self, event: object) -> None:
        if isinstance(event, h11.InformationalResponse):
            self.may_send_body = self.may_send_body or event.status_code == 100
        elif isinstance(event, h11.Response):
            _must_be_plain(event)
            self._response = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > self._limit:
                raise BadAnswerError(f"scanner's answer: want at most {self._limit} bytes")
        else:
            raise BadAnswerError("scanner's answer: connection closed before it began")

    def _answer(self) -> HttpAnswer:
        assert self._response is not None
        return HttpAnswer(self._response.status_code, list(self._response.headers.raw_items()), bytes(self._body))


def announced_length(headers: list[tuple[bytes, bytes]]) -> int:
    """Return what Content-Length says, 0 where there is none."""
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), 0)


def _must_be_plain(response: h11.Response) -> None:
    # We asked for no encoding; undone by httpx, one could make any number of bytes of those that the limit counts.
    for name, value in response.headers:
        if name == b"content-encoding" and value.lower() != b"identity":
            raise BadAnswerError(f"scanner's answer: want it without encoding, got {value[:40]!r}")
