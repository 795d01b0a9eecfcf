"""The MIME tree of a message (RFC 2045, RFC 2046), from bytes that a stranger chose.

It splits on bytes and gives the library the fields of headers only: the library's own parser over whole bodies costs
12 ms a megabyte, this well below one. It never raises for what is in the message; what is cut short is said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.encrypted_mail import is_encrypted_mail
from scanner_service.decode.entity import Entity, boundary_of, field_of, read_entity, with_line_ends_of
from scanner_service.decode.file_type import LOOKED_AT_BYTES, file_types
from scanner_service.decode.names import declared_names, names_of
from scanner_service.decode.reading import Defect, Fork, Reading
from scanner_service.decode.transfer_encoding import TransferEncoding, decode, encoding_of, look_at_base64
from scanner_service.model.message import DecodedMessage, PartMark

MESSAGE_TYPES = ("message/rfc822", "message/global")  # the second: RFC 6532 §3.7

_NAMING_FIELDS = ("Content-Disposition", "Content-Type")
# As much of an encoded body as tells its type, with line ends: LOOKED_AT_BYTES take a third more in base64.
_BEGINNING_BYTES = 2 * LOOKED_AT_BYTES
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")
_LIKE_A_DELIMITER = re.compile(rb"^--(?=[ \t-]*+[^ \t\r\n-])([^\r\n]{1,200}+)\r?$", re.MULTILINE)


class MimePart:
    """A leaf of the tree. Each of its readings is made once, and only if somebody asks."""

    def __init__(self, path: str, entity: Entity, encoding: TransferEncoding) -> None:
        self.path = path
        self.content_type = entity.content_type
        self.encoding = encoding
        self._entity = entity

    @cached_property
    def naming_fields(self) -> tuple[str, ...]:
        """The fields that may name it, as they stand."""
        return _naming_fields(self._entity)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """See model.message.Part."""
        return names_of(self.naming_fields)

    @cached_property
    def declared_names(self) -> tuple[str, ...]:
        """What its parameters say, each by itself and as most programs read it; see names.declared_names."""
        return declared_names(self.naming_fields)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """See model.message.Part."""
        if "body" not in self.__dict__ and self.encoded_size > _BEGINNING_BYTES:
            source, start = self._entity.source, self._entity.start
            end = source.rfind(b"\n", start, start + _BEGINNING_BYTES)  # whole lines decode at once
            beginning = decode(source[start : end if end > start else start + _BEGINNING_BYTES], self.encoding)
            if len(beginning) >= LOOKED_AT_BYTES:
                return file_types(beginning)
        return file_types(self.body)

    @cached_property
    def body(self) -> bytes:
        """See model.message.Part."""
        return decode(self._entity.body, self.encoding)

    @cached_property
    def marks(self) -> frozenset[PartMark]:
        """See model.message.Part."""
        return frozenset({PartMark.ENCRYPTED} if is_encrypted_mail(self.names, self.body) else ())

    @property
    def size(self) -> int:
        """See model.message.Part."""
        return len(self.body)

    @property
    def encoded_size(self) -> int:
        """Its bytes before the transfer encoding is undone."""
        return self._entity.end - self._entity.start

    @cached_property
    def digest(self) -> bytes:
        """Tells bodies apart without keeping them."""
        body = self.__dict__.get("body")
        return sha256(decode(self._entity.body, self.encoding) if body is None else body).digest()

    @property
    def sha256(self) -> str:
        """See model.message.Part."""
        return self.digest.hex()

    @property
    def is_visible(self) -> bool:
        """Whether any program has something to show: on the other side of a delimiter is often an empty part."""
        entity = self._entity
        return _NOT_BLANK.search(entity.source, entity.start, entity.end) is not None or any(self.declared_names)

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Two parts with the same one show the same; two that show the same may have different ones."""
        entity = self._entity
        return (self.content_type, self.naming_fields, self.encoding, entity.source, entity.start, entity.end)


@dataclass(slots=True)
class Tree:
    """What one reading made of a message."""

    reading: Reading
    message_id: str | None = None
    parts: list[MimePart] = field(default_factory=list)
    over_limits: str | None = None


def decode_message(raw: bytes, budget: Budget, path: str = "", depth: int = 0) -> DecodedMessage:
    """Return the leaves of the MIME tree, transfer encodings undone, in the order of the message.

    ``path`` and ``depth`` are its place, if it is not the message itself but lay in a part. This is the reading of
    most programs; decode.witness has the others.
    """
    tree = read_tree(raw, Reading(budget), path, depth)
    return DecodedMessage(
        tree.message_id, tuple(tree.parts), tree.over_limits, defects=defects_in_words(tree.reading)
    )


def read_tree(raw: bytes, reading: Reading, path: str = "", depth: int = 0) -> Tree:
    """Read a message in this way; see decode_message."""
    tree = Tree(reading)
    try:
        raw = with_line_ends_of(reading, raw)
        entity = read_entity(reading, raw, (0, len(raw)), path)
        tree.message_id = field_of(entity.header, "Message-ID")
        _descend(tree, entity, path, depth)
    except OverLimitsError as error:
        tree.over_limits = str(error)
    return tree


def defects_in_words(reading: Reading) -> tuple[str, ...]:
    """Return one line for each kind of defect, with the first part that has it."""
    return tuple(f"{defect} ({path})" for defect, path in reading.defects.items())


def _naming_fields(entity: Entity) -> tuple[str, ...]:
    return tuple(str(one) for name in _NAMING_FIELDS for one in entity.header.get_all(name, []))


def _descend(tree: Tree, entity: Entity, path: str, depth: int) -> None:
    reading = tree.reading
    reading.budget.enter(depth)
    reading.budget.count_part()
    if entity.content_type.startswith("multipart/") and _descend_multipart(tree, entity, path, depth):
        return  # else it is shown as it stands
    encoding = encoding_of(reading, field_of(entity.header, "Content-Transfer-Encoding") or "", path)
    if encoding is TransferEncoding.BASE64:
        encoding = look_at_base64(reading, entity.body, path)
    if entity.content_type in MESSAGE_TYPES:
        decoded = with_line_ends_of(reading, decode(entity.body, encoding))
        nested = read_entity(reading, decoded, (0, len(decoded)), _below(path, 1))
        _descend(tree, nested, _below(path, 1), depth + 1)
        return
    tree.parts.append(MimePart(path or "1", entity, encoding))


def _descend_multipart(tree: Tree, entity: Entity, path: str, depth: int) -> bool:
    """Go through its parts, and tell whether there was any."""
    reading = tree.reading
    boundary = boundary_of(reading, entity.header)
    if boundary and _descend_parts(tree, entity, boundary, path, depth):
        return True
    encoding = encoding_of(reading, field_of(entity.header, "Content-Transfer-Encoding") or "", path)
    is_encoded = encoding is not TransferEncoding.NONE
    # A saved web page is a file in base64 with a multipart's type, and every program shows it as that.
    is_file = is_encoded and boundary is None and any(declared_names(_naming_fields(entity)))
    if not is_file:
        reading.note(Defect.NO_PART if boundary else Defect.NO_BOUNDARY, path)
    if is_encoded and not is_file:
        reading.note(Defect.ENCODED_MULTIPART, path)
        if reading.takes(Fork.ENCODED_MULTIPART):
            decoded = b"\n" + with_line_ends_of(reading, decode(entity.body, encoding))  # a delimiter begins a line
            entity = Entity(entity.header, entity.content_type, decoded, 1, len(decoded))
            if boundary and _descend_parts(tree, entity, boundary, path, depth):
                return True
    guessed = _LIKE_A_DELIMITER.search(entity.source, entity.start, entity.end)
    if guessed and reading.takes(Fork.GUESSED_BOUNDARY):
        return _descend_parts(tree, entity, guessed.group(1).rstrip(), path, depth)
    return False


def _descend_parts(tree: Tree, entity: Entity, boundary: bytes, path: str, depth: int) -> bool:
    reading = tree.reading
    default_type = "message/rfc822" if entity.content_type == "multipart/digest" else "text/plain"  # RFC 2046 §5.1.5
    number = 0
    for number, span in enumerate(_split_multipart(reading, entity, boundary, path), 1):
        part = read_entity(reading, entity.source, span, _below(path, number), default_type)
        _descend(tree, part, _below(path, number), depth + 1)
    return number > 0


def _split_multipart(reading: Reading, entity: Entity, boundary: bytes, path: str) -> Iterator[tuple[int, int]]:
    """Yield the entities between delimiter lines (RFC 2046 §5.1.1); the line end before one belongs to it."""
    start = None
    closed = False
    if _has_lone_cr_before(entity, b"--" + boundary):
        reading.forks.add(Fork.LONE_CR)
    for line_start, line_end, closing in _delimiter_lines(reading, entity, boundary):
        if closed and not reading.takes(Fork.AFTER_END):
            return
        if start is not None:
            yield start, _without_line_end(entity.source, start, line_start)
        start = None if closing else line_end
        closed = closed or closing
    if start is not None:  # never closed: the rest is a part, as mail programs show it
        yield start, entity.end
        if not closed and entity.end == len(entity.source):  # an outer one that goes on ends it for every program
            reading.note(Defect.NO_END, path)


def _delimiter_lines(reading: Reading, entity: Entity, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield where each begins and ends, and whether it closes. Only what begins a line is looked at."""
    source, end = entity.source, entity.end
    delimiter = b"\n--" + boundary
    at = source.find(delimiter, entity.start - 1, end)
    while at >= 0:
        after = at + len(delimiter)
        line_end = source.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = source[after:line_end].rstrip()
        if rest in (b"", b"--") or reading.takes(Fork.LONGER_DELIMITER):
            yield at + 1, min(line_end + 1, end), rest.startswith(b"--")
        else:
            reading.budget.count_part()
        at = source.find(delimiter, line_end, end)


def _has_lone_cr_before(entity: Entity, delimiter: bytes) -> bool:
    source, start, end = entity.source, entity.start, entity.end
    if source.find(b"\r", start, end) < 0:  # thirty times as fast, and Courier keeps messages without
        return False
    return source.find(b"\r" + delimiter, start, end) >= 0


def _without_line_end(source: bytes, start: int, end: int) -> int:
    if end > start and source[end - 1 : end] == b"\n":
        end -= 1
        if end > start and source[end - 1 : end] == b"\r":
            end -= 1
    return end


def _below(path: str, number: int) -> str:
    return f"{path}.{number}" if path else str(number)
