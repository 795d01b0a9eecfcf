"""The RTF that Outlook keeps as the text of a message, in .msg files and TNEF (MS-OXRTFCP): LZ77 with a dictionary.

It can hold objects like any RTF, and no attachment tells of them.
"""

import struct
from collections.abc import Iterator

_COMPRESSED, _UNCOMPRESSED = b"LZFu", b"MELA"
_WINDOW_BYTES = 4096
_BLOCK_BYTES = 2**16
# What the dictionary begins with (MS-OXRTFCP §2.1.2.1).
_FIRST_WINDOW = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def decompress_rtf(data: bytes) -> Iterator[bytes]:
    """Yield the RTF in blocks; nothing where the bytes are no compressed RTF. A cut end ends it."""
    if len(data) < 16:
        return
    compressed_size, _, kind = struct.unpack_from("<II4s", data)
    packed = data[16 : 4 + compressed_size]
    if kind == _UNCOMPRESSED:
        yield packed
    elif kind == _COMPRESSED:
        yield from _unpacked(packed)


def _unpacked(packed: bytes) -> Iterator[bytes]:
    """Undo it: of eight tokens each, a byte of flags says which are characters and which refer to the window."""
    # The window's own numbering begins at the dictionary's; here it is one growing text, cut when it is long.
    text = bytearray(_FIRST_WINDOW)
    done = len(text)  # of the text, what has been yielded already
    write = len(_FIRST_WINDOW)  # the window's position, modulo its size
    at = 0
    while at < len(packed):
        flags = packed[at]
        at += 1
        for bit in range(8):
            if at >= len(packed):
                break
            if not flags >> bit & 1:
                text.append(packed[at])
                at += 1
                write += 1
                continue
            reference = int.from_bytes(packed[at : at + 2], "big")
            at += 2
            back = (write - (reference >> 4)) % _WINDOW_BYTES
            if back == 0:  # refers to where it would write: the end
                yield bytes(text[done:])
                return
            length = (reference & 15) + 2
            piece = bytes(text[len(text) - back : len(text) - back + length]) if back <= len(text) else b"\0"
            text += (piece * (length // len(piece) + 1))[:length]
            write += length
        if len(text) - done >= _BLOCK_BYTES:
            yield bytes(text[done:])
            del text[: len(text) - _WINDOW_BYTES]
            done = len(text)
    yield bytes(text[done:])
