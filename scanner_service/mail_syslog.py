"""Lines for the mail host's system log, facility mail, under a tag of the administrator's.

Mail does not wait for a log: a line that the system log does not take at once is lost, and that is said once.
"""

import os
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

import structlog

DEFAULT_SOCKET = Path("/dev/log")
_MAIL_INFO = 2 << 3 | 6  # facility mail, severity info (RFC 3164 §4.1.1)
_LOG = structlog.get_logger()


@dataclass(slots=True)
class MailSyslog:
    """Writes to a datagram socket, or to standard error on a host without one."""

    path: Path
    tag: str
    lost: int = 0
    _socket: socket.socket | None = field(default=None, repr=False)

    def write(self, line: str) -> None:
        """Write a line of printable ASCII, or lose it."""
        datagram = f"<{_MAIL_INFO}>{self.tag}[{os.getpid()}]: {line}".encode("ascii", "replace")
        try:
            self._send(datagram)
        except FileNotFoundError:
            sys.stderr.write(f"{self.tag}: {line}\n")
        except OSError as error:
            self._lose(error)
        else:
            self._recover()

    def close(self) -> None:
        """Give the socket back; the next line opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, datagram: bytes) -> None:
        """Send it, and once more over a new connection: a system log that was restarted has another socket."""
        if self._socket is not None:
            try:
                self._socket.send(datagram)
            except BlockingIOError:  # it is full: another connection would end in the same queue
                raise
            except OSError:
                self.close()
            else:
                return
        self._connect()
        assert self._socket is not None
        self._socket.send(datagram)

    def _connect(self) -> None:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        opened.setblocking(False)
        try:
            opened.connect(str(self.path))
        except OSError:
            opened.close()
            raise
        self._socket = opened

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        if self.lost == 1:
            _LOG.warning("syslog", path=str(self.path), problem=f"lines are lost: {error.strerror or error}")

    def _recover(self) -> None:
        if self.lost:
            _LOG.warning("syslog", path=str(self.path), now="well again", lost=self.lost)
            self.lost = 0
