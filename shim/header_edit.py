"""Change the header of a message and nothing else: our fields on top, forged ones of ours taken out.

No I/O. Bytes that are not touched stay the bytes they are, so that signatures made before still verify: a field that
a DKIM signature (RFC 6376 §3.5, ``h=``) or an ARC one (RFC 8617 §4.1.2) covers is never changed, because that would
break the signature. Ours stands above it, and readers of our fields take the first.

``Subject`` alone is edited whatever is signed, and a new one stands where the old one stood: there may be no more
than one (RFC 5322 §3.6), and who asks for a tag there accepts what it costs.
"""

import re
from collections.abc import Iterator, Sequence

from verdict_api.verdict import HeaderAction, HeaderEdit

LINE_WIDTH, LINE_LIMIT = 78, 998  # should and must (RFC 5322 §2.1.1)
WORD_LIMIT = 900  # leaves room for a name

_HEADER_END = re.compile(rb"^\r?\n|\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_NAME = re.compile(r"[!-9;-~]+")
_AFTER_BARE_CR = re.compile(rb"\r([!-9;-~]+)[ \t]*:[^\r\n]*")
_SUBJECT = b"subject"
_SIGNATURES = (b"dkim-signature", b"arc-message-signature")
_SIGNED = re.compile(rb"(?:^|;)\s*h\s*=([^;]*)")


class HeaderEditError(ValueError):
    """An edit that must not be made: its name or value would not be one header field, or it is a second Subject."""


def header_end(data: bytes) -> int | None:
    """Return how many bytes of the beginning of a message are header, the empty line excluded; None if it goes on."""
    found = _HEADER_END.search(data)
    if found is None:
        return None
    return 0 if found.start() == 0 and data[:1] in b"\r\n" else found.start() + 1


def edit_header(header: bytes, edits: Sequence[HeaderEdit]) -> bytes:
    """Return the header (without the empty line that ends it) after the edits; the same bytes if none applies.

    Raises:
        HeaderEditError: see above.
    """
    removed = {_checked_name(edit).lower() for edit in edits if edit.action is HeaderAction.REMOVE}
    added = [(_checked_name(edit).lower(), _render(edit)) for edit in edits if edit.action is HeaderAction.ADD]
    subject = _only_subject(added)
    if subject:
        removed.add(_SUBJECT)
    kept = list(_fields(header)) if removed else [header]
    if removed:
        place = next((at for at, field in enumerate(kept) if _name_of(field) == _SUBJECT), None)
        signed = _signed_names(kept) - (removed & {_SUBJECT})
        kept = [_without(removed - signed, field, signed) for field in kept]
        if subject and place is not None:
            kept[place] = subject
            added = [(name, field) for name, field in added if name != _SUBJECT]
    return b"".join([*(field for _, field in added), *kept])


def _only_subject(added: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    subjects = [field for name, field in added if name == _SUBJECT]
    if len(subjects) > 1:
        raise HeaderEditError(f"want one Subject at most, got {len(subjects)}")
    return subjects[0] if subjects else None


def _without(removable: set[bytes], field: bytes, signed: set[bytes]) -> bytes:
    """Take the field out, or what stands in it behind a bare CR: some readers take that for a line end.

    Of a signed field nothing is taken out but a Subject.
    """
    name = _name_of(field)
    if name in removable:
        return b""
    hideable = removable & {_SUBJECT} if name in signed else removable
    return _without_hidden(hideable, field) if hideable and b"\r" in field else field


def _without_hidden(names: set[bytes], field: bytes) -> bytes:
    """Cut out what stands behind a bare CR, and no line may become blank by it: it would end the header there.

    A line without which the lines below it would continue another field takes them along.
    """
    kept = []
    for line in _lines(field):
        cut = _AFTER_BARE_CR.sub(lambda hidden: b"" if hidden[1].lower() in names else hidden[0], line)
        if cut.strip() or cut == line:
            kept.append(cut)
    if kept and kept[0][:1] in b" \t" and field[:1] not in b" \t":
        return b""
    return b"".join(kept)


def _fields(header: bytes) -> Iterator[bytes]:
    """Yield the fields with their continuation lines, byte for byte; what is no field comes as its own piece."""
    piece = b""
    for line in _lines(header):
        if piece and line[:1] not in b" \t":
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


def _lines(header: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", header)


def _name_of(field: bytes) -> bytes:
    match = _FIELD.match(field)
    return match[1].lower() if match else b""


def _signed_names(fields: Sequence[bytes]) -> set[bytes]:
    signed: set[bytes] = set()
    for field in fields:
        if _name_of(field) in _SIGNATURES:
            for tag in _SIGNED.finditer(field.partition(b":")[2]):
                signed.update(name.strip().lower() for name in tag[1].split(b":"))
    return signed


def _checked_name(edit: HeaderEdit) -> bytes:
    if not _NAME.fullmatch(edit.name):
        raise HeaderEditError(f"want a header field's name, got {edit.name!r}")
    return edit.name.encode("ascii")


def _render(edit: HeaderEdit) -> bytes:
    name = _checked_name(edit)
    value = edit.value or ""
    if not (value.isascii() and value.isprintable()):
        raise HeaderEditError(f"{edit.name}: want printable ASCII in one line, got {value!r}")
    field = name + b":" + _fold(value, len(name) + 1) + b"\n"
    if max(map(len, field.splitlines())) > LINE_LIMIT:
        raise HeaderEditError(f"{edit.name}: want lines of at most {LINE_LIMIT} bytes, got {value!r}")
    return field


def _fold(value: str, used: int) -> bytes:
    """Break the value at blanks, and words that no line may hold anywhere; no line is all blank.

    Some readers take a blank line for the end of the header.
    """
    words = (word[at : at + WORD_LIMIT] for word in value.split(" ") for at in range(0, len(word) or 1, WORD_LIMIT))
    folded = ""
    for word in words:
        if word and used + 1 + len(word) > LINE_WIDTH and folded.strip():
            folded += "\n"
            used = 0
        folded += " " + word
        used += 1 + len(word)
    return folded.encode("ascii")
