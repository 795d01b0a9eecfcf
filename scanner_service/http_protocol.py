"""uvicorn's HTTP protocol with a bound on the header, which httptools has not.

Without it a stranger's header would fill the memory before anybody asks for a token.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_LIMIT_BYTES = 64 * 2**10  # checked at each read, so that one read more may come in

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedHeaderProtocol(HttpToolsProtocol):
    """Answers 431 and hangs up when a header does not end."""

    _header_bytes = 0
    _is_in_header = True

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
