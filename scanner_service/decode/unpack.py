"""Open a container and what lies in it, down to the last level. Runs in the caged child process only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.container_signs import Claim, claims
from scanner_service.decode.file_type import file_types
from scanner_service.decode.formats.archive import archive_opener
from scanner_service.decode.formats.binhex import open_binhex
from scanner_service.decode.formats.content import (
    Content,
    DamagedError,
    EncryptedError,
    NotThisFormatError,
    Opener,
)
from scanner_service.decode.formats.html import open_html
from scanner_service.decode.formats.mail import open_mail
from scanner_service.decode.formats.ole import open_ole
from scanner_service.decode.formats.ooxml import document_types, has_macros
from scanner_service.decode.formats.pdf import open_pdf
from scanner_service.decode.formats.rtf import open_rtf
from scanner_service.decode.formats.seven_zip import SevenZip, seven_zip_opener
from scanner_service.decode.formats.tnef import open_tnef
from scanner_service.decode.formats.uuencode import open_uuencode
from scanner_service.decode.formats.zip import open_zip
from scanner_service.model.container import Container, Unpacked
from scanner_service.model.message import PartMark, UnpackedPart
from verdict_api.printable import printable

__all__ = ["SevenZip", "unpack"]

_SEGMENT_LIMIT_CHARACTERS = 120  # of a name in a path; the names of the part have it whole
# Of a large part that holds no others, this much is kept for who inspects parts. The rest gives way to other parts.
_KEPT_BYTES = 2**20
# What a packed file is called without the ending that says how it is packed.
_PACKED_ENDINGS = {
    ".tgz": ".tar", ".taz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar",
    ".gz": "", ".bz2": "", ".xz": "", ".lzma": "", ".zst": "", ".lz4": "", ".z": "", ".szdd": "",
    ".ex_": ".exe", ".dl_": ".dll",
}  # fmt: skip


def unpack(container: Container, budget: Budget, seven_zip: SevenZip) -> Unpacked:
    """Return all that is in the container; never raises for what the bytes hold."""
    tree = _Tree(budget, _openers(seven_zip))
    types = file_types(container.body)
    root = UnpackedPart(
        path=f"{container.path}/{_segment(container.names, types)}",
        content_type=container.content_type,
        names=container.names,
        types=types,
        body=container.body,
        size=len(container.body),
    )
    opened = root
    over_limits = None
    try:
        opened = tree.open(tree.look_at(root), container.depth)
    except OverLimitsError as error:
        over_limits = str(error)
    return Unpacked(tuple(tree.parts), opened.marks, over_limits, budget.remainder, opened.types[len(types) :])


def _openers(seven_zip: SevenZip) -> Mapping[str, tuple[Opener, ...]]:
    """Return who opens which kind of container_signs: the next is asked where the one before could not read all."""

    def by_7zip(archive_type: str) -> Opener:
        return seven_zip_opener(archive_type, seven_zip)

    return {
        "zip": (open_zip, by_7zip("zip")),
        "7z": (archive_opener("7z"), by_7zip("7z")),
        "rar": (archive_opener("rar"),),
        "tar": (archive_opener("tar"),),
        "gz": (archive_opener("gz"),),
        "bz2": (archive_opener("bz2"),),
        "xz": (archive_opener("xz"),),
        "lzma": (archive_opener("lzma"),),
        "zst": (archive_opener("zst"),),
        "lz4": (archive_opener("lz4"),),
        "Z": (archive_opener("Z"),),
        "cab": (archive_opener("cab"), by_7zip("cab")),
        "iso": (archive_opener("iso"), by_7zip("iso")),
        "lha": (archive_opener("lha"), by_7zip("lzh")),
        "cpio": (archive_opener("cpio"),),
        "a": (archive_opener("a"),),
        "deb": (archive_opener("deb"),),
        "rpm": (archive_opener("rpm"),),
        "xar": (archive_opener("xar"),),
        "arj": (by_7zip("arj"),),
        "chm": (by_7zip("chm"),),
        "msi": (by_7zip("compound"),),
        "nsis": (by_7zip("nsis"),),
        "szdd": (by_7zip("mslz"),),
        "hqx": (open_binhex,),
        "html": (open_html,),
        "mail": (open_mail,),
        "ole": (open_ole,),
        "pdf": (open_pdf,),
        "rtf": (open_rtf,),
        "tnef": (open_tnef,),
        "uue": (open_uuencode,),
        # Known, and read by no program that is kept well: the part is named as not looked into.
        "ace": (_no_opener,),
        "lrz": (_no_opener,),
        "lzo": (_no_opener,),
        "sis": (_no_opener,),
        "zoo": (_no_opener,),
    }


def _told_by_members(container: UnpackedPart, members: Sequence[UnpackedPart]) -> UnpackedPart:
    """Return the container with what only its members tell: that it is a document, and brings macros along."""
    if not members:
        return container
    marks, types = container.marks, container.types
    if any(PartMark.MACROS in member.marks for member in members):
        marks |= {PartMark.MACROS}
    if "zip" in types:
        names = [member.names[0] for member in members if member.names]
        types += document_types(names)
        if has_macros(names):
            marks |= {PartMark.MACROS}
    return replace(container, marks=marks, types=types)


def _no_opener(data: bytes, budget: Budget) -> Iterator[Content]:
    del data, budget
    raise DamagedError("no program here opens this format")
    yield  # it is a generator as all openers are


@dataclass(frozen=True, slots=True)
class _Found:
    """A part that came out of a container, and what it may be a container of."""

    part: UnpackedPart
    claims: tuple[Claim, ...]


@dataclass(slots=True)
class _Outcome:
    """What came out of one container by one way of reading it, and why not all."""

    found: list[_Found] = field(default_factory=list)
    mark: PartMark | None = None
    over_limits: OverLimitsError | None = None


@dataclass(slots=True)
class _Tree:
    budget: Budget
    openers: Mapping[str, tuple[Opener, ...]]
    parts: list[UnpackedPart] = field(default_factory=list)

    def look_at(self, part: UnpackedPart) -> _Found:
        """Return the part with what can be opened in it."""
        claimed = claims(part.names, part.content_type, part.types, part.body)
        return _Found(part, tuple(claim for claim in claimed if claim.kind in self.openers))

    def open(self, container: _Found, depth: int) -> UnpackedPart:
        """Add all that lies in the part, at all depths; return the part with what its members tell of it."""
        marks = container.part.marks
        found: list[_Found] = []
        for claim in container.claims:
            self.budget.enter(depth + 1)
            outcome = self._read(claim, container.part)
            found = _union(found, outcome.found)
            if outcome.over_limits is not None:
                self.parts.extend(one.part for one in found)
                raise outcome.over_limits
            if outcome.mark is not None:
                marks |= {outcome.mark}
        for one in found:
            self._add(one, depth + 1)
        return _told_by_members(replace(container.part, marks=marks), [one.part for one in found])

    def _add(self, found: _Found, depth: int) -> None:
        place = len(self.parts)
        self.parts.append(found.part)
        self.parts[place] = self.open(found, depth)

    def _read(self, claim: Claim, container: UnpackedPart) -> _Outcome:
        """Read it by the first opener that can read all, else by all of them together."""
        data = container.body[claim.offset :] if claim.offset else container.body
        together = _Outcome()
        for opener in self.openers[claim.kind]:
            outcome = self._read_by(opener, data, container)
            together = _Outcome(_union(together.found, outcome.found), outcome.mark, outcome.over_limits)
            if outcome.mark is not PartMark.UNDECODABLE or outcome.over_limits:
                break
        if together.mark is PartMark.UNDECODABLE:
            if not claim.is_certain:
                together.mark = None
            elif len(container.body) < container.size:
                together.over_limits = OverLimitsError("an archive larger than what is held of a part")
        return together

    def _read_by(self, opener: Opener, data: bytes, container: UnpackedPart) -> _Outcome:
        outcome = _Outcome()
        try:
            for content in opener(data, self.budget):
                self.budget.count_part()
                outcome.found.append(self._kept(self.look_at(_part(container, content))))
                if content.size and not content.body and not self.budget.remainder.held_bytes:
                    outcome.over_limits = OverLimitsError("unpacks to more than what is held of a message")
                    break
        except OverLimitsError as error:
            outcome.over_limits = error
        except DamagedError:
            outcome.mark = PartMark.UNDECODABLE
        except EncryptedError:
            outcome.mark = PartMark.ENCRYPTED
        except NotThisFormatError:
            pass
        return outcome

    def _kept(self, found: _Found) -> _Found:
        """Let go of most of a large part that holds no others: what lies behind it needs the place."""
        excess = len(found.part.body) - _KEPT_BYTES
        if found.claims or excess <= 0:
            return found
        self.budget.release(excess)
        return replace(found, part=replace(found.part, body=found.part.body[:_KEPT_BYTES]))


def _union(first: list[_Found], second: list[_Found]) -> list[_Found]:
    """Drop from the first reading what the second has, too, and perhaps more of it; marks of both stand."""
    if not first or not second:
        return first or second
    by_path: dict[str, list[_Found]] = {}
    for one in second:
        by_path.setdefault(one.part.path, []).append(one)
    merged = list(second)
    for one in first:
        same = next(
            (other for other in by_path.get(one.part.path, ()) if other.part.body.startswith(one.part.body)), None
        )
        if same is None:
            merged.append(one)
        elif one.part.marks - same.part.marks - {PartMark.ENCRYPTED}:
            merged[merged.index(same)] = replace(
                same, part=replace(same.part, marks=same.part.marks | one.part.marks)
            )
    return merged


def _part(container: UnpackedPart, content: Content) -> UnpackedPart:
    names = content.names or _names_without_ending(container.names)
    types = file_types(content.body)
    marks = {PartMark.ENCRYPTED: content.is_encrypted, PartMark.MACROS: content.has_macros}
    return UnpackedPart(
        path=f"{container.path}/{_segment(names, types)}",
        content_type=content.content_type or "application/octet-stream",
        names=names,
        types=types,
        body=content.body,
        size=content.size,
        marks=frozenset(mark for mark, holds in marks.items() if holds),
        sha256=content.sha256,
    )


def _names_without_ending(names: tuple[str, ...]) -> tuple[str, ...]:
    """Name a file that has none of its own by what it is packed in: report.exe.gz holds report.exe."""
    found = []
    for name in names:
        stem, dot, ending = name.rpartition(".")
        rest = _PACKED_ENDINGS.get((dot + ending).lower())
        if stem and rest is not None:
            found.append(stem + rest)
    return tuple(found)


def _segment(names: tuple[str, ...], types: tuple[str, ...]) -> str:
    if names:
        return printable(names[0][:_SEGMENT_LIMIT_CHARACTERS])
    return f"[{types[-1] if types else 'data'}]"
