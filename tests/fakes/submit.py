"""Courier's ``submit``, as a filter sees it."""

import socket
from pathlib import Path

PATIENCE_SECONDS = 15.0


def connect(filter_socket: Path) -> socket.socket:
    """Return a connection to the filter, from which reads give up after PATIENCE_SECONDS."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(str(filter_socket))
    except OSError:
        connection.close()
        raise
    return connection


def read_reply(connection: socket.socket) -> bytes:
    """Read until the filter closes."""
    reply = b""
    while data := connection.recv(65536):
        reply += data
    return reply


def submit(filter_socket: Path, request: bytes) -> bytes:
    """Write a request, keep our side open as ``submit`` does, and return the reply."""
    with connect(filter_socket) as connection:
        connection.sendall(request)
        return read_reply(connection)
