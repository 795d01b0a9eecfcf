"""An answer that comes before the body has: it reaches a client that is still sending."""

import socket

import pytest

from tests.scanner_service.api.conftest import LIMIT_BYTES
from tests.scanner_service.live_service import LiveService, raw_headers

BODY_BYTES = 50 * LIMIT_BYTES
CHUNK = bytes(100_000)


def head(connection: str, framing: str, **more: str) -> bytes:
    fields = {"Host": "localhost", "Connection": connection, **raw_headers(), **more}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"POST /v1/verdicts HTTP/1.1\r\n{''.join(lines)}{framing}\r\n\r\n".encode()


def read_to_end(connection: socket.socket) -> bytes:
    answer = b""
    while data := connection.recv(65536):
        answer += data
    return answer


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize(
    ("framing", "chunk"),
    [(f"Content-Length: {BODY_BYTES}", CHUNK), ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize(
    ("more", "status"),
    [({}, b"413"), ({"X-Forwarded-For": "192.0.2.1"}, b"401"), ({"Content-Type": "text/plain"}, b"415")],
    ids=["too long", "no token", "another type"],
)
def test_who_reads_when_all_is_sent_still_gets_it(
    service: LiveService, connection: str, framing: str, chunk: bytes, more: dict[str, str], status: bytes
) -> None:
    with service.connect() as client:
        client.sendall(head(connection, framing, **more))
        for _ in range(BODY_BYTES // len(CHUNK)):
            client.sendall(chunk)
        if "chunked" in framing:
            client.sendall(b"0\r\n\r\n")
        answer = read_to_end(client)

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.lower().count(b"connection: close") == 1
    assert answer.endswith(b"}")


def test_who_never_ends_is_cut_off(service: LiveService) -> None:
    sent = 0

    with service.connect() as client, pytest.raises(ConnectionError):
        client.sendall(head("keep-alive", "Content-Length: 99999999999"))
        while sent < 4 * 2**30:
            client.sendall(CHUNK)
            sent += len(CHUNK)


def test_who_sends_no_more_is_not_waited_for(service: LiveService) -> None:
    with service.connect() as client:
        client.sendall(head("keep-alive", "Content-Length: 99999999999"))
        answer = read_to_end(client)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_answer_to_a_whole_request_leaves_the_connection_open(service: LiveService) -> None:
    with service.connect() as client:
        client.sendall(head("keep-alive", "Content-Length: 0", **{"Couriergate-Envelope": "!"}))
        refused = client.recv(65536)
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        alive = client.recv(65536)

    assert refused.startswith(b"HTTP/1.1 400 ")
    assert alive.startswith(b"HTTP/1.1 200 ")
