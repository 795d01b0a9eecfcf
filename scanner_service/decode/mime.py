"""The MIME tree of a message (RFC 2045, RFC 2046), from bytes that a stranger chose.

It splits on bytes and gives the library header blocks only: the library's own parser over whole bodies costs
12 ms a megabyte, this well below one. It never raises for what is in the message; what is cut short is said.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as Header
from email.parser import BytesHeaderParser
from email.policy import compat32

from scanner_service.model.message import DecodedMessage, Part

_BLANK_LINE = re.compile(rb"^\r?\n|\n\r?\n")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Bounds of one tree: how deep, how many parts, how long a header block in bytes."""

    depth: int = 30
    parts: int = 5000
    header_bytes: int = 2**20


class _OverLimitsError(Exception):
    """The tree is larger than the limits; what was read so far is kept."""


@dataclass(slots=True)
class _Tree:
    limits: DecodeLimits
    parts: list[Part] = field(default_factory=list)
    visited: int = 0


def decode_message(raw: bytes, limits: DecodeLimits) -> DecodedMessage:
    """Return the leaves of the MIME tree, transfer encodings undone, in the order of the message."""
    tree = _Tree(limits)
    over_limits = None
    message_id = None
    try:
        header, body = _split_entity(raw, limits)
        message_id = _field(header, "Message-ID")
        _descend(tree, header, body, path="", depth=0)
    except _OverLimitsError as error:
        over_limits = str(error)
    return DecodedMessage(message_id, tuple(tree.parts), over_limits)


def _descend(tree: _Tree, header: Header, body: bytes, path: str, depth: int) -> None:
    tree.visited += 1
    if depth > tree.limits.depth:
        raise _OverLimitsError(f"nested deeper than {tree.limits.depth}")
    if tree.visited > tree.limits.parts:
        raise _OverLimitsError(f"more than {tree.limits.parts} parts")
    content_type = header.get_content_type()
    boundary = header.get_boundary() if content_type.startswith("multipart/") else None
    if boundary:
        for number, entity in enumerate(_split_multipart(body, boundary), 1):
            _descend(tree, *_split_entity(entity, tree.limits), _below(path, number), depth + 1)
        return
    decoded = _undo_transfer_encoding(body, _field(header, "Content-Transfer-Encoding") or "")
    if content_type == "message/rfc822":
        _descend(tree, *_split_entity(decoded, tree.limits), _below(path, 1), depth + 1)
        return
    tree.parts.append(Part(path or "1", content_type, decoded))


def _split_entity(entity: bytes, limits: DecodeLimits) -> tuple[Header, bytes]:
    """Part the header from the body at the first empty line; a body without a header begins with one."""
    blank = _BLANK_LINE.search(entity)
    end = len(entity) if blank is None else blank.end()
    if end > limits.header_bytes:
        raise _OverLimitsError(f"a header of more than {limits.header_bytes} bytes")
    return BytesHeaderParser(policy=compat32).parsebytes(entity[:end]), entity[end:]


def _split_multipart(body: bytes, boundary: str) -> Iterator[bytes]:
    """Yield the entities between delimiter lines (RFC 2046 §5.1.1); the line end before one belongs to it."""
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape")
    start = None
    for line_start, line_end, closing in _delimiter_lines(body, delimiter):
        if start is not None:
            yield body[start : _without_line_end(body, start, line_start)]
        start = None if closing else line_end
        if closing:
            return
    if start is not None:  # never closed: the rest is a part, as mail programs show it
        yield body[start:]


def _delimiter_lines(body: bytes, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    at = body.find(delimiter)
    while at >= 0:
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end + 1
        rest = body[at + len(delimiter) : line_end].rstrip()
        if (at == 0 or body[at - 1 : at] == b"\n") and rest in (b"", b"--"):
            yield at, line_end, rest == b"--"
        at = body.find(delimiter, at + len(delimiter))


def _without_line_end(body: bytes, start: int, end: int) -> int:
    if end > start and body[end - 1 : end] == b"\n":
        end -= 1
        if end > start and body[end - 1 : end] == b"\r":
            end -= 1
    return end


def _undo_transfer_encoding(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return _decode_base64(body)
        case "quoted-printable":
            return quopri.decodestring(body)
        case _:
            return body


def _decode_base64(body: bytes) -> bytes:
    """Decode what can be decoded: a list's footer after the padding, or a cut end, must not hide the rest."""
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        clean = _NOT_BASE64.sub(b"", body).rstrip(b"=")
        return binascii.a2b_base64(clean[: len(clean) - (len(clean) % 4 == 1)] + b"==")


def _field(header: Header, name: str) -> str | None:
    value = header.get(name)
    return None if value is None else str(value).strip()


def _below(path: str, number: int) -> str:
    return f"{path}.{number}" if path else str(number)
