"""ZIP archives (PKWARE APPNOTE.TXT), in every reading at once.

A ZIP says everything twice, in a directory at its end and in a header before each member, and programs differ in
which of the two they believe: libraries choose one of them, so this reads both. What only one of them shows is a
member too, and where they contradict each other about a body, both bodies are. Bodies are inflated by the standard
library; a method that it does not know is left to 7-Zip, which the caller asks when this says "damaged".
"""

import bz2
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.formats.content import Content, DamagedError
from scanner_service.decode.names import forms_of

_LOCAL = b"PK\x03\x04"
_CENTRAL = b"PK\x01\x02"
_END = b"PK\x05\x06"
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # 4.3.7
_CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_END_RECORD = struct.Struct("<4s4H2LH")  # 4.3.16
_END_RECORD_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR_64_BYTES = 20  # 4.3.15; it stands between the two
_ENDS_READ = 8
_NAMES_LIMIT = 40  # of one body: each of them must have its place among the candidates of decode.names

_ENCRYPTED = 1 << 0
_SIZES_FOLLOW = 1 << 3  # the local header has none, a descriptor behind the body does (4.4.4)
_EXTRA_ZIP64 = 0x0001
_EXTRA_UNICODE_PATH = 0x7075  # 4.6.9
_STORED, _DEFLATED, _BZIP2 = 0, 8, 12
_LATEST_VERSION = 63  # needed to extract: 6.3 (4.4.3)
_PATH_LIMIT_BYTES = 4096  # no system has longer ones
_METHODS = frozenset((*range(20), *range(93, 100)))
_UNKNOWN = 0xFFFFFFFF  # the real figure is in the ZIP64 field

_STEP_BYTES = 64 * 2**10
_NEXT_RECORD = re.compile(rb"PK(?:\x01\x02|\x03\x04|\x05\x06|\x07\x08)")


@dataclass(frozen=True, slots=True)
class _Record:
    """What one of the two places says of a member."""

    names: tuple[str, ...]
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int


@dataclass(frozen=True, slots=True)
class _Extra:
    """The extra fields of a record (4.5) that change what it says."""

    zip64: bytes = b""
    unicode_path: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> "_Extra":
        fields: dict[int, bytes] = {}
        at = 0
        while at + 4 <= len(data):
            kind, size = struct.unpack_from("<2H", data, at)
            fields.setdefault(kind, data[at + 4 : at + 4 + size])
            at += 4 + size
        return cls(fields.get(_EXTRA_ZIP64, b""), fields.get(_EXTRA_UNICODE_PATH, b"")[5:])

    def sizes(self, *stated: int) -> tuple[int, ...]:
        """Return the figures, those from here that are too large for the record (4.5.3)."""
        large = iter(struct.unpack(f"<{len(self.zip64) // 8}Q", self.zip64[: len(self.zip64) // 8 * 8]))
        return tuple(next(large, figure) if figure == _UNKNOWN else figure for figure in stated)

    def names(self, name: bytes) -> tuple[str, ...]:
        """Return what programs take for the name; those that know the Unicode path take that (4.6.9)."""
        return tuple(dict.fromkeys(text for raw in (name, self.unicode_path) for text in _texts(raw) if text))


def _texts(raw: bytes) -> Iterator[str]:
    """Yield both readings: the flag that tells UTF-8 from the characters of DOS is often wrong (4.4.4, bit 11)."""
    with suppress(UnicodeDecodeError):
        yield raw.decode()
    yield raw.decode("cp437")


@dataclass(slots=True)
class _Member:
    """A body and all that is said of it; ``start`` is None where the directory points at nothing."""

    start: int | None = None
    local: _Record | None = None
    central: list[_Record] = field(default_factory=list)

    @classmethod
    def at(cls, data: bytes, place: int, *, is_listed: bool) -> "_Member":
        """Read its local header. If no directory points to it, it must look like one: four bytes may be chance."""
        if place < 0 or place + _LOCAL_HEADER.size > len(data):
            return cls()
        _, version, flags, method, _, _, crc, packed, size, name_len, extra_len = _LOCAL_HEADER.unpack_from(
            data, place
        )
        name_at = place + _LOCAL_HEADER.size
        start = name_at + name_len + extra_len
        looks_like_one = (
            method in _METHODS and version & 0xFF <= _LATEST_VERSION and 0 < name_len <= _PATH_LIMIT_BYTES
        )
        if start > len(data) or not (is_listed or looks_like_one):
            return cls()
        extra = _Extra.parse(data[name_at + name_len : start])
        size, packed = extra.sizes(size, packed)
        return cls(start, _Record(extra.names(data[name_at : name_at + name_len]), flags, method, crc, packed, size))

    @property
    def records(self) -> list[_Record]:
        return [*self.central, *((self.local,) if self.local else ())]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for record in self.records for name in record.names))

    @property
    def is_directory(self) -> bool:
        return all(
            one.size == 0 and one.packed_size <= len(b"\x03\0") and one.names and one.names[0].endswith(("/", "\\"))
            for one in self.records
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    held: bytes
    size: int
    is_whole: bool
    is_encrypted: bool = False
    sha256: str = ""


def open_zip(data: bytes, budget: Budget) -> Iterator[Content]:
    """See formats.content.Opener."""
    listed, has_directory = _listed_members(data, budget)
    unread: list[str] = []
    for member in chain(listed.values(), _unlisted_members(data, listed, budget)):
        if member.is_directory:
            budget.count_part()
            continue
        names = forms_of(member.names)
        readings = _readings(data, member, budget)
        yield from (
            Content(names, one.held, one.size, is_encrypted=one.is_encrypted, sha256=one.sha256) for one in readings
        )
        if not any(one.is_whole for one in readings):
            unread.append(names[0] if names else "")
    if unread:
        raise DamagedError(f"zip: cannot read {len(unread)} of its members, the first is {unread[0]!r}")
    if not has_directory:
        raise DamagedError("zip: no directory at its end")


def _listed_members(data: bytes, budget: Budget) -> tuple[dict[int, _Member], bool]:
    """Return the members of all directories, by the place of the local header; negative if there is none there."""
    members: dict[int, _Member] = {}
    has_directory = False
    end = len(data)
    for _ in range(_ENDS_READ):
        end = data.rfind(_END, 0, end)
        if end < 0:
            break
        if any(at <= end < _stated_end(data, member) for at, member in members.items()):
            continue  # it is a stored archive's, which is opened in its turn
        for start, shift in _directories(data, end):
            has_directory = True
            _read_directory(data, start, shift, members, budget)
    return members, has_directory


def _directories(data: bytes, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the directories may begin that this end record means, and what must be added to their offsets."""
    if end + _END_RECORD.size > len(data):
        return
    _, _, _, _, count, size, offset, _ = _END_RECORD.unpack_from(data, end)
    before = end
    at_64 = data.rfind(b"PK\x06\x06", max(0, end - _LOCATOR_64_BYTES - 4096), end)
    if at_64 >= 0 and at_64 + _END_RECORD_64.size <= end:
        *_, count, size, offset = _END_RECORD_64.unpack_from(data, at_64)
        before = at_64
    if count == 0 and size == 0:
        yield end, 0  # an archive of nothing
        return
    starts = {before - size: before - size - offset, offset: 0}
    for start, shift in starts.items():
        if start >= 0 and data.startswith(_CENTRAL, start):
            yield start, shift


def _read_directory(data: bytes, at: int, shift: int, members: dict[int, _Member], budget: Budget) -> None:
    while data.startswith(_CENTRAL, at) and at + _CENTRAL_HEADER.size <= len(data):
        budget.check_time()
        header = _CENTRAL_HEADER.unpack_from(data, at)
        _, _, _, flags, method, _, _, crc, packed, size, name_len, extra_len, comment_len, *_, offset = header
        name_at = at + _CENTRAL_HEADER.size
        name = data[name_at : name_at + name_len]
        extra = _Extra.parse(data[name_at + name_len : name_at + name_len + extra_len])
        size, packed, offset = extra.sizes(size, packed, offset)
        record = _Record(extra.names(name), flags, method, crc, packed, size)
        places = (one for one in (offset + shift, offset) if one >= 0 and data.startswith(_LOCAL, one))
        place = next(places, -len(members) - 1)
        member = members.get(place) or members.setdefault(place, _Member.at(data, place, is_listed=True))
        if record not in member.central:
            member.central.append(record)
        at = name_at + name_len + extra_len + comment_len
        if len(member.central) > _NAMES_LIMIT:
            raise OverLimitsError(f"zip: more than {_NAMES_LIMIT} names for one body")
        if len(members) > budget.remainder.parts:
            return  # counting them will stop it


def _unlisted_members(data: bytes, listed: dict[int, _Member], budget: Budget) -> Iterator[_Member]:
    """Yield what has a local header and stands in no directory."""
    at = data.find(_LOCAL)
    while at >= 0:
        budget.check_time()
        member = listed.get(at)
        if member is None:
            member = _Member.at(data, at, is_listed=False)
            if member.local is not None:
                yield member
        at = data.find(_LOCAL, max(at + len(_LOCAL), _stated_end(data, member)))


def _stated_end(data: bytes, member: _Member) -> int:
    """Return where the body ends if all that is said of it agrees, else where it begins: there may be more in it."""
    if member.start is None:
        return 0
    sizes = _stated_sizes(member)
    end = member.start + sizes[0] if len(sizes) == 1 else member.start
    return end if end <= len(data) else member.start


def _readings(data: bytes, member: _Member, budget: Budget) -> list[_Reading]:
    """Unpack the body in every way that is said of it; one of them at least comes back, whole or not.

    A mark of encryption may lie, and then the CRC of what is not encrypted fits.
    """
    if member.start is None:
        return [_Reading(b"", 0, is_whole=False)]
    says_encrypted = any(record.flags & _ENCRYPTED for record in member.records)
    crcs = {record.crc for record in member.records}
    whole: dict[bytes, _Reading] = {}
    partial = _Reading(b"", 0, is_whole=False)
    for blocks in _ways(data, member.start, member):
        stream = _Stream(blocks)
        held = budget.hold(stream)
        if stream.is_whole and (not says_encrypted or stream.crc in crcs):
            whole[held.body] = _Reading(held.body, held.size, is_whole=True, sha256=held.sha256)
        elif held.size > partial.size:
            partial = _Reading(held.body, held.size, is_whole=False)
    if whole:
        return list(whole.values())
    if says_encrypted:
        return [_Reading(b"", member.records[0].size, is_whole=True, is_encrypted=True)]
    return [partial]


def _ways(data: bytes, start: int, member: _Member) -> Iterator[Iterator[bytes]]:
    """Yield the body's blocks once for each way of packing that a record gives; none for methods not known here."""
    for method in dict.fromkeys(record.method for record in member.records):
        if method == _STORED:
            for size in _stated_sizes(member) or (_size_up_to_next_record(data, start),):
                yield _stored(data, start, size)
        elif method == _DEFLATED:
            yield _inflated(data, start)
        elif method == _BZIP2:
            yield _bunzipped(data, start)


def _stated_sizes(member: _Member) -> tuple[int, ...]:
    """Return the different packed sizes that are said; the local header may leave it to a descriptor to say one."""
    sizes = [record.packed_size for record in member.central]
    local = member.local
    if local is not None and (local.packed_size or not local.flags & _SIZES_FOLLOW):
        sizes.append(local.packed_size)
    return tuple(dict.fromkeys(sizes))


def _size_up_to_next_record(data: bytes, start: int) -> int:
    following = _NEXT_RECORD.search(data, start)
    return (following.start() if following else len(data)) - start


class _CutShortError(Exception):
    """The packed bytes are broken or end before the body does."""


def _stored(data: bytes, start: int, size: int) -> Iterator[bytes]:
    end = min(start + size, len(data))
    for at in range(start, end, _STEP_BYTES):
        yield data[at : min(at + _STEP_BYTES, end)]
    if end < start + size:
        raise _CutShortError


def _inflated(data: bytes, start: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for at in range(start, len(data), _STEP_BYTES):
        packed = data[at : at + _STEP_BYTES]
        while packed and not inflater.eof:
            try:
                yield inflater.decompress(packed, _STEP_BYTES)
            except zlib.error as error:
                raise _CutShortError from error
            packed = inflater.unconsumed_tail
        if inflater.eof:
            return
    raise _CutShortError


def _bunzipped(data: bytes, start: int) -> Iterator[bytes]:
    unpacker = bz2.BZ2Decompressor()
    at = start
    while not unpacker.eof:
        packed = data[at : at + _STEP_BYTES] if unpacker.needs_input else b""
        at += len(packed)
        if unpacker.needs_input and not packed:
            raise _CutShortError
        try:
            yield unpacker.decompress(packed, _STEP_BYTES)
        except OSError as error:
            raise _CutShortError from error


class _Stream:
    """Blocks on their way to the budget: what their CRC is, and whether they came to the end."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.crc = 0
        self.is_whole = False
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        try:
            for block in self._blocks:
                self.crc = zlib.crc32(block, self.crc)
                yield block
        except _CutShortError:
            return
        self.is_whole = True
