"""Files that were uuencoded into a text, before there was MIME; mail programs still show them as attachments.

POSIX names two forms: the historical one (``begin 644 name``) and base64 (``begin-base64 644 name``).
"""

import binascii
import re
from collections.abc import Iterator

from scanner_service.decode.budget import Budget
from scanner_service.decode.formats.content import Content, NotThisFormatError
from scanner_service.decode.names import forms_of

_BEGIN = re.compile(rb"^begin(-base64)? ++[0-7]{3,5} ++([^\r\n ][^\r\n]{0,999})\r?\n", re.MULTILINE)
_LINE = re.compile(rb"[^\n]*\n?")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_UU_LINE = re.compile(rb"[ -`]+")
# Decoders take six bits of whatever character is there, and so must this one.
_MASKED = bytes((character - 32 & 63) + 32 for character in range(256))
_CHECKSUM_CHARACTERS = 2  # that some writers put at the end of a line
_BLOCK_LINES = 1000


def open_uuencode(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield each file that begins in the text; one whose end is missing goes as far as its lines do."""
    end = 0
    for begin in _BEGIN.finditer(data):
        budget.check_time()
        if begin.start() < end or not _encodes(data, begin):
            continue
        reader = _Lines(data, begin.end(), is_base64=begin.group(1) is not None)
        held = budget.hold(reader.blocks())
        end = reader.at
        yield Content.of(forms_of([_text(begin.group(2).rstrip())]), held)
    if not end:
        raise NotThisFormatError("no uuencoded file begins in it")


def _encodes(data: bytes, begin: re.Match[bytes]) -> bool:
    """Look at the line below, for "begin 500 words from here" is prose: small letters encode nothing."""
    line = _line_at(data, begin.end()).strip(b"\r\n")
    if begin.group(1):
        return bool(_BASE64_LINE.fullmatch(line.strip()))
    return line.strip() == b"end" or (bool(_UU_LINE.fullmatch(line)) and _decoded(line) is not None)


def _line_at(data: bytes, at: int) -> bytes:
    line = _LINE.match(data, at)
    assert line is not None  # the pattern takes an empty one, too
    return line.group()


class _Lines:
    """Reads the lines of one file; ``at`` is where it stopped."""

    def __init__(self, data: bytes, at: int, *, is_base64: bool) -> None:
        self.at = at
        self._data = data
        self._is_base64 = is_base64

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes, in blocks: a call for each line would cost more than the decoding."""
        block: list[bytes] = []
        for line in self._lines():
            block.append(line)
            if len(block) == _BLOCK_LINES:
                yield b"".join(block)
                block.clear()
        yield b"".join(block)

    def _lines(self) -> Iterator[bytes]:
        last = b"====" if self._is_base64 else b"end"
        while self.at < len(self._data):
            raw = _line_at(self._data, self.at)
            line = raw.strip(b"\r\n")
            if line.startswith(b"begin") and _BEGIN.match(self._data, self.at):
                return  # the end is missing, and the next file must not be lost for it
            self.at += len(raw)
            if line.strip() == last:
                return
            # A line that cannot be decoded is passed over, as uudecode programs do with a warning.
            yield (_decoded_base64(line) if self._is_base64 else _decoded(line)) or b""


def _decoded(line: bytes) -> bytes | None:
    """Decode one line; its first character says how many bytes it holds. Blanks at its end get lost on the way."""
    if not line or not 32 <= line[0] <= 96:
        return None
    size = line[0] - 32 & 63
    if len(line) - 1 > (size + 2) // 3 * 4 + _CHECKSUM_CHARACTERS:
        return None
    digits = (size * 8 + 5) // 6  # what follows to fill four of them may be anything
    return binascii.a2b_uu(line[: 1 + digits].translate(_MASKED))


def _decoded_base64(line: bytes) -> bytes | None:
    try:
        return binascii.a2b_base64(line)
    except binascii.Error:
        return None


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")
