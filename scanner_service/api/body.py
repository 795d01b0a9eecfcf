"""The body of a request, unpacked and bounded."""

import zlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Protocol

import zstandard
from fastapi import Request
from starlette.requests import ClientDisconnect

from scanner_service.api.problem import ProblemError, note_whole_body

_STEP_BYTES = 2**20


class _Unpacker(Protocol):
    """Undoes one content encoding, a step at a time, so that a bomb is met before it went off."""

    def unpack(self, packed: bytes, limit_bytes: int) -> bytes: ...

    def is_complete(self) -> bool: ...


async def read_body(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces, its Content-Encoding undone.

    Raises:
        ProblemError: 400 broken or cut, 413 longer than the limit, 415 an unknown encoding.
    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    unpacker = _unpacker(encoding)
    announced = request.headers.get("content-length", "")
    # Packing makes what cannot be packed longer: a packed length says nothing of the message's.
    if encoding == "identity" and announced.isdigit() and int(announced) > limit_bytes:
        raise too_long(limit_bytes)
    left = limit_bytes
    try:
        async for chunk in request.stream():
            piece = unpacker.unpack(chunk, left + 1)
            left -= len(piece)
            if left < 0:
                raise too_long(limit_bytes)
            if piece:
                yield piece
        note_whole_body(request)
    except ClientDisconnect as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the request ended before its body did") from error
    except (zlib.error, zstandard.ZstdError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body cannot be unpacked: {error}") from error
    if not unpacker.is_complete():
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the packed body ends too early")


def too_long(limit_bytes: int) -> ProblemError:
    """Return the problem of a message beyond the limit."""
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"want at most {limit_bytes} bytes", limit_bytes=limit_bytes
    )


def _unpacker(encoding: str) -> _Unpacker:
    match encoding:
        case "identity":
            return _Identity()
        case "gzip":
            return _Gzip()
        case "zstd":
            return _Zstd()
        case other:
            raise ProblemError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"Content-Encoding: want gzip, zstd or none, got {other[:40]!r}",
                headers={"Accept-Encoding": "gzip, zstd"},
            )


class _Identity:
    def unpack(self, packed: bytes, limit_bytes: int) -> bytes:
        del limit_bytes
        return packed

    def is_complete(self) -> bool:
        return True


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    def unpack(self, packed: bytes, limit_bytes: int) -> bytes:
        piece = self._stream.decompress(packed, limit_bytes)
        if self._stream.unused_data:
            raise zlib.error("bytes after the end")
        return piece

    def is_complete(self) -> bool:
        return self._stream.eof


class _Zstd:
    """One frame whose window is at most 8 MiB, as RFC 8878 §3.1.1.1.2 asks of every decoder."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=8 * 2**20).decompressobj(write_size=_STEP_BYTES)

    def unpack(self, packed: bytes, limit_bytes: int) -> bytes:
        # The object has no bound for what one call returns; 256 bytes hold blocks for 8 MiB at the most.
        pieces = []
        for start in range(0, len(packed), 256):
            pieces.append(self._stream.decompress(packed[start : start + 256]))
            limit_bytes -= len(pieces[-1])
            if limit_bytes < 0:
                break
        if self._stream.unused_data:
            raise zstandard.ZstdError("bytes after the end")
        return b"".join(pieces)

    def is_complete(self) -> bool:
        return self._stream.eof
