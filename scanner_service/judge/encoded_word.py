"""Encoded words (RFC 2047): how text beyond ASCII stands in a header field."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from quopri import decodestring

LONGEST_WORD = 75  # RFC 2047 §2

ENCODED_WORD = re.compile(r"=\?([!->@-~]+)\?([bBqQ])\?([!->@-~]*)\?=")
_BLANKS_BETWEEN = re.compile(r"(\?=) +(?==\?)")
# Python knows more codecs, such as unicode_escape: none that mail has.
_CHARSETS = re.compile(
    r"utf-8|us-ascii|iso-8859-\d+|windows-125\d|koi8-[ru]|big5|gb\w+|iso-2022-\w+|euc-\w+|shift_jis"
)
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"  # RFC 2047 §5 (3)
_QUOTED = {byte: chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in range(256)} | {ord(" "): "_"}


def encoded_words(text: str, charset: str) -> Iterator[str]:
    """Yield the words that show a text, with a blank between them; the charset must be able to express it."""
    frame = f"=?{charset}?q?", "?="
    room = LONGEST_WORD - len(frame[0]) - len(frame[1])
    word = ""
    for character in text:
        encoded = "".join(_QUOTED[byte] for byte in character.encode(charset))
        if word and len(word) + len(encoded) > room:
            yield word.join(frame)
            word = ""
        word += encoded
    if word:
        yield word.join(frame)


def shown_text(value: str) -> str:
    """Return what a mail program shows of ASCII text; what cannot be decoded stays as it is."""
    return ENCODED_WORD.sub(_decoded, _BLANKS_BETWEEN.sub(r"\1", value))


def _decoded(word: re.Match[str]) -> str:
    charset, encoding, text = word[1].partition("*")[0].lower(), word[2].lower(), word[3]
    if not _CHARSETS.fullmatch(charset):
        return word[0]
    try:
        raw = b64decode(text) if encoding == "b" else decodestring(text.encode("ascii"), header=True)
        return raw.decode(charset, "replace")
    except (Base64Error, LookupError):
        return word[0]
