"""One entity of a message (RFC 2045 §2.4): where its header ends, and what its fields say of its body."""

import re
from dataclasses import dataclass
from email.message import Message as Header

from scanner_service.decode.budget import OverLimitsError
from scanner_service.decode.header_fields import parse_header
from scanner_service.decode.reading import Defect, Fork, Reading

# A multipart's Content-Type longer than this is an attack: the library takes quadratic time for its parameters.
MULTIPART_TYPE_LIMIT_CHARACTERS = 2000

_COMPOSITE_TYPES = ("multipart/", "message/")
_EMPTY_LINE = re.compile(rb"\r?\n")
_HEADER_END = re.compile(rb"\n\r?\n")
_FIELDS_ONLY = re.compile(rb"(?:[!-9;-~]+[ \t]*:[^\n]*+\n?|[ \t][^\n]*+\n?)*+")
_STRICT_FIELDS = re.compile(rb"(?:[!-9;-~]+:[^\n]*+\n?|[ \t][^\n]*+\n?)*+")
# Fields and lines that go on with one, an empty line or none: nothing that two programs would read in two ways.
_PLAIN_BLOCK = re.compile(rb"(?:[!-9;-~]++:[^\n\r\0]*+\n|[ \t]++[!-\xff][^\n\r\0]*+\n)++\n?")
_BLANK_BEFORE_COLON = re.compile(rb"^[!-9;-~]+[ \t]+:[^\n]*\n?(?:[ \t][^\n]*\n?)*", re.MULTILINE)
_BLANK_LINE = re.compile(rb"(?:\A|\n)[ \t]+\r?\n")
_MBOX_LINE = re.compile(rb">?From [^\n]*\n")  # of a mailbox file; every program passes over it
_LONE_CR = re.compile(rb"\r(?!\n)")
_PARAMETER = re.compile(r';\s*([^\s=;]*)\s*=\s*("(?:[^"\\]|\\.)*+"|[^;]*+)', re.DOTALL)
_PLAIN_TYPE = re.compile(r"[ \t]*([A-Za-z0-9.+_-]++/[A-Za-z0-9.+_-]++)[ \t]*(?:;|\Z)")
# One parameter, and in it nothing that could be read in two ways.
_PLAIN_BOUNDARY = re.compile(
    r"""[A-Za-z0-9.+_/-]++;[ \t]*boundary=("?)([A-Za-z0-9'()+_,./:=?-]++)\1""", re.IGNORECASE | re.ASCII
)
_TYPE = re.compile(r'[^\s()/;"]+/[^\s()/;"]+')
_QUOTED_TYPE = re.compile(r'\A\s*"([^"]*+)"')
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*+")|\([^()]*+\)')
_BLANKS_IN_TYPE = re.compile(r"\s*/\s*")


@dataclass(frozen=True, slots=True)
class Entity:
    """A header, and where its body lies in the bytes: slices of thirty levels would be sixty copies."""

    header: Header
    content_type: str
    source: bytes
    start: int
    end: int

    @property
    def body(self) -> bytes:
        """The body as it stands, transfer encoding and all."""
        return self.source[self.start : self.end]


def with_line_ends_of(reading: Reading, raw: bytes) -> bytes:
    """Return the message as this reading sees its lines."""
    return _LONE_CR.sub(b"\n", raw) if Fork.LONE_CR in reading.taken else raw


def read_entity(
    reading: Reading, source: bytes, span: tuple[int, int], path: str, default_type: str = "text/plain"
) -> Entity:
    """Part header and body at the first empty line, or where there is none, at the first line that is no field."""
    start, end = span
    header_limit_bytes = reading.budget.header_bytes
    limit = min(end, start + header_limit_bytes)
    before_body = _EMPTY_LINE.match(source, start, limit) or _HEADER_END.search(source, start, limit)
    if before_body is None:
        if limit < end:
            raise OverLimitsError(f"a header of more than {header_limit_bytes} bytes")
        before_body = _FIELDS_ONLY.match(source, start, end)
        assert before_body is not None  # the pattern takes no line at all, too
    block = _read_block(reading, source[start : before_body.end()], path)
    body_start = start + len(block)
    if Fork.BLANK_BEFORE_COLON in reading.taken:
        block = _BLANK_BEFORE_COLON.sub(b"", block)
    header = parse_header(block)
    header.set_default_type(default_type)
    for name, fork in (("Content-Type", Fork.TWO_TYPES), ("Content-Transfer-Encoding", Fork.TWO_ENCODINGS)):
        _choose_field(reading, header, name, fork)
    return Entity(header, _content_type(reading, header), source, body_start, end)


def boundary_of(reading: Reading, header: Header) -> bytes | None:
    """Return the boundary, None if there is none that can be read."""
    value = header["Content-Type"]
    if len(value) > MULTIPART_TYPE_LIMIT_CHARACTERS:
        raise OverLimitsError(f"a multipart type of more than {MULTIPART_TYPE_LIMIT_CHARACTERS} characters")
    if plain := _PLAIN_BOUNDARY.fullmatch(value):
        return plain[2].encode("ascii")
    try:
        boundary = _bytes_of(header.get_boundary() or "")
    except (TypeError, ValueError):  # the library, of what RFC 2231 lets a stranger write: boundary*=idna''%ff
        boundary = b""
    others = [
        _bytes_of(_value(name, written))
        for name, written in _PARAMETER.findall(value)
        if name.lower().rstrip("*") == "boundary"
    ]
    if len(set(others)) > 1 and reading.takes(Fork.TWO_BOUNDARIES):
        boundary = next((other for other in reversed(others) if other != boundary), boundary)
    return boundary or None


def field_of(header: Header, name: str) -> str | None:
    """Return the first field of this name, without the blanks around it."""
    value = header.get(name)
    return None if value is None else str(value).strip()


def _value(name: str, written: str) -> str:
    text = written.strip().strip('"').rstrip()
    return text.rpartition("'")[2] if name.endswith("*") else text  # charset'language'value (RFC 2231 §4)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _read_block(reading: Reading, block: bytes, path: str) -> bytes:
    """Return what of the block is the header, as this reading sees it."""
    if _PLAIN_BLOCK.fullmatch(block):
        return block
    if path and b"\0" in block:
        reading.note(Defect.NUL, path)
    if b"\r" in block and _LONE_CR.search(block):
        reading.forks.add(Fork.LONE_CR)
    blank = _BLANK_LINE.search(block)
    if blank and reading.takes(Fork.BLANK_LINE):
        block = block[: blank.end()]
    mbox = _MBOX_LINE.match(block)
    at = mbox.end() if mbox else 0
    if (end := _end_of(_STRICT_FIELDS, block, at)) == _end_of_lines(block):
        return block
    if _end_of(_FIELDS_ONLY, block, at) < _end_of_lines(block):
        if path:
            reading.note(Defect.NO_FIELD, path)
    else:
        reading.forks.add(Fork.BLANK_BEFORE_COLON)
    return block[:end] if reading.takes(Fork.NO_FIELD) else block


def _end_of(pattern: re.Pattern[bytes], block: bytes, at: int) -> int:
    match = pattern.match(block, at)
    assert match is not None  # the patterns take no line at all, too
    return match.end()


def _end_of_lines(block: bytes) -> int:
    """Return where the empty line begins that ends the block, or its end."""
    if block in (b"\n", b"\r\n"):
        return 0
    for line_end in (b"\n\r\n", b"\n\n"):
        if block.endswith(line_end):
            return len(block) - len(line_end) + 1
    return len(block)


def _choose_field(reading: Reading, header: Header, name: str, fork: Fork) -> None:
    fields = header.get_all(name, [])
    if len(fields) > 1 and len({str(one).strip().lower() for one in fields}) > 1 and reading.takes(fork):
        del header[name]
        for one in reversed(fields):
            header[name] = one


def _content_type(reading: Reading, header: Header) -> str:
    value = str(header.get("Content-Type", ""))
    if plain := _PLAIN_TYPE.match(value):
        return plain[1].lower()
    found = header.get_content_type()
    declared = value.partition(";")[0].strip()
    if not declared or _TYPE.fullmatch(declared) or len(value) > MULTIPART_TYPE_LIMIT_CHARACTERS:
        return found
    loose = _BLANKS_IN_TYPE.sub("/", _COMMENT.sub(r"\1", _QUOTED_TYPE.sub(r"\1", value))).strip()
    bare = re.split(r"[;\s]", loose, maxsplit=1)[0].lower()
    if bare == found or not _TYPE.fullmatch(bare):
        return found
    if not bare.startswith(_COMPOSITE_TYPES):
        return bare
    if reading.takes(Fork.LOOSE_TYPE):
        header.replace_header("Content-Type", loose)
        return bare
    return found
