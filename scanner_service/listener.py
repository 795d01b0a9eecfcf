"""The listening socket, made before the service starts: whoever connects meanwhile waits instead of being refused."""

import grp
import os
import socket
import stat
from pathlib import Path

from scanner_service.settings import Listen

BACKLOG = 1024


class ListenError(Exception):
    """The service cannot listen where it should; the message says where and why."""


def open_listener(listen: Listen) -> socket.socket:
    """Return a bound and listening socket.

    Raises:
        ListenError: see above.
    """
    try:
        if listen.uds is not None:
            return _listen_unix(listen.uds, listen.uds_group)
        return _listen_tcp(listen.host, listen.port)
    except OSError as error:
        raise ListenError(f"cannot listen on {describe(listen)}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise ListenError(f"cannot listen on {describe(listen)}: {error}") from error
    except KeyError as error:
        raise ListenError(f"[listen] uds_group: there is no group {listen.uds_group!r}") from error


def describe(listen: Listen) -> str:
    """Return the address as the shim's setting ``scanners`` has it."""
    if listen.uds is not None:
        return f"unix:{listen.uds}"
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"http://{host}:{listen.port}"


def _listen_unix(path: Path, group: str | None) -> socket.socket:
    """Listen under another name and rename, as the old socket serves until then."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
        raise ListenError(f"cannot listen on unix:{path}: it is there and no socket")
    owner = -1 if group is None else grp.getgrnam(group).gr_gid
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        hidden.unlink(missing_ok=True)
        listener.bind(str(hidden))
        os.chown(hidden, -1, owner)
        hidden.chmod(0o660)
        listener.listen(BACKLOG)
        hidden.rename(path)
    except OSError:
        listener.close()
        hidden.unlink(missing_ok=True)
        raise
    return listener


def _listen_tcp(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
