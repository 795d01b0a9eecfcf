"""The client's end of an SMTP session that sends what the dialog says, right or wrong."""

import socket

from tests.scenarios.courier_mta import SMTP_PORT
from tests.scenarios.transcript import Transcript

_REPLY_LIMIT_SECONDS = 30
_SHOWN_MESSAGE_BYTES = 2000


class SmtpConnection:
    """One session, from a loopback address of our choice: Courier takes 127.0.0.1 for a relay client."""

    def __init__(self, source: str, transcript: Transcript) -> None:
        self._transcript = transcript
        server = "::1" if ":" in source else "127.0.0.1"
        self._socket = socket.create_connection((server, SMTP_PORT), _REPLY_LIMIT_SECONDS, (source, 0))
        self._replies = self._socket.makefile("rb")
        transcript.add("!", f"connected from {source}")

    def send_commands(self, commands: tuple[bytes, ...]) -> None:
        for command in commands:
            self._transcript.add("C:", _readable(command))
        self._socket.sendall(b"".join(command + b"\r\n" for command in commands))

    def send_message(self, message: bytes) -> None:
        self._transcript.add("C<", _readable(message[:_SHOWN_MESSAGE_BYTES]))
        self._socket.sendall(as_smtp_data(message))

    def read_reply(self) -> str:
        """Return the last line of the next reply; empty if the server has closed the connection."""
        while True:
            line = _readable(self._replies.readline().removesuffix(b"\r\n"))
            self._transcript.add("S:", line)
            if line[3:4] != "-":
                return line

    def close(self) -> None:
        self._replies.close()
        self._socket.close()


def as_smtp_data(message: bytes) -> bytes:
    """Give a message the line ends, the doubled dots and the final dot of RFC 5321 section 4.5.2."""
    lines = message.removesuffix(b"\n").split(b"\n")
    stuffed = (b"." + line if line.startswith(b".") else line for line in lines)
    return b"\r\n".join([*stuffed, b".", b""])


def _readable(line: bytes) -> str:
    return line.decode(errors="backslashreplace")
