"""Where a daemon listens: on a unix socket, or on TCP."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """A unix socket's path, or a TCP host and port."""

    path: str | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def read(cls, text: str) -> "DaemonAddress":
        """Return the address that settings write as ``unix:/path`` or ``tcp:host:port``; they have checked it."""
        kind, _, rest = text.partition(":")
        if kind == "unix":
            return cls(path=rest)
        host, _, port = rest.rpartition(":")
        return cls(host=host.strip("[]"), port=int(port))

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"tcp:{self.host}:{self.port}"

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection; raises OSError where there is none to be had. Wait limits are the caller's."""
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(self.host, self.port)
