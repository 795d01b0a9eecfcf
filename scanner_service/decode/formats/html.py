"""Files that an HTML page brings along and a browser saves: ``data:`` addresses and base64 in scripts.

A page cannot be run here, so what its script first has to compute (joins, deciphers, counts up) is not seen.
"""

import binascii
import re
from collections.abc import Iterator
from itertools import chain
from urllib.parse import unquote_to_bytes

from scanner_service.decode.budget import Budget
from scanner_service.decode.file_type import file_types
from scanner_service.decode.formats.content import Content, NotThisFormatError
from scanner_service.decode.names import forms_of

# Shorter ones are no program: the smallest PE file has 97 bytes.
_SHORTEST_CHARACTERS = 100
_DATA_ADDRESS = re.compile(
    rb"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.=+-]+){0,8}),([^\"'<>)\s]{%d,})" % _SHORTEST_CHARACTERS, re.IGNORECASE
)
_BASE64_TEXT = re.compile(rb"(?<=[\"'`])[A-Za-z0-9+/\r\n\\]{%d,}={0,2}(?=[\"'`])" % _SHORTEST_CHARACTERS)
_SAVED_AS = re.compile(rb"\bdownload[\"']?\s*[=:,]\s*[\"']([^\"'<>]{1,255})[\"']", re.IGNORECASE)
_SAVED_AS_LIMIT = 20
_SHOWN = frozenset(("image", "audio", "movie"))  # pages are full of them, and nobody saves them
_DOS_SIGNS = (b"MZ", b"ZM")
_WINDOWS_SIGN = b"PE\0\0"
_WINDOWS_SIGN_WITHIN_BYTES = 4096
_NO_DIGITS = re.compile(rb"\\[rn]?|[^A-Za-z0-9+/]")  # line ends, escaped as scripts have them


def open_html(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the files of a known type in it, under every name by which the page would save one."""
    names = forms_of(_names_saved_as(data))
    found = False
    for content_type, body in chain(_addressed(data, budget), _in_scripts(data, budget)):
        types = file_types(body)
        if types and types[0] not in _SHOWN:
            found = True
            yield Content.of(names, budget.hold([body]), content_type)
    if not found:
        raise NotThisFormatError("the page brings no files along")


def _addressed(data: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    for address in _DATA_ADDRESS.finditer(data):
        budget.check_time()
        content_type, parameters, text = address.groups(b"")
        decoded = unquote_to_bytes(text)
        body = _from_base64(decoded) if b";base64" in parameters.lower() else decoded
        yield content_type.decode("ascii", "replace"), body


def _in_scripts(data: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """Yield what base64 texts hold. Keys and ciphers are base64, too, and some begin with ``MZ`` by chance."""
    for literal in _BASE64_TEXT.finditer(data):
        budget.check_time()
        body = _from_base64(literal.group())
        if not body.startswith(_DOS_SIGNS) or _WINDOWS_SIGN in body[:_WINDOWS_SIGN_WITHIN_BYTES]:
            yield "", body


def _names_saved_as(data: bytes) -> Iterator[str]:
    for number, name in enumerate(_SAVED_AS.finditer(data)):
        if number == _SAVED_AS_LIMIT:
            return
        yield name.group(1).decode("utf-8", "replace")


def _from_base64(text: bytes) -> bytes:
    """Decode what can be decoded: browsers are told nothing of a cut end."""
    digits = _NO_DIGITS.sub(b"", text)
    return binascii.a2b_base64(digits[: len(digits) - (len(digits) % 4 == 1)] + b"==")
