"""Content-Transfer-Encodings undone (RFC 2045 §6), also where they are not as they should be."""

import binascii
import quopri
import re
from enum import Enum

from scanner_service.decode.reading import Defect, Fork, Reading

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANK = b" \t\r\n"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/= \t\r\n]")
_PADDING = re.compile(rb"=[= \t\r\n]*")
_AS_IT_STANDS = ("", "7bit", "8bit", "binary")


class TransferEncoding(Enum):
    """How to undo one; the last two are the other ways to read a base64 that is not as it should be."""

    NONE = "none"
    QUOTED_PRINTABLE = "quoted-printable"
    BASE64 = "base64"
    BASE64_PAST_PADDING = "base64, on after padding"
    BASE64_UP_TO_FOREIGN = "base64, up to a foreign character"


def encoding_of(reading: Reading, word: str, path: str) -> TransferEncoding:
    """Return the encoding that a field's value names."""
    word = word.strip().lower()
    if word in ("base64", "quoted-printable"):
        return TransferEncoding(word)
    if word in _AS_IT_STANDS:
        return TransferEncoding.NONE
    reading.note(Defect.UNKNOWN_ENCODING, path)
    if reading.takes(Fork.LOOSE_ENCODING):
        if "64" in word:
            return TransferEncoding.BASE64
        if "quoted" in word or "printable" in word:
            return TransferEncoding.QUOTED_PRINTABLE
    return TransferEncoding.NONE


def look_at_base64(reading: Reading, body: bytes, path: str) -> TransferEncoding:
    """Return how this reading is to decode it."""
    others = body.translate(None, _BASE64)  # a regular expression costs ten times as much
    if (len(body) - len(others)) % 4 == 1 and not others.strip(_BLANK):
        reading.note(Defect.CUT_BASE64, path)
    chosen = TransferEncoding.BASE64
    is_foreign = bool(others.translate(None, _BLANK + b"="))
    padding = _PADDING.search(body, body.find(b"=")) if b"=" in others else None
    rest = body[padding.end() :] if padding else b""
    if rest:
        fork = Fork.FOOTER if _FOREIGN.search(rest) else Fork.AFTER_PADDING
        if reading.takes(fork):
            chosen = TransferEncoding.BASE64_PAST_PADDING
    if is_foreign and reading.takes(Fork.FOREIGN):
        chosen = TransferEncoding.BASE64_UP_TO_FOREIGN
    return chosen


def decode(body: bytes, encoding: TransferEncoding) -> bytes:
    """Return the bytes that were encoded, as far as they can be read."""
    match encoding:
        case TransferEncoding.NONE:
            return body
        case TransferEncoding.QUOTED_PRINTABLE:
            return quopri.decodestring(body)
        case TransferEncoding.BASE64:
            return _decode_base64(body)
        case TransferEncoding.BASE64_PAST_PADDING:
            return b"".join(map(_decode_unpadded, _PADDING.split(body)))
        case TransferEncoding.BASE64_UP_TO_FOREIGN:
            foreign = _FOREIGN.search(body)
            return _decode_base64(body[: foreign.start()] if foreign else body)


def _decode_base64(body: bytes) -> bytes:
    """Decode what can be decoded: a list's footer after the padding, or a cut end, must not hide the rest."""
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        return _decode_unpadded(body)


def _decode_unpadded(body: bytes) -> bytes:
    clean = body.translate(None, _NOT_BASE64)
    return binascii.a2b_base64(clean[: len(clean) - (len(clean) % 4 == 1)] + b"==")
