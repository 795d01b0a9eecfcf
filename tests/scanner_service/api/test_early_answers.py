"""An answer that comes before the body has: it reaches a client that is still sending."""

import gzip
import socket

import pytest

from tests.scanner_service.api.conftest import LIMIT_BYTES
from tests.scanner_service.live_service import LiveService, raw_headers
from tests.scanner_service.messages import CLEAN

BODY_BYTES = 50 * LIMIT_BYTES
CHUNK = bytes(100_000)
BY_LENGTH, CHUNKED = f"Content-Length: {BODY_BYTES}", "Transfer-Encoding: chunked"


def head(connection: str, framing: str, **more: str) -> bytes:
    fields = {"Host": "localhost", "Connection": connection, **raw_headers(), **more}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"POST /v1/verdicts HTTP/1.1\r\n{''.join(lines)}{framing}\r\n\r\n".encode()


def send_chunks(connection: socket.socket, body_bytes: int, chunk: bytes = CHUNK) -> None:
    for _ in range(body_bytes // len(CHUNK)):
        connection.sendall(chunk)


def read_to_end(connection: socket.socket) -> bytes:
    answer = b""
    while data := connection.recv(65536):
        answer += data
    return answer


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("framing", [BY_LENGTH, CHUNKED])
@pytest.mark.parametrize(
    ("more", "status"),
    [({}, b"413"), ({"X-Forwarded-For": "192.0.2.1"}, b"401"), ({"Content-Type": "text/plain"}, b"415")],
    ids=["too long", "no token", "another type"],
)
def test_who_reads_when_all_is_sent_still_gets_it(
    service: LiveService, connection: str, framing: str, more: dict[str, str], status: bytes
) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if framing == CHUNKED else CHUNK

    with service.connect() as client:
        client.sendall(head(connection, framing, **more))
        send_chunks(client, BODY_BYTES, chunk)
        client.sendall(b"0\r\n\r\n" if framing == CHUNKED else b"")
        answer = read_to_end(client)

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.lower().count(b"connection: close") == 1
    assert answer.endswith(b"}")


def test_who_never_ends_is_cut_off(service: LiveService) -> None:
    with service.connect() as client:
        client.sendall(head("keep-alive", "Content-Length: 99999999999"))
        with pytest.raises(ConnectionError):
            send_chunks(client, 4 * 2**30)


def test_who_sends_no_more_is_not_waited_for(service: LiveService) -> None:
    with service.connect() as client:
        client.sendall(head("keep-alive", "Content-Length: 99999999999"))
        answer = read_to_end(client)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_answer_to_a_whole_request_leaves_the_connection_open(service: LiveService) -> None:
    cut = gzip.compress(CLEAN)[:20]

    with service.connect() as client:
        client.sendall(head("keep-alive", f"Content-Length: {len(cut)}", **{"Content-Encoding": "gzip"}) + cut)
        refused = client.recv(65536)
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        alive = client.recv(65536)

    assert refused.startswith(b"HTTP/1.1 400 ")
    assert alive.startswith(b"HTTP/1.1 200 ")
