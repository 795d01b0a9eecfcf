"""Documents in compound files: old Office, Outlook's .msg, Windows Installer, and OLE objects out of other documents.

Not every stream is a file. What comes out is what a program would offer to open (attachments, packages, embedded
documents), what by its beginning is a file of a known type, and whether there are macros.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from scanner_service.decode.budget import Budget
from scanner_service.decode.file_type import file_types
from scanner_service.decode.formats.compound_file import CompoundFile, Entry
from scanner_service.decode.formats.compressed_rtf import decompress_rtf
from scanner_service.decode.formats.content import Content, DamagedError, EncryptedError
from scanner_service.decode.formats.inflate import inflate
from scanner_service.decode.formats.ole_object import Package, read_native
from scanner_service.decode.names import forms_of

# Names in small letters: a compound file's are found in whatever letters they are written (MS-CFB §2.6.4).
_NATIVE = "\x01ole10native"
_EMBEDDED_FILES = frozenset(("package", "contents", "embeddedodf"))  # an OOXML, PDF or ODF document as it stands
_MACRO_PROJECT = "_vba_project"  # MS-OVBA §2.3.4.1: no macro runs without it
_WORKBOOKS = frozenset(("workbook", "book"))
_SLIDES = "powerpoint document"

# Outlook's names of streams say which property they hold, and of what type (MS-OXMSG §2.2.2).
_PROPERTY_STREAM = "__substg1.0_"
_ATTACHED_DATA = f"{_PROPERTY_STREAM}37010102"
_ATTACHED_NAMES = tuple(f"{_PROPERTY_STREAM}{number}" for number in ("3707", "3704", "3001"))
_MIME_TYPE = f"{_PROPERTY_STREAM}370e"
_RTF_TEXT = f"{_PROPERTY_STREAM}10090102"
_HTML_TEXT = f"{_PROPERTY_STREAM}10130102"
_UTF16 = "001f"

_INSTALLER_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_INSTALLER_BINARY = "Binary."
_PROPERTY_LIMIT_BYTES = 2**16  # of a name
_NAMES_LIMIT = 20
_INSTALLER_PAIRS, _INSTALLER_SINGLE, _INSTALLER_TABLE = 0x3800, 0x4800, 0x4840

# Of Excel's records (MS-XLS §2.3) and PowerPoint's (MS-PPT §2.13.24).
_FILE_PASS, _BOUND_SHEET, _END_OF_GLOBALS = 0x2F, 0x85, 0x0A
_MACRO_SHEET = 1
_RECORDS_LIMIT = 100_000
_SLIDE_OBJECT = 0x1011
_CONTAINER_VERSION = 0xF


def open_ole(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield what the compound file holds; EncryptedError at the end where more is in it, under a password."""
    document = _Document(CompoundFile(data), budget)
    yield from document.contents()
    if document.is_encrypted():
        raise EncryptedError("the document wants a password")
    if document.broken:
        raise DamagedError(f"the compound file does not hold the whole of {document.broken[0]!r}")


class _Document:
    """One compound file; ``broken`` are the streams that could not be read to their end."""

    def __init__(self, file: CompoundFile, budget: Budget) -> None:
        self.broken: list[str] = []
        self._file = file
        self._budget = budget
        self._properties: dict[tuple[str, ...], list[Entry]] = {}
        self._described: dict[tuple[str, ...], tuple[list[str], str]] = {}
        for entry in file.entries:
            if entry.is_stream and entry.name.lower().startswith(_PROPERTY_STREAM):
                self._properties.setdefault(entry.storage, []).append(entry)

    def contents(self) -> Iterator[Content]:
        for entry in self._file.entries:
            self._budget.check_time()
            if entry.is_stream:
                yield from self._contents_of(entry)

    def is_encrypted(self) -> bool:
        return any(self._says_encrypted(entry) for entry in self._file.entries if not entry.storage)

    def _contents_of(self, entry: Entry) -> Iterator[Content]:
        name = entry.name.lower()
        if name == _NATIVE:
            yield self._native(entry)
        elif name == _ATTACHED_DATA:
            yield self._attachment(entry)
        elif name == _RTF_TEXT:
            yield self._held((), decompress_rtf(self._whole(entry)), "text/rtf")
        elif name == _HTML_TEXT:
            yield self._held((), self._blocks(entry), "text/html")
        elif name == _MACRO_PROJECT:
            yield self._macros(entry)
        elif name == _SLIDES:
            yield from self._slide_objects(entry)
        elif name in _WORKBOOKS and any(map(_is_macro_sheet, _workbook_records(self._whole(entry)))):
            yield self._macros(entry)
        elif name in _EMBEDDED_FILES or self._is_file(entry):
            yield self._held((_installer_name(entry.name),), self._blocks(entry))

    def _native(self, entry: Entry) -> Content:
        native = read_native(self._whole(entry))
        if isinstance(native, Package):
            return self._held(native.names, [native.data])
        return self._held((), [native])

    def _attachment(self, entry: Entry) -> Content:
        if entry.storage not in self._described:
            self._described[entry.storage] = self._description(entry.storage)
        names, content_type = self._described[entry.storage]
        return self._held(names, self._blocks(entry), content_type)

    def _description(self, storage: tuple[str, ...]) -> tuple[list[str], str]:
        """Return the names and the declared type that an attachment's properties give."""
        names: list[str] = []
        content_type = ""
        for one in self._properties[storage]:
            if one.size > _PROPERTY_LIMIT_BYTES:
                continue
            name = one.name.lower()
            if name.startswith(_ATTACHED_NAMES) and len(names) < _NAMES_LIMIT:
                names.append(self._text(one))
            elif name.startswith(_MIME_TYPE):
                content_type = self._text(one)
        return names, content_type

    def _text(self, entry: Entry) -> str:
        data = self._whole(entry)
        text = data.decode("utf-16-le", "replace") if entry.name.lower().endswith(_UTF16) else data.decode("latin-1")
        return text.rstrip("\0")

    def _macros(self, entry: Entry) -> Content:
        held = self._budget.hold([self._file.first_block(entry)])
        return Content(forms_of([entry.name]), held.body, held.size, has_macros=True)

    def _slide_objects(self, entry: Entry) -> Iterator[Content]:
        """Yield the embedded objects, which PowerPoint keeps deflated among the records of its one stream."""
        for is_deflated, data in _slide_objects(self._whole(entry), self._budget):
            try:
                yield self._held((), inflate(data, 4) if is_deflated else [data])  # its size comes first
            except zlib.error:
                self.broken.append(entry.name)

    def _is_file(self, entry: Entry) -> bool:
        return bool(file_types(self._file.first_block(entry))) or _installer_name(entry.name).startswith(
            _INSTALLER_BINARY
        )

    def _says_encrypted(self, entry: Entry) -> bool:
        start = self._file.first_block(entry) if entry.is_stream else b""
        name = entry.name.lower()
        match name:
            case "encryptedpackage":  # MS-OFFCRYPTO §2.3.4.4: a whole document of the new formats
                return entry.is_stream
            case "worddocument":  # MS-DOC §2.5.2, fEncrypted
                return start[11:12] != b"" and bool(start[11] & 1)
            case "current user":  # MS-PPT §2.3.2, headerToken
                return start[12:16] == b"\xdf\xc4\xd1\xf3"
            case _:
                return name in _WORKBOOKS and any(number == _FILE_PASS for number, _ in _workbook_records(start))

    def _held(self, names: Iterable[str], blocks: Iterable[bytes], content_type: str = "") -> Content:
        broken = len(self.broken)
        held = self._budget.hold(blocks)
        return Content.of(forms_of(names), held, content_type, is_whole=len(self.broken) == broken)

    def _whole(self, entry: Entry) -> bytes:
        """Return a stream that is no part itself: its bytes count, and nothing of them is held."""
        blocks = []
        for block in self._blocks(entry):
            self._budget.spend(len(block))
            blocks.append(block)
        return b"".join(blocks)

    def _blocks(self, entry: Entry) -> Iterator[bytes]:
        left = entry.size
        for block in self._file.blocks(entry):
            left -= len(block)
            yield block
        if left > 0:
            self.broken.append(entry.name)


def _workbook_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of the records before the first sheet's."""
    at = 0
    for _ in range(_RECORDS_LIMIT):
        if at + 4 > len(data):
            return
        number, size = struct.unpack_from("<HH", data, at)
        if number == _END_OF_GLOBALS:
            return
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size


def _is_macro_sheet(record: tuple[int, bytes]) -> bool:
    number, data = record
    return number == _BOUND_SHEET and data[5:6] == bytes([_MACRO_SHEET])


def _slide_objects(data: bytes, budget: Budget) -> Iterator[tuple[bool, bytes]]:
    """Yield whether it is deflated, and the bytes; a container's records follow its header, so all are one list."""
    at = 0
    while at + 8 <= len(data):
        budget.check_time()
        version_and_instance, number, size = struct.unpack_from("<HHI", data, at)
        at += 8
        if version_and_instance & 0xF == _CONTAINER_VERSION:
            continue
        if number == _SLIDE_OBJECT:
            yield version_and_instance >> 4 == 1, data[at : at + size]
        at += size


def _installer_name(name: str) -> str:
    """Undo how Windows Installer packs two characters of a name into one out of the range of Chinese ones."""
    text = ""
    for character in name:
        code = ord(character)
        if _INSTALLER_PAIRS <= code < _INSTALLER_SINGLE:
            code -= _INSTALLER_PAIRS
            text += _INSTALLER_ALPHABET[code & 63] + _INSTALLER_ALPHABET[code >> 6]
        elif _INSTALLER_SINGLE <= code < _INSTALLER_TABLE:
            text += _INSTALLER_ALPHABET[code - _INSTALLER_SINGLE]
        elif code != _INSTALLER_TABLE:
            text += character
    return text
