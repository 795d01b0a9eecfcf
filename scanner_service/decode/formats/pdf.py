"""Files attached to a PDF, by whatever way a viewer finds them: their name tree, annotations, associated files.

All of these lead to a file specification with the key ``/EF`` (ISO 32000-1 §7.11.3). Few PDFs have one, and pypdf
takes its time, so the bytes are searched for that key first, in the streams of objects (§7.5.7) as well.
"""

import logging
import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import TYPE_CHECKING

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.formats.content import Content, DamagedError, EncryptedError, NotThisFormatError
from scanner_service.decode.formats.inflate import inflate
from scanner_service.decode.names import forms_of

if TYPE_CHECKING:
    from pypdf import Configuration, PdfReader
    from pypdf.generic import IndirectObject, PdfObject, StreamObject

_HEADER_WITHIN_BYTES = 1024  # where viewers look for it
# What pypdf may inflate of one stream (objects, or a file in several filters), and try to repair of one.
_PARSED_STREAM_BYTES = 32 * 2**20
_REPAIRED_STREAM_BYTES = 2**16
_BROKEN_OBJECTS_LIMIT = 50  # for each, pypdf searches the whole file
_NAME_CHARACTERS = 1000
_NAME_KEYS = ("/UF", "/F", "/DOS", "/Mac", "/Unix")


def _name(word: str) -> bytes:
    """Return the pattern of a name, any character of which may be written as ``#`` and two digits (§7.3.5)."""
    return b"/" + b"".join(b"(?:%c|#%02x|#%02X)" % (byte, byte, byte) for byte in word.encode("ascii"))


_EMBEDDED_FILE = re.compile(_name("EF") + rb"(?=[\x00\t\n\x0c\r <%])")
_SURE_EMBEDDED_FILE = re.compile(_name("EF") + rb"\s*(?:<<|\d+\s+\d+\s+R)")
_LONGEST_SIGN_BYTES = 64
_ENCRYPT = re.compile(_name("Encrypt") + rb"\b")
# An object stream needs this key; its type is for show, some viewers do not look at it.
_FIRST = re.compile(_name("First") + rb"\b")
_STREAM_OR_END = re.compile(rb"stream(?:\r\n|\n|\r)|endobj")


# It logs what it mends, and a stranger could fill the log with it.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
_NOT_PYPDFS_FAULT = (MemoryError, OverLimitsError)


class _Sign(IntEnum):
    """Whether the bytes speak of an attachment."""

    NONE = 0
    POSSIBLE = 1  # it cannot be told from the bytes
    SURE = 2


def open_pdf(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the attached files.

    A PDF that cannot be read is damaged only if it surely has an attachment: broken ones are common, and viewers
    mend them.
    """
    if b"%PDF-" not in data[:_HEADER_WITHIN_BYTES]:
        raise NotThisFormatError("no PDF header")
    sign = _sign_of_attachments(data, budget)
    if sign is _Sign.NONE:
        return
    specifications, is_broken = _file_specifications(data, budget)
    for specification in specifications:
        yield from _contents(specification, budget)
    if is_broken and not specifications and sign is _Sign.SURE:
        raise DamagedError("the PDF has an attachment that cannot be found")


def _sign_of_attachments(data: bytes, budget: Budget) -> _Sign:
    sign = _sign_in(data)
    if sign is _Sign.NONE and _ENCRYPT.search(data):
        sign = _Sign.POSSIBLE
    if sign is _Sign.NONE:
        sign = _sign_in_object_streams(data, budget)
    return sign


def _sign_in(data: bytes) -> _Sign:
    if not _EMBEDDED_FILE.search(data):
        return _Sign.NONE
    return _Sign.SURE if _SURE_EMBEDDED_FILE.search(data) else _Sign.POSSIBLE


def _sign_in_object_streams(data: bytes, budget: Budget) -> _Sign:
    end = 0
    for first in _FIRST.finditer(data):
        if first.start() < end:
            continue  # twice in one dictionary
        begin = max(data.rfind(b"obj", end, first.start()), end)
        stream = _STREAM_OR_END.search(data, first.end())
        if stream is None:
            break
        end = stream.end()
        if stream.group() == b"endobj":
            continue  # the outline's key of the same name
        sign = _sign_in_object_stream(data, data[begin : stream.start()], end, budget)
        if sign is not _Sign.NONE:
            return sign
    return _Sign.NONE


def _sign_in_object_stream(data: bytes, dictionary: bytes, start: int, budget: Budget) -> _Sign:
    if b"Filter" not in dictionary and b"#" not in dictionary:
        return _Sign.NONE  # as it stands, and searched already
    if not dictionary.count(b"Decode") == dictionary.count(b"/FlateDecode") == 1 or b"#" in dictionary:
        return _Sign.POSSIBLE  # filters on filters, predictors, names in disguise: for pypdf to sort out
    window = b""
    try:
        for block in inflate(data, start):
            budget.spend(len(block))
            window = window[-_LONGEST_SIGN_BYTES:] + block
            sign = _sign_in(window)
            if sign is not _Sign.NONE:
                return sign
    except zlib.error:
        return _Sign.POSSIBLE
    return _Sign.NONE


@dataclass(frozen=True, slots=True)
class _FileSpecification:
    names: tuple[str, ...]
    content_type: str
    stream: "StreamObject"


def _file_specifications(data: bytes, budget: Budget) -> tuple[list[_FileSpecification], bool]:
    """Return them, wherever in the PDF they are, and whether something in it could not be read."""
    import pypdf  # noqa: PLC0415  (0.3 s, and few mails need it)

    found: dict[tuple[int, tuple[str, ...]], _FileSpecification] = {}
    broken = 0
    with _bounded():
        try:
            reader = pypdf.PdfReader(BytesIO(data))
            is_readable = not reader.is_encrypted or bool(reader.decrypt(""))
        except _NOT_PYPDFS_FAULT:
            raise
        except Exception:  # noqa: BLE001  (of what a stranger wrote, pypdf raises all kinds)
            return [], True
        if not is_readable:
            raise EncryptedError("the PDF wants a password")
        for reference in _references(reader):
            budget.check_time()
            try:
                found.update(_specifications_in(reader.get_object(reference)))
            except _NOT_PYPDFS_FAULT:
                raise
            except Exception:  # noqa: BLE001  (as above; one object, and there are more)
                broken += 1
                if broken == _BROKEN_OBJECTS_LIMIT:
                    break
    return list(found.values()), broken > 0


def _bounded() -> "AbstractContextManager[Configuration]":
    """Set the limits of pypdf, for as long as the context lasts."""
    from pypdf import apply_configuration  # noqa: PLC0415  (see above)

    return apply_configuration(
        zlib_maximum_output_length=_PARSED_STREAM_BYTES,
        lzw_maximum_output_length=_PARSED_STREAM_BYTES,
        run_length_maximum_output_length=_PARSED_STREAM_BYTES,
        zlib_maximum_recovery_input_length=_REPAIRED_STREAM_BYTES,
        stream_decoding_work_maximum_length=2 * _PARSED_STREAM_BYTES,
        jbig2dec_binary=None,
        disable_legacy_handling=True,
    )


def _references(reader: "PdfReader") -> "Iterator[IndirectObject]":
    """Yield every object of the PDF: what leads to an attachment is not to be guessed."""
    from pypdf.generic import IndirectObject  # noqa: PLC0415  (see above)

    for generation, offsets in list(reader.xref.items()):
        for number in list(offsets):
            yield IndirectObject(number, generation, reader)
    for number in list(reader.xref_objStm):
        yield IndirectObject(number, 0, reader)


def _specifications_in(
    value: "PdfObject | None",
) -> "Iterator[tuple[tuple[int, tuple[str, ...]], _FileSpecification]]":
    """Yield the file specifications in an object, each with what tells it from others: its stream and names."""
    from pypdf.generic import ArrayObject, DictionaryObject, StreamObject  # noqa: PLC0415  (see above)

    values = [value]
    while values:
        one = values.pop()
        if isinstance(one, DictionaryObject):
            files = one.raw_get("/EF").get_object() if "/EF" in one else None
            values += one.values()
            if not isinstance(files, DictionaryObject):
                continue
            names = tuple(str(one[key])[:_NAME_CHARACTERS] for key in _NAME_KEYS if key in one)
            for key in files:
                stream = files[key]
                if isinstance(stream, StreamObject):
                    yield (id(stream), names), _FileSpecification(names, _content_type(stream), stream)
        elif isinstance(one, ArrayObject):
            values += one


def _content_type(stream: "StreamObject") -> str:
    return str(stream.get("/Subtype", "")).removeprefix("/")


def _contents(specification: _FileSpecification, budget: Budget) -> Iterator[Content]:
    names = forms_of(specification.names)
    damage: list[str] = []
    held = budget.hold(_blocks(specification.stream, damage))
    yield Content.of(names, held, specification.content_type, is_whole=not damage)
    if damage:
        raise DamagedError(f"an attachment of the PDF: {damage[0]}")


def _blocks(stream: "StreamObject", damage: list[str]) -> Iterator[bytes]:
    """Yield the file. Where it is merely deflated it is inflated here, in blocks: pypdf would do it in one piece."""
    from pypdf.errors import LimitReachedError  # noqa: PLC0415  (see above)

    filters = stream.get("/Filter")
    try:
        if filters is None or filters == []:
            yield stream._data  # noqa: SLF001  (pypdf has no other way to the bytes as they stand)
        elif filters in ("/FlateDecode", ["/FlateDecode"]) and "/DecodeParms" not in stream:
            yield from inflate(stream._data)  # noqa: SLF001
        else:
            with _bounded():
                whole = stream.get_data()
            yield whole
    except _NOT_PYPDFS_FAULT:
        raise
    except LimitReachedError as error:
        raise OverLimitsError(f"an attachment of a PDF, in several filters: {error}") from error
    except Exception as error:  # noqa: BLE001  (as above)
        damage.append(f"{type(error).__name__}: {error}")
