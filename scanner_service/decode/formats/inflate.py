"""Deflated bytes in the midst of others, in blocks: neither what comes out nor what follows is copied as a whole."""

import zlib
from collections.abc import Iterator

_INPUT_BYTES = 2**14
_OUTPUT_BYTES = 2**18


def inflate(data: bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield what is deflated there, up to where it ends or the bytes do; zlib.error where it cannot go on."""
    inflater = zlib.decompressobj()
    view = memoryview(data)[start:end]
    for at in range(0, len(view), _INPUT_BYTES):
        pending: bytes | memoryview = view[at : at + _INPUT_BYTES]
        while pending:
            yield inflater.decompress(pending, _OUTPUT_BYTES)
            pending = inflater.unconsumed_tail
        if inflater.eof:
            return
