"""What a part may be a container of, by its bytes, its names and its declared type: cheap, and never an opinion.

The service asks which parts must go to the process that opens containers, that process asks again for every member:
both get their answer here, so that nothing is opened in one place and overlooked in the other.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scanner_service.decode.formats.mail import looks_like_mail
from scanner_service.model.message import Part

# Types of decode.file_type whose sign is long enough to be no chance: such a part that cannot be opened is broken.
_STRONG = frozenset("zip 7z rar xz zst lz4 deb a rpm tar iso chm szdd xar lzo ace zoo sis".split())  # noqa: SIM905
# Short signs, or such as a text may begin with: believed only if the name or the declared type says the same.
_WEAK = frozenset(("gz", "Z", "bz2", "lzma", "arj", "lha", "cpio", "cab", "lrz"))
_CABINET = b"MSCF\0\0\0\0"  # with the zeros that follow, it is no chance either
# What is no archive and may hold something: type of decode.file_type -> kind. Their openers tell what is broken.
_DOCUMENTS = {"pdf": "pdf", "ole": "ole", "rtf": "rtf", "tnef": "tnef", "hqx": "hqx", "uue": "uue"}
# Of those, what programs show as it stands: an archive may hide behind one.
_SHOWN = frozenset(("pdf", "ole", "rtf", "uue", "hqx"))

_KIND_OF_EXTENSION = {
    ".7z": "7z", ".a": "a", ".ace": "ace", ".apk": "zip", ".arj": "arj", ".bz2": "bz2", ".cab": "cab", ".chm": "chm",
    ".cpio": "cpio", ".deb": "deb", ".gz": "gz", ".img": "iso", ".iso": "iso", ".jar": "zip", ".lha": "lha",
    ".lz4": "lz4", ".lzh": "lha", ".lzma": "lzma", ".lzo": "lzo", ".msi": "msi", ".rar": "rar", ".rpm": "rpm",
    ".tar": "tar", ".tbz": "bz2", ".tbz2": "bz2", ".tgz": "gz", ".txz": "xz", ".tzst": "zst", ".xar": "xar",
    ".xpi": "zip", ".xz": "xz", ".z": "Z", ".zip": "zip", ".zipx": "zip", ".zoo": "zoo", ".zst": "zst",
    ".eml": "mail", ".mbox": "mail",
    ".htm": "html", ".html": "html", ".shtml": "html", ".svg": "html", ".xhtml": "html",
}  # fmt: skip
_KIND_OF_CONTENT_TYPE = {
    "application/gzip": "gz", "application/vnd.ms-cab-compressed": "cab", "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z", "application/x-arj": "arj", "application/x-bzip2": "bz2",
    "application/x-gzip": "gz", "application/x-lha": "lha", "application/x-rar-compressed": "rar",
    "application/x-tar": "tar", "application/x-xz": "xz", "application/x-zip-compressed": "zip",
    "application/zip": "zip", "application/zstd": "zst", "message/rfc822": "mail", "application/mbox": "mail",
    "text/html": "html", "application/xhtml+xml": "html", "image/svg+xml": "html",
}  # fmt: skip

_ZIP_END = b"PK\x05\x06"
_ZIP_MEMBER = b"PK\x03\x04"
_ZIP_TAIL_BYTES = 66 * 2**10  # a comment of 64 KiB and the record before it (APPNOTE.TXT 4.3.16)
_SPANNED_ZIP = b"PK00PK\x03\x04"  # a set of disks that came to be a single one (APPNOTE.TXT 8.5.4)
_NSIS = b"\xef\xbe\xad\xdeNullsoftInst"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# CLSID of an installer's root storage, {000C1084-0000-0000-C000-000000000046}, as it lies in the file.
_MSI_CLASS = b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0F"
# Archives that programs find behind something else, and a byte of their sign that texts do not have.
_EMBEDDED = (
    ("rar", b"Rar!\x1a\x07", b"\x1a"),
    ("7z", b"7z\xbc\xaf\x27\x1c\0", b"\x1c"),
    ("cab", _CABINET, b"\0"),
)
_LINE_BEGIN = b"\nbegin"
_UUENCODED = re.compile(rb"^begin(?:-base64)? +[0-7]{3,5} ", re.MULTILINE)
# What a page needs that makes a file of its own text; pictures in it are nothing to save.
_SMUGGLERS_WORDS = (b";base64,", b"atob", b"blob", b"new file")
_SMUGGLING = re.compile(
    rb"data:(?!image/(?:png|gif|jpe?g|webp|svg))[^,\"'<>]{0,100};base64,|\batob\b|\bblob\b|new\s+file\b"
)
_PDF_WITHIN_BYTES = 1024  # readers look so far for its sign (Adobe's implementation note 13 to PDF 1.7)
_EMBEDDED_TRIES = 4  # of each kind: a program may bear the sign as a constant, too
_PICTURES = frozenset(("image", "audio", "movie"))


@dataclass(frozen=True, slots=True)
class Claim:
    """That a container of this kind begins at this place. If it ``is_certain`` and cannot be read, it is broken."""

    kind: str
    offset: int
    is_certain: bool


def may_hold_parts(part: Part) -> bool:
    """Return whether the part must go to the process that opens containers."""
    return next(claims(part.names, part.content_type, part.types, part.body), None) is not None


def claims(names: Iterable[str], content_type: str, types: tuple[str, ...], body: bytes) -> Iterator[Claim]:
    """Yield what the part may be, the likeliest first."""
    said = _said_kinds(names, content_type)
    at_start = tuple(_at_start(types, content_type, body, said))
    yield from at_start
    # What lies inside an archive bears signs of its own, and is looked at once that is opened. Only if the name says
    # another kind is that tried as well; and then it is no surprise if there is none.
    is_archive = any(claim.is_certain and claim.kind not in _SHOWN for claim in at_start)
    started = {claim.kind for claim in at_start}
    for claim in _embedded(types, body, said):
        if claim.kind not in started and (not is_archive or claim.kind in said):
            yield Claim(claim.kind, claim.offset, claim.is_certain and not is_archive)


def _said_kinds(names: Iterable[str], content_type: str) -> frozenset[str]:
    endings = (name[name.rfind(".") :].lower() for name in names)
    kinds = {_KIND_OF_EXTENSION[ending] for ending in endings if ending in _KIND_OF_EXTENSION}
    if content_type in _KIND_OF_CONTENT_TYPE:
        kinds.add(_KIND_OF_CONTENT_TYPE[content_type])
    return frozenset(kinds)


def _at_start(types: tuple[str, ...], content_type: str, body: bytes, said: frozenset[str]) -> Iterator[Claim]:
    for kind in types:
        if kind in _STRONG:
            yield Claim(kind, 0, is_certain=True)
        elif kind in _WEAK:
            yield Claim(kind, 0, is_certain=kind in said or body.startswith(_CABINET))
        elif kind in _DOCUMENTS:
            yield Claim(_DOCUMENTS[kind], 0, is_certain=True)
    if body.startswith(_SPANNED_ZIP):
        yield Claim("zip", 0, is_certain=True)
    if body.startswith(_OLE) and _MSI_CLASS in body:
        yield Claim("msi", 0, is_certain=True)
    if "pdf" not in types and b"%PDF-" in body[:_PDF_WITHIN_BYTES]:
        yield Claim("pdf", 0, is_certain=False)
    if "tar" not in types and _is_old_tar(body):
        yield Claim("tar", 0, is_certain="tar" in said)
    yield from _documents_by_more_than_type(types, content_type, body, said)


def _documents_by_more_than_type(
    types: tuple[str, ...], content_type: str, body: bytes, said: frozenset[str]
) -> Iterator[Claim]:
    """Yield what text may be: everything here is asked of each text part, so it must cost microseconds."""
    if "mail" in said or (not types and not content_type.startswith("text/") and looks_like_mail(body)):
        yield Claim("mail", 0, is_certain=False)
    if (_LINE_BEGIN in body or body.startswith(_LINE_BEGIN[1:])) and not types and _UUENCODED.search(body):
        yield Claim("uue", 0, is_certain=False)
    if "html" in types or "html" in said or body[:200].lstrip()[:1] == b"<":
        lower = body.lower()
        if any(word in lower for word in _SMUGGLERS_WORDS) and _SMUGGLING.search(lower):
            yield Claim("html", 0, is_certain=False)


def _embedded(types: tuple[str, ...], body: bytes, said: frozenset[str]) -> Iterator[Claim]:
    """Yield the archives behind something else: self-extractors, polyglots, junk before the archive."""
    is_executable = "exe" in types
    if body.find(_ZIP_END, -_ZIP_TAIL_BYTES) >= 0 or ("zip" in said and _ZIP_MEMBER in body):
        yield Claim("zip", 0, is_certain="zip" in said)
    for kind, sign, rare in _EMBEDDED:
        # A viewer of pictures stops at their end; that many run cabinets out of them nobody has seen.
        if rare in body and (kind != "cab" or not _PICTURES.intersection(types)):
            for number, at in enumerate(_places(body, sign)):
                yield Claim(kind, at, is_certain=kind in said and number == 0)
    if is_executable and _NSIS in body:
        yield Claim("nsis", 0, is_certain=False)


def _places(body: bytes, sign: bytes) -> Iterator[int]:
    at = body.find(sign, 1)
    for _ in range(_EMBEDDED_TRIES):
        if at < 0:
            return
        yield at
        at = body.find(sign, at + 1)


def _is_old_tar(body: bytes) -> bool:
    """Tell an archive from before POSIX by the checksum of its first header (tar(5), Old-Style Archive Format)."""
    field = body[148:156].strip(b" \0")
    if len(body) < 512 or not field.isdigit() or body[0] == 0:
        return False
    try:
        stated = int(field, 8)
    except ValueError:
        return False
    return stated == sum(body[:148]) + 8 * 0x20 + sum(body[156:512])
