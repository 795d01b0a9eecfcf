"""uvicorn's HTTP protocol with a bound on the header, which httptools has not, and with one write for an answer.

Without the bound a stranger's header would fill the memory before anybody asks for a token.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_LIMIT_BYTES = 64 * 2**10  # checked at each read, so that one read more may come in

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedHeaderProtocol(HttpToolsProtocol):
    """Answers 431 and hangs up when a header does not end."""

    _header_bytes = 0
    _is_in_header = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See HttpToolsProtocol."""
        super().connection_made(_HeadWithBody(transport, self.loop))  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        """See HttpToolsProtocol: the first byte of a request is here."""
        self._header_bytes = 0
        self._is_in_header = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See HttpToolsProtocol: what follows is body, which the application bounds."""
        self._is_in_header = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """See HttpToolsProtocol."""
        super().data_received(data)
        if self._is_in_header:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_LIMIT_BYTES and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()


class _HeadWithBody:
    """A transport that holds what is written until the end of this turn of the event loop.

    uvicorn writes head and body of an answer by themselves, in the same turn; sent like that, they wake the client
    twice.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """See asyncio.Transport."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """See asyncio.Transport: what was written before is still sent."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Return everything else as the transport has it."""
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, []
            self._transport.write(b"".join(held))
