"""TNEF, the winmail.dat of Outlook and Exchange: attachments that no other mail program shows (MS-OXTNEF).

Lengths in it are a stranger's word: what is there is read, as far as it goes, and then the part is called damaged.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from scanner_service.decode.budget import Budget
from scanner_service.decode.formats.compressed_rtf import decompress_rtf
from scanner_service.decode.formats.content import Content, DamagedError, NotThisFormatError
from scanner_service.decode.names import forms_of

_SIGNATURE = b"\x78\x9f\x3e\x22"
_START = len(_SIGNATURE) + 2  # a key follows, of no use
_ATTRIBUTE = struct.Struct("<BHHI")  # level, number, type, length
_CHECKSUM_BYTES = 2
_PADDING = b"\0\r\n\t "


class _Attribute(IntEnum):
    """Those that are read (MS-OXTNEF §2.1.3)."""

    MESSAGE_PROPERTIES = 0x9003
    ATTACHMENT_BEGINS = 0x9002
    ATTACHMENT_TITLE = 0x8010
    ATTACHMENT_DATA = 0x800F
    ATTACHMENT_PROPERTIES = 0x9005


class _Property(IntEnum):
    """Those of MAPI that are read (MS-OXPROPS)."""

    DISPLAY_NAME = 0x3001
    DATA = 0x3701
    FILE_NAME = 0x3704
    LONG_FILE_NAME = 0x3707
    MIME_TYPE = 0x370E
    RTF_TEXT = 0x1009
    HTML_TEXT = 0x1013


_OBJECT = 0x000D
_UTF16 = 0x001F
_COUNTED_TYPES = frozenset((0x001E, _UTF16, 0x0102, _OBJECT))
_BYTES_OF_TYPE = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_NAME_BYTES = 2000  # of one, as far as it is read
_MULTIPLE = 0x1000  # flag of a type: a list of values
_NAMED_FROM = 0x8000  # properties from here on bring a name along
_INTERFACE_BYTES = 16  # before an object: whether it is a message or a storage, which its own bytes say as well


@dataclass(slots=True)
class _Attachment:
    names: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    content_type: str = ""


class _Fields:
    """Reads one after the other; DamagedError where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise DamagedError("a TNEF property is longer than the list that it is in")
        self._at += size
        return taken

    def number(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "little")

    def padded(self, size: int) -> bytes:
        """Take a value that is filled up to a multiple of four bytes; the last one's filling may be missing."""
        taken = self.take(size)
        self._at += -size % 4
        return taken


def open_tnef(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the attachments, and the text of the message in the forms that can bring objects along."""
    if not data.startswith(_SIGNATURE):
        raise NotThisFormatError("no TNEF signature")
    attachment = _Attachment()
    try:
        for number, value in _attributes(data, budget):
            match number:
                case _Attribute.ATTACHMENT_BEGINS:
                    yield from _contents(attachment, budget)
                    attachment = _Attachment()
                case _Attribute.ATTACHMENT_TITLE:
                    attachment.names.append(_text(value))
                case _Attribute.ATTACHMENT_DATA:
                    attachment.bodies.append(value)
                case _Attribute.ATTACHMENT_PROPERTIES:
                    _read_attachment_properties(attachment, value, budget)
                case _Attribute.MESSAGE_PROPERTIES:
                    yield from _texts(value, budget)
    except DamagedError:
        yield from _contents(attachment, budget)
        raise
    yield from _contents(attachment, budget)


def _attributes(data: bytes, budget: Budget) -> Iterator[tuple[int, bytes]]:
    at = _START
    while at + _ATTRIBUTE.size <= len(data):
        level, number, _, length = _ATTRIBUTE.unpack_from(data, at)
        if level not in (1, 2):
            raise DamagedError(f"want an attribute of the message or an attachment at byte {at}, got level {level}")
        budget.check_time()
        at += _ATTRIBUTE.size
        yield number, data[at : at + length]
        if at + length > len(data):
            raise DamagedError(f"a TNEF attribute of {length} bytes where {len(data) - at} are left")
        at += length + _CHECKSUM_BYTES
    if data[at:].strip(_PADDING):
        raise DamagedError("the TNEF stream ends within an attribute")


def _contents(attachment: _Attachment, budget: Budget) -> Iterator[Content]:
    """Yield the attachment, in both readings where attribute and property hold something else."""
    names = forms_of(attachment.names)
    for data in dict.fromkeys(attachment.bodies):
        yield Content.of(names, budget.hold([data]), attachment.content_type)


def _read_attachment_properties(attachment: _Attachment, value: bytes, budget: Budget) -> None:
    for number, kind, data in _properties(value, budget):
        match number:
            case _Property.DATA:
                attachment.bodies.append(data[_INTERFACE_BYTES:] if kind == _OBJECT else data)
            case _Property.LONG_FILE_NAME | _Property.FILE_NAME | _Property.DISPLAY_NAME:
                attachment.names.append(_text(data, kind))
            case _Property.MIME_TYPE:
                attachment.content_type = _text(data, kind)


def _texts(value: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the message's text as HTML and RTF. If the list is cut, no attachment is lost with it."""
    try:
        for number, _, data in _properties(value, budget):
            if number == _Property.HTML_TEXT:
                yield Content.of((), budget.hold([data]), "text/html")
            elif number == _Property.RTF_TEXT:
                yield Content.of((), budget.hold(decompress_rtf(data)), "text/rtf")
    except DamagedError:
        return


def _properties(value: bytes, budget: Budget) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, type and value of each property (MS-OXTNEF §2.1.3.4); of a list of values each one."""
    fields = _Fields(value)
    for _ in range(fields.number()):
        budget.check_time()
        kind = fields.number(2)
        number = fields.number(2)
        if number >= _NAMED_FROM:
            _skip_name(fields)
        single = kind & ~_MULTIPLE
        count = fields.number() if kind & _MULTIPLE or single in _COUNTED_TYPES else 1
        for _ in range(count):
            yield number, single, _value(fields, single)


def _skip_name(fields: _Fields) -> None:
    fields.take(16)  # of which set of names
    is_text = fields.number() == 1
    length_or_number = fields.number()
    if is_text:
        fields.padded(length_or_number)


def _value(fields: _Fields, kind: int) -> bytes:
    if kind in _COUNTED_TYPES:
        return fields.padded(fields.number())
    if kind not in _BYTES_OF_TYPE:
        raise DamagedError(f"a TNEF property of the unknown type {kind:#06x}")
    return fields.take(_BYTES_OF_TYPE[kind])


def _text(data: bytes, kind: int = 0) -> str:
    data = data[:_NAME_BYTES]
    if kind == _UTF16:
        return data.decode("utf-16-le", "replace").rstrip("\0")
    try:
        return data.decode().rstrip("\0")
    except UnicodeDecodeError:  # of some Windows code page, which one is not worth knowing
        return data.decode("latin-1").rstrip("\0")
