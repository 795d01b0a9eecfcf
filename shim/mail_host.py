"""The places of a mail host that a filter depends on, and who is at work there. Reads only, and opens connections."""

import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from shim.courier_config import sysconfdir
from shim.settings import Settings

ANSWER_SECONDS = 10.0
_FLOCK = struct.Struct("@hhqqi")  # fcntl(2), struct flock: type, whence, start, length, process


@dataclass(frozen=True, slots=True)
class Host:
    """Courier's directories; Debian's, but for what the settings and the environment say."""

    settings: Settings
    configuration: Path
    programs: Path = Path("/usr/lib/courier/filters")

    @property
    def socket(self) -> Path:
        """Our filter socket."""
        return self.settings.socket_path

    @property
    def active(self) -> Path:
        """The directory of links to the filters that courierfilter starts, and whose sockets it leaves alone."""
        return self.configuration / "filters/active"

    @property
    def link(self) -> Path:
        """The link to our filter."""
        return self.active / self.settings.socket_name

    @property
    def program(self) -> Path:
        """Where the link leads: ``filterctl`` wants the program under the same name."""
        return self.programs / self.settings.socket_name

    def courierfilter(self) -> int | None:
        """Return the process id of courierfilter, None if it does not run.

        The kernel knows who holds its lock (``filters/courierfilter.c``); a file with a process id may be stale.
        """
        try:
            with (self.settings.filter_directory.parent / "filters/.lock").open("rb") as lock:
                asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                kind, _, _, _, process = _FLOCK.unpack(fcntl.fcntl(lock, fcntl.F_GETLK, asked))
        except FileNotFoundError:
            return None
        return None if kind == fcntl.F_UNLCK else int(process)


def host_of(settings: Settings) -> Host:
    """Return the host that we are on."""
    return Host(settings, sysconfdir())


def is_served(path: Path) -> bool:
    """Whether somebody holds a filter's socket; submit answers 432 for all mail if nobody does.

    Asked with the wrong kind of socket, so that no filter gets a connection that it may not be made for.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
    return True


def is_answered(path: Path) -> bool:
    """Whether a shim's worker is at work behind the socket: it closes a connection that asks nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1) == b""
        except OSError:
            return False
