"""A header that does not end is cut off before it fills the memory."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.running_service import running_service

REQUEST_LINE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize("beginning", [REQUEST_LINE + b"X-Long: ", b"GET /", REQUEST_LINE])
def test_a_header_that_does_not_end_is_answered_431_and_cut_off(tmp_path: Path, beginning: bytes) -> None:
    with running_service(tmp_path) as url, connect(url) as connection:
        sent, answer = send_until_answered(connection, beginning)

    assert sent < 4 * 2**20
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""


def test_a_header_of_thirty_kilobytes_is_taken_again_and_again(tmp_path: Path) -> None:
    request = REQUEST_LINE + b"X-Long: " + b"a" * 30_000 + b"\r\n\r\n"

    with running_service(tmp_path) as url, connect(url) as connection:
        answers = [ask(connection, request) for _ in range(5)]

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)


def test_head_and_body_of_an_answer_come_at_once(tmp_path: Path) -> None:
    with running_service(tmp_path) as url, connect(url) as connection:
        answers = []
        for _ in range(20):
            connection.sendall(REQUEST_LINE + b"\r\n")
            answers.append(connection.recv(65536))

    assert all(answer.endswith(b'{"status":"ok"}') for answer in answers)


def test_an_answer_that_has_no_body_comes_as_well(tmp_path: Path) -> None:
    with running_service(tmp_path) as url, connect(url) as connection:
        connection.sendall(REQUEST_LINE.replace(b"GET", b"HEAD", 1) + b"\r\n")

        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.endswith(b"\r\n\r\n")


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def send_until_answered(connection: socket.socket, beginning: bytes) -> tuple[int, bytes]:
    """Send without end; return how many bytes went out, and the answer, empty if the connection was just cut."""
    sent = 0
    piece = beginning
    try:
        while sent < 100 * 2**20:
            connection.sendall(piece)
            sent += len(piece)
            piece = b"a" * 65536 if not beginning.endswith(b"\r\n") else b"X-Many: one\r\n" * 5000
    except ConnectionError:
        pass
    try:
        return sent, connection.recv(65536)
    except ConnectionError:
        return sent, b""


def ask(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b'{"status":"ok"}'):
        answer += connection.recv(65536)
    return answer
