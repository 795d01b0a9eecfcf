"""What ``submit`` writes to a filter's socket: paths, one a line, then an empty line.

No I/O. Source: ``courier/cdfilters.C``, ``dofilter``.
"""

from dataclasses import dataclass

REQUEST_LIMIT_BYTES = 2**20  # a path is about 60 bytes and stands for 100 recipients: enough for a million


class FilterRequestError(ValueError):
    """What came is not a filter request; the asker gets a 4xx."""


@dataclass(frozen=True, slots=True)
class FilterRequest:
    """One message: its data file and its control files, absolute paths as the bytes that Courier wrote."""

    data_path: bytes
    control_paths: tuple[bytes, ...]


class FilterRequestParser:
    """Collect bytes until a whole request is there."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def has_begun(self) -> bool:
        """Whether any byte came: a connection opened and closed again is a probe, no request."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> FilterRequest | None:
        """Feed bytes from the socket; ``b""`` means end of file. Bytes after the request are ignored.

        Returns:
            The request, or None while more bytes are needed.

        Raises:
            FilterRequestError: end of file inside a request, more than REQUEST_LIMIT_BYTES, a path that is
                not absolute or has a NUL, or no control file.
        """
        # Only what is new can hold the end, and the LF before it: a slow asker must not cost quadratic time.
        searched = max(0, len(self._buffer) - 1)
        self._buffer += data
        end = self._buffer.find(b"\n\n", searched, REQUEST_LIMIT_BYTES)
        if end >= 0:
            return _parse(bytes(self._buffer[:end]))
        if not data:
            raise FilterRequestError(f"filter request: end of file after {len(self._buffer)} bytes")
        if len(self._buffer) > REQUEST_LIMIT_BYTES:
            raise FilterRequestError(f"filter request: want at most {REQUEST_LIMIT_BYTES} bytes")
        return None


def _parse(head: bytes) -> FilterRequest:
    # A name of one blank stands for "no control file" (submit2.C, namefile); an empty one would end the request.
    data_path, *names = head.split(b"\n")
    control_paths = tuple(name for name in names if name != b" ")
    for path in (data_path, *control_paths):
        if not path.startswith(b"/") or b"\0" in path:
            raise FilterRequestError(f"filter request: want absolute paths without NUL, got {path!r}")
    if not control_paths:
        raise FilterRequestError(f"filter request: no control file beside {data_path!r}")
    return FilterRequest(data_path, control_paths)
