"""The client's side of one HTTP/1.1 connection, on h11 (RFC 9112).

No I/O: bytes in, answers out. It talks to the scanning service or to a proxy before it, and trusts neither.
"""

from dataclasses import dataclass

import h11

HEADER_LIMIT_BYTES = 64 * 2**10


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
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_LIMIT_BYTES)
        self._response: h11.Response | None = None
        self._body = bytearray()
        self.may_send_body = False
        self.has_begun_to_answer = False

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow, after the answer to the last one."""
        # Bytes after an answer would be taken for the answer to the next request: another mail's verdict.
        whole_and_no_more = self._connection.trailing_data == (b"", False)
        return whole_and_no_more and self._connection.our_state is self._connection.their_state is h11.DONE

    def begin(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Start a request; return the bytes to send."""
        if self._connection.our_state is h11.DONE:
            self._connection.start_next_cycle()
        self._response = None
        self._body.clear()
        self.may_send_body = self.has_begun_to_answer = False
        return self._sent(h11.Request(method=method, target=target, headers=headers))

    def send_body(self, chunk: bytes) -> bytes:
        """Return the bytes to send for a piece of the body."""
        return self._sent(h11.Data(data=chunk))

    def end_body(self) -> bytes:
        """End the request; return the bytes to send.

        Raises:
            BadAnswerError: the body was not as long as the header said; the peer waits for the rest.
        """
        return self._sent(h11.EndOfMessage())

    def receive(self, data: bytes) -> HttpAnswer | None:
        """Feed bytes from the peer; ``b""`` means end of file.

        Returns:
            The answer, or None while more bytes are needed. It may come before the request was sent whole.

        Raises:
            BadAnswerError: it is not HTTP, ends in the middle, is longer than the limit, or is encoded.
        """
        self.has_begun_to_answer = self.has_begun_to_answer or bool(data)
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

    def _sent(self, event: h11.Event) -> bytes:
        try:
            return self._connection.send(event) or b""
        except h11.LocalProtocolError as error:
            raise BadAnswerError(f"request could not be sent whole: {error}") from error


def _must_be_plain(response: h11.Response) -> None:
    # We asked for no encoding; undone by httpx, one could make any number of bytes of those that the limit counts.
    for name, value in response.headers:
        if name == b"content-encoding" and value.lower() != b"identity":
            raise BadAnswerError(f"scanner's answer: want it without encoding, got {value[:40]!r}")
