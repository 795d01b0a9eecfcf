"""Look for header fields that are not as RFC 5322 wants them: mail programs disagree on them, and spammers send them.

It sees the header of the message alone; what is wrong with MIME structure and encodings, decoding tells.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence

from scanner_service.inspectors.inspector import Inspection, WaitsForNothing, milliseconds_since, status_of
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message, header_and_body
from verdict_api.verdict import InspectorReport

NAME = "bad_header"
LONGEST_LINE_BYTES = 998  # RFC 5322 §2.1.1
INLINE_BELOW_BYTES = 32 * 2**10  # beyond, a stranger sends fields of two bytes to hold up the others
LOOKED_AT_BYTES = 2**20  # a longer header is over the limits of decoding
SHOWN_CHARACTERS = 60

_FIELDS = re.compile(rb"(?:(?:[!-9;-~]++[ \t]*+:|[ \t]++[!-~])[^\n]*+(?:\n|\Z))*+")  # and what goes on with one
_NAMES = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.MULTILINE)
_FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_CONTROL = re.compile(rb"[\x00\r]")
_C1_CONTROL = re.compile("[\x80-\x9f]")
_REQUIRED = ("date", "from")  # RFC 5322 §3.6
_ONLY_ONCE = frozenset(
    (
        *("date", "from", "sender", "reply-to", "to", "cc", "bcc", "subject"),
        *("message-id", "references", "in-reply-to", "auto-submitted", "mime-version", "content-type"),
        *("content-transfer-encoding", "content-id", "content-description", "content-disposition"),
    )
)


class BadHeaderInspector(WaitsForNothing):
    """Tells each kind of fault once, with the first place where it is; see Inspector."""

    needs_parts = False
    checks = ContentCategory.BAD_HEADER

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector; it waits for nothing."""
        del decoded, until
        started = time.perf_counter()
        header = message.raw[: header_and_body(message.raw, LOOKED_AT_BYTES)[0]]
        if len(header) < INLINE_BELOW_BYTES:
            first = _first_faults(header)
        else:
            first = await asyncio.to_thread(_first_faults, header)
        findings = tuple(
            Finding(ContentCategory.BAD_HEADER, NAME, f"bad header: {kind}", kind, detail=where)
            for kind, where in sorted(first.items(), key=lambda one: list(SubCategory).index(one[0]))
        )
        report = InspectorReport(NAME, False, status_of(findings), None, None, milliseconds_since(started))
        return Inspection(findings, (report,))


def _first_faults(header: bytes) -> dict[SubCategory, str]:
    """Return where each kind of fault is for the first time."""
    first: dict[SubCategory, str] = {}
    for kind, where in _faults(header):
        first.setdefault(kind, where)
    return first


def _faults(header: bytes) -> Iterator[tuple[SubCategory, str]]:
    lines = header.split(b"\n")
    is_plain = _is_plain(header) and max(map(len, lines)) <= LONGEST_LINE_BYTES
    if not (is_plain and _FIELDS.fullmatch(header)):
        yield from _faults_of_lines(lines, is_plain=is_plain)
    yield from _faults_of_names(_NAMES.findall(header))


def _faults_of_names(names: Sequence[bytes]) -> Iterator[tuple[SubCategory, str]]:
    seen: set[str] = set()
    for name in names:
        field = name.decode("ascii").lower()
        if field in seen and field in _ONLY_ONCE:
            yield SubCategory.DUPLICATE, f"second field {_shown(name)}"
        seen.add(field)
    for field in _REQUIRED:
        if field not in seen:
            yield SubCategory.MISSING, f"no field {field.capitalize()}"


def _faults_of_lines(lines: Sequence[bytes], *, is_plain: bool) -> Iterator[tuple[SubCategory, str]]:
    for line in lines:
        text = line.removesuffix(b"\r")
        if text.startswith((b" ", b"\t")):
            if not text.strip():
                yield SubCategory.SPACE, "a line of blanks alone"
        elif text and not _FIELD_NAME.match(text):
            yield SubCategory.SYNTAX, f"no field: {_shown(text)}"
        if not is_plain:
            yield from _faults_of_line(text)


def _is_plain(header: bytes) -> bool:
    """Tell at once of most headers that _faults_of_line will find nothing but too long lines."""
    return header.isascii() and b"\0" not in header and header.count(b"\r") == header.count(b"\r\n")


def _faults_of_line(text: bytes) -> Iterator[tuple[SubCategory, str]]:
    if len(text) > LONGEST_LINE_BYTES:
        yield SubCategory.LONG, f"a line of {len(text)} bytes: {_shown(text)}"
    if _CONTROL.search(text):
        yield SubCategory.CONTROL, f"a NUL or CR: {_shown(text)}"
    if not text.isascii():
        try:
            is_text = not _C1_CONTROL.search(text.decode("utf-8"))
        except UnicodeDecodeError:
            is_text = False
        if not is_text:  # UTF-8 as such is fine: RFC 6532
            yield SubCategory.EIGHT_BIT, f"8-bit characters that are not UTF-8: {_shown(text)}"


def _shown(text: bytes) -> str:
    return ascii(text[:SHOWN_CHARACTERS].decode("latin-1"))
