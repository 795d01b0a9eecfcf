"""Courier's esmtpd and submit in small: an SMTP server that asks the filters about each message, and delivers it.

It heeds the first line of ``enablefiltering``, asks the sockets of ``allfilters`` in the byte order of their names,
and takes their replies as ``courier/cdfilters.C`` does.
"""

import os
import re
import socket
import socketserver
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from shim.control_file import parse_control_file
from tests.fakes.courier_queue import control_file, request_for
from tests.fakes.submit import submit


class FakeEsmtpd:
    """The server; ``delivered`` has each message that somebody got."""

    def __init__(self, directory: Path) -> None:
        """Serve for the mail host of this directory, and tell it our address."""
        self.delivered: list[bytes] = []
        self.refused_recipients = False
        self._directory = directory
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.esmtpd = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        (directory / "esmtpd").write_text(f"PORT=smtp\nADDRESS=127.0.0.1\nPORT={self._server.server_address[1]}\n")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, sender: bytes, recipient: bytes, message: bytes) -> bytes:
        """Ask the filters and deliver; return the reply to the client."""
        (self._directory / "tmp").mkdir(exist_ok=True)
        data, control = self._directory / "tmp/D9", self._directory / "tmp/C9"
        data.write_bytes(message)
        control.write_bytes(control_file(sender, [recipient]))
        reply = self._ask_filters(request_for(data, control))
        if reply[:1] not in b"45" and not parse_control_file(control.read_bytes(), "").recipients[0].done:
            self.delivered.append(message)
        return reply

    def _ask_filters(self, request: bytes) -> bytes:
        if not (self._directory / "enablefiltering").read_text().split("\n")[0].startswith("esmtp"):
            return b"250 Ok. 1"
        for path in sorted((self._directory / "allfilters").glob("[!.]*"), key=os.fsencode):
            try:
                reply = submit(path, request)
            except OSError:
                return b"432 Mail filters temporarily unavailable."
            if reply[:1] in b"45":
                return reply.rstrip(b"\n")
            if reply[:1] == b"0":
                return b"2" + reply[1:].rstrip(b"\n")
        return b"250 Ok. 1"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    esmtpd: FakeEsmtpd


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        esmtpd, sender, recipient = self.server.esmtpd, b"", b""
        self._say(b"220 mx.test.example ESMTP")
        while line := self.rfile.readline():
            address = b"".join(re.findall(rb"<(.*?)>", line))
            match line[:4].upper():
                case b"MAIL":
                    sender = address
                    self._say(b"250 Ok.")
                case b"RCPT" if esmtpd.refused_recipients:
                    self._say(b"550 User <postmaster> unknown")
                case b"RCPT":
                    recipient = address
                    self._say(b"250 Ok.")
                case b"DATA":
                    self._say(b"354 Ok.")
                    self._say(esmtpd.take(sender, recipient, self._read_message()))
                case b"QUIT":
                    self._say(b"221 Bye.")
                    return
                case _:
                    self._say(b"250 mx.test.example Ok.")

    def _read_message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removesuffix(b"\r\n") + b"\n")
        return b"".join(lines)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class FakeFilter:
    """A filter that answers every message alike; with None it is dead, and its socket is still there."""

    def __init__(self, path: Path, reply: bytes | None) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._reply = reply
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        if self._reply is None:
            self._listener.close()
        else:
            self._listener.listen(8)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reply is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._listener.close()

    def _serve(self) -> None:
        assert self._reply is not None
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            with connection:
                request = b""
                while not request.endswith(b"\n\n") and (data := connection.recv(65536)):
                    request += data
                if request:
                    connection.sendall(self._reply)
