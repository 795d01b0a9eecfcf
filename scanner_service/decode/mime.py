"""The MIME tree of a message (RFC 2045, RFC 2046), from bytes that a stranger chose.

It splits on bytes and gives the library the fields of headers only: the library's own parser over whole bodies costs
12 ms a megabyte, this well below one. It never raises for what is in the message; what is cut short is said.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as Header
from functools import cached_property

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.file_type import file_types
from scanner_service.decode.header_fields import parse_header
from scanner_service.decode.names import names_of
from scanner_service.model.message import DecodedMessage, Part, PartMark

# A multipart's Content-Type longer than this is an attack: the library takes quadratic time for its parameters.
MULTIPART_TYPE_LIMIT_CHARACTERS = 2000

_NAMING_FIELDS = ("Content-Disposition", "Content-Type")
_EMPTY_LINE = re.compile(rb"\r?\n")
_HEADER_END = re.compile(rb"\n\r?\n")
_FIELDS_ONLY = re.compile(rb"(?:[!-9;-~]+[ \t]*:[^\n]*+\n?|[ \t][^\n]*+\n?)*+")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


@dataclass(frozen=True, slots=True)
class _Entity:
    """A header, and where its body lies in the bytes: slices of thirty levels would be sixty copies."""

    header: Header
    source: bytes
    start: int
    end: int

    @property
    def body(self) -> bytes:
        return self.source[self.start : self.end]


class MimePart:
    """A leaf of the tree. Each of its readings is made once, and only if somebody asks."""

    def __init__(
        self, path: str, content_type: str, entity: _Entity, marks: frozenset[PartMark] = frozenset()
    ) -> None:
        self.path = path
        self.content_type = content_type
        self.marks = marks
        self._entity = entity

    @cached_property
    def names(self) -> tuple[str, ...]:
        """See model.message.Part."""
        header = self._entity.header
        return names_of(str(one) for name in _NAMING_FIELDS for one in header.get_all(name, []))

    @cached_property
    def types(self) -> tuple[str, ...]:
        """See model.message.Part."""
        return file_types(self.body)

    @cached_property
    def body(self) -> bytes:
        """See model.message.Part."""
        return _decode_body(self._entity)

    @property
    def size(self) -> int:
        """See model.message.Part."""
        return len(self.body)


@dataclass(slots=True)
class _Tree:
    budget: Budget
    parts: list[Part] = field(default_factory=list)


def decode_message(raw: bytes, budget: Budget, path: str = "", depth: int = 0) -> DecodedMessage:
    """Return the leaves of the MIME tree, transfer encodings undone, in the order of the message.

    ``path`` and ``depth`` are its place, if it is not the message itself but lay in a part.
    """
    tree = _Tree(budget)
    over_limits = None
    message_id = None
    try:
        entity = _read_entity(raw, 0, len(raw), budget.header_bytes)
        message_id = _field(entity.header, "Message-ID")
        _descend(tree, entity, path, depth)
    except OverLimitsError as error:
        over_limits = str(error)
    return DecodedMessage(message_id, tuple(tree.parts), over_limits)


def _descend(tree: _Tree, entity: _Entity, path: str, depth: int) -> None:
    tree.budget.enter(depth)
    tree.budget.count_part()
    content_type = entity.header.get_content_type()
    boundary = _boundary(entity.header) if content_type.startswith("multipart/") else None
    if boundary:
        default_type = "message/rfc822" if content_type == "multipart/digest" else "text/plain"  # RFC 2046 §5.1.5
        number = 0
        for number, (start, end) in enumerate(_split_multipart(tree, entity, boundary), 1):
            part = _read_entity(entity.source, start, end, tree.budget.header_bytes, default_type)
            _descend(tree, part, _below(path, number), depth + 1)
        if number:
            return  # else it is shown as it stands
    if content_type == "message/rfc822":
        decoded = _decode_body(entity)
        _descend(tree, _read_entity(decoded, 0, len(decoded), tree.budget.header_bytes), _below(path, 1), depth + 1)
        return
    tree.parts.append(MimePart(path or "1", content_type, entity))


def _read_entity(
    source: bytes, start: int, end: int, header_limit_bytes: int, default_type: str = "text/plain"
) -> _Entity:
    """Part header and body at the first empty line, or where there is none, at the first line that is no field."""
    limit = min(end, start + header_limit_bytes)
    before_body = _EMPTY_LINE.match(source, start, limit) or _HEADER_END.search(source, start, limit)
    if before_body is None:
        if limit < end:
            raise OverLimitsError(f"a header of more than {header_limit_bytes} bytes")
        before_body = _FIELDS_ONLY.match(source, start, end)
        assert before_body is not None  # the pattern takes no line at all, too
    header = parse_header(source[start : before_body.end()])
    header.set_default_type(default_type)
    return _Entity(header, source, before_body.end(), end)


def _boundary(header: Header) -> bytes | None:
    """Return the boundary, None if there is none that can be read."""
    if len(header["Content-Type"]) > MULTIPART_TYPE_LIMIT_CHARACTERS:
        raise OverLimitsError(f"a multipart type of more than {MULTIPART_TYPE_LIMIT_CHARACTERS} characters")
    try:
        boundary = header.get_boundary()
        return boundary.encode("utf-8", "surrogateescape") if boundary else None
    except (TypeError, ValueError):  # the library, of what RFC 2231 lets a stranger write: boundary*=idna''%ff
        return None


def _split_multipart(tree: _Tree, entity: _Entity, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Yield the entities between delimiter lines (RFC 2046 §5.1.1); the line end before one belongs to it."""
    start = None
    for line_start, line_end, closing in _delimiter_lines(tree, entity, boundary):
        if start is not None:
            yield start, _without_line_end(entity.source, start, line_start)
        start = None if closing else line_end
        if closing:
            return
    if start is not None:  # never closed: the rest is a part, as mail programs show it
        yield start, entity.end


def _delimiter_lines(tree: _Tree, entity: _Entity, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield where each begins and ends, and whether it closes. Only what begins a line is looked at."""
    source, end = entity.source, entity.end
    delimiter = b"\n--" + boundary
    at = source.find(delimiter, entity.start - 1, end)
    while at >= 0:
        after = at + len(delimiter)
        line_end = source.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = source[after:line_end].rstrip()
        if rest in (b"", b"--"):
            yield at + 1, min(line_end + 1, end), rest == b"--"
        else:
            tree.budget.count_part()
        at = source.find(delimiter, line_end, end)


def _without_line_end(source: bytes, start: int, end: int) -> int:
    if end > start and source[end - 1 : end] == b"\n":
        end -= 1
        if end > start and source[end - 1 : end] == b"\r":
            end -= 1
    return end


def _decode_body(entity: _Entity) -> bytes:
    match (_field(entity.header, "Content-Transfer-Encoding") or "").lower():
        case "base64":
            return _decode_base64(entity.body)
        case "quoted-printable":
            return quopri.decodestring(entity.body)
        case _:
            return entity.body


def _decode_base64(body: bytes) -> bytes:
    """Decode what can be decoded: a list's footer after the padding, or a cut end, must not hide the rest."""
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        clean = _NOT_BASE64.sub(b"", body)
        return binascii.a2b_base64(clean[: len(clean) - (len(clean) % 4 == 1)] + b"==")


def _field(header: Header, name: str) -> str | None:
    value = header.get(name)
    return None if value is None else str(value).strip()


def _below(path: str, number: int) -> str:
    return f"{path}.{number}" if path else str(number)
