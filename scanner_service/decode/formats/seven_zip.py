"""What 7-Zip opens: arj, chm, szdd, msi, NSIS installers, and what libarchive or our ZIP reader could not.

It runs in a cage of its own (see decode.unpack.SevenZip), once to list and once to extract all to its output, which
is split by the sizes of the list. Names come from strangers, so the list is parsed strictly.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.formats.content import Content, DamagedError, EncryptedError, Opener, SevenZipError
from scanner_service.decode.names import forms_of

# Runs 7-Zip with these arguments over these bytes, and returns what it printed. ARCHIVE stands for where they are.
SevenZip = Callable[[tuple[str, ...], bytes], bytes]
ARCHIVE = "{archive}"

# No questions, no password, one thread, no wildcards in names, a list in UTF-8.
_SWITCHES = ("-y", "-p-", "-mmt1", "-spd", "-sccUTF-8", "-bd")
_SINGLE_CALLS = 32  # at most so many members one by one
_MEMBERS_BEGIN = b"\n----------\n"
_FIELD = re.compile(rb"([A-Z][A-Za-z0-9 ]*?) = ?(.*)", re.DOTALL)
_TROUBLE = re.compile(rb"^(?:ERRORS?:|ERROR: )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    size: int | None
    is_encrypted: bool


def seven_zip_opener(archive_type: str, seven_zip: SevenZip) -> Opener:
    """Return the opener for this archive type, as 7-Zip's -t takes it."""
    # These hold one file without a name, and 7-Zip names it after the file that it was given.
    is_nameless = archive_type == "mslz"

    def open_with_seven_zip(data: bytes, budget: Budget) -> Iterator[Content]:
        arguments = (*_SWITCHES, f"-t{archive_type}")
        try:
            for content in _contents(budget, lambda verb, *more: seven_zip((verb, *arguments, *more), data)):
                yield replace(content, names=()) if is_nameless else content
        except SevenZipError as error:
            raise DamagedError(f"{archive_type}: 7-Zip: {error}") from error

    return open_with_seven_zip


def _contents(budget: Budget, run: Callable[..., bytes]) -> Iterator[Content]:
    members: list[_Listed] = []
    trouble = None
    try:
        members.extend(_members(run("l", "-slt", ARCHIVE), budget))
    except DamagedError as error:
        trouble = error
    readable = [member for member in members if not member.is_encrypted]
    for member in members:
        if member.is_encrypted:
            yield Content(forms_of([member.name]), b"", member.size or 0, is_encrypted=True)
    if readable:
        for content in _bodies(readable, budget, run):
            yield content if trouble is None else replace(content, sha256="")
    if trouble is not None:
        raise trouble


def _bodies(members: list[_Listed], budget: Budget, run: Callable[..., bytes]) -> Iterator[Content]:
    stated = sum(member.size or 0 for member in members)
    if stated > min(budget.remainder.unpacked_bytes, budget.remainder.held_bytes):
        yield from (Content(forms_of([member.name]), b"", member.size or 0) for member in members)
        raise OverLimitsError("unpacks to more bytes than [limits] unpacked_bytes and unpack_ratio allow")
    everything = run("x", "-so", ARCHIVE)
    if len(members) == 1 and members[0].size is None:
        members = [replace(members[0], size=len(everything))]
        stated = len(everything)
    if len(everything) != stated or any(member.size is None for member in members):
        yield from _one_by_one(members, budget, run)
        return
    at = 0
    for member in members:
        end = at + (member.size or 0)
        yield Content.of(forms_of([member.name]), budget.hold((everything[at:end],)))
        at = end


def _one_by_one(members: list[_Listed], budget: Budget, run: Callable[..., bytes]) -> Iterator[Content]:
    """Extract each alone: where one is broken, or of unknown size, the output of all cannot be split."""
    unread = 0
    for number, member in enumerate(members):
        body = run("x", "-so", ARCHIVE, f"-i!{member.name}") if number < _SINGLE_CALLS else b""
        is_whole = bool(body) if member.size is None else len(body) == member.size
        yield Content.of(forms_of([member.name]), budget.hold((body,)), is_whole=is_whole)
        unread += not is_whole
    if unread:
        raise DamagedError(f"7-Zip cannot read {unread} of {len(members)} members")


def _members(listing: bytes, budget: Budget) -> Iterator[_Listed]:
    """Yield the files of a list (7-Zip's -slt: paragraphs of `Key = value`); folders only count.

    What is said of a member is never more than a line. The archive's comment may be, before them: hence the last
    of the lines that part the two.
    """
    head, begin, tail = listing.rpartition(_MEMBERS_BEGIN)
    if not begin:
        if b"Cannot open encrypted archive" in tail:
            raise EncryptedError("7-Zip cannot read its names")
        raise DamagedError("7-Zip cannot open it")
    for paragraph in tail.split(b"\n\n"):
        if paragraph.startswith(b"Path = "):
            fields = _fields(paragraph)
            if fields.get(b"Folder") == b"+" or fields.get(b"Attributes", b"").startswith(b"D"):
                budget.count_part()
            else:
                yield _listed(fields)
    if _TROUBLE.search(head) or _TROUBLE.search(tail):
        raise DamagedError("7-Zip found errors in it")


def _fields(paragraph: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in paragraph.rstrip(b"\n").split(b"\n"):
        found = _FIELD.match(line)
        if found is None or found[1] in fields:
            raise DamagedError(f"7-Zip tells of a member what nobody understands: {line[:60]!r}")
        fields[found[1]] = found[2]
    return fields


def _listed(fields: dict[bytes, bytes]) -> _Listed:
    size = fields.get(b"Size", b"").strip()
    if size and not size.isdigit():
        raise DamagedError(f"7-Zip tells a size of {size[:20]!r}")
    name = fields[b"Path"].decode("utf-8", "surrogateescape")
    return _Listed(name, int(size) if size else None, fields.get(b"Encrypted") == b"+")
