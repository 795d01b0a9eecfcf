"""Archives that hide a program from some of those who look, and what must be found in each all the same."""

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from libarchive import write as libarchive_write

from tests.corpus.evasion.case import EvasionCase, message_with
from tests.corpus.evasion.old_formats import lha_of, rar4_of, rar5_of
from tests.corpus.evasion.program import PROGRAM
from tests.corpus.evasion.zip_bytes import Member, zip_of

TEXT = b"Nothing to see here.\r\n"
GIF = bytes.fromhex("474946383961 01000100 800000 000000 ffffff 2c00000000 01000100 00 02024401003b")
ENCRYPTED = frozenset({"unchecked.encrypted"})
UNDECODABLE = frozenset({"unchecked.undecodable"})
OVER_LIMITS = frozenset({"unchecked.over_limits"})

_RUN = Member(b"run.exe", PROGRAM)
_README = Member(b"readme.txt", TEXT)


def _zip(**files: bytes) -> bytes:
    return zip_of([Member(name.replace("__", ".").encode(), body) for name, body in files.items()])


def _nested(depth: int) -> bytes:
    data = zip_of([_RUN])
    for _ in range(depth - 1):
        data = zip_of([Member(b"a.zip", data, method=0)])
    return data


def _tar(name: str = "run.exe", body: bytes = PROGRAM, tar_format: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def _tar_with_lying_size() -> bytes:
    """Let the first member reach over the second, which a program that seeks a header still finds."""
    header = tarfile.TarInfo("readme.txt")
    header.size = 10**9
    return header.tobuf(tarfile.USTAR_FORMAT) + TEXT.ljust(512, b"\0") + _tar()


def _libarchive(archive_format: str, name: str = "run.exe", body: bytes = PROGRAM) -> bytes:
    """Write an archive of one member by libarchive."""
    blocks: list[bytes] = []

    def take(block: bytes) -> int:
        blocks.append(bytes(block))
        return len(block)

    with libarchive_write.custom_writer(take, archive_format) as archive:
        archive.add_file_from_memory(name, len(body), body)
    return b"".join(blocks)


def _seven_zip(files: dict[str, bytes], *switches: str, archive: str = "a.7z") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for name, body in files.items():
            (Path(folder) / name).write_bytes(body)
        command = ["7zz", "a", "-bd", "-y", *switches, archive, *files]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        return (Path(folder) / archive).read_bytes()


def _ar(name: bytes, body: bytes) -> bytes:
    header = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) + b"0".ljust(6) + b"100644".ljust(8)
    return header + str(len(body)).encode().ljust(10) + b"`\n" + body + b"\n" * (len(body) % 2)


def _rpm() -> bytes:
    """Write a package: a lead, two headers of nothing, and a packed cpio."""
    lead = b"\xed\xab\xee\xdb\x03\0".ljust(96, b"\0")
    header = b"\x8e\xad\xe8\x01" + bytes(4) + (1).to_bytes(4, "big") + (16).to_bytes(4, "big") + bytes(32)
    return lead + header + header + gzip.compress(_libarchive("cpio_newc"))


def _deb() -> bytes:
    data = gzip.compress(_tar("./usr/bin/run.exe"))
    return (
        b"!<arch>\n"
        + _ar(b"debian-binary", b"2.0\n")
        + _ar(b"control.tar.gz", gzip.compress(_tar("control", TEXT)))
        + _ar(b"data.tar.gz", data)
    )


def _spanned() -> bytes:
    return b"PK00" + zip_of([_RUN], before=b"")


def _zip64() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("run.exe", "w", force_zip64=True) as member:
        member.write(PROGRAM)
    return buffer.getvalue()


def _unicode_path(name: bytes) -> bytes:
    """The Info-ZIP field of APPNOTE 4.6.9: a second name, for those who know the field."""
    field = b"\x01" + struct.pack("<L", zlib.crc32(b"readme.txt")) + name
    return struct.pack("<2H", 0x7075, len(field)) + field


def _bomb_by_ratio() -> bytes:
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte = zeros.compress(bytes(2**20)) + zeros.flush(zlib.Z_FULL_FLUSH)
    return zip_of([_RUN, Member(b"zeros.bin", b"", packed_as=megabyte * 400 + zeros.flush())])


def _bomb_by_count() -> bytes:
    return zip_of([_RUN, *(Member(b"%d.txt" % number, b"", method=0) for number in range(30_000))])


def _bomb_by_overlap() -> bytes:
    """A directory in which a thousand names share one body, as David Fifield's bombs do."""
    packed = Member(b"big", bytes(2**20)).packed
    names = [Member(b"%03d" % number, bytes(2**20), packed_as=packed) for number in range(1000)]
    body = names[0].local()
    directory = b"".join(name.central(0) for name in names)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1000, 1000, len(directory), len(body), 0)
    return body + directory + end


def _bomb_by_breadth() -> bytes:
    """Ten archives in each of ten in each of ten: no limit for one archive alone would stop it."""
    data = _zip(run__exe=PROGRAM)
    for _ in range(6):
        data = zip_of([Member(b"%d.zip" % number, data) for number in range(10)])
    return data


def _two_directories() -> bytes:
    """Two whole archives one behind the other: most programs read the last, streaming ones the first."""
    first, second = zip_of([_RUN]), zip_of([_README])
    return first + second


def _directory_within_comment() -> bytes:
    """A second end record in the archive's comment: some take the first they find from the back."""
    hidden = zip_of([_RUN])
    return zip_of([_README], comment=hidden)


def _lying_descriptor() -> bytes:
    member = Member(b"run.exe", PROGRAM, flags=8, local_size=0)
    descriptor = b"PK\x07\x08" + struct.pack("<3L", 1, 2, 3)
    return zip_of([replace(member, packed_as=member.packed + descriptor, central_size=5)])


def _gz_in_gz(times: int) -> bytes:
    data = PROGRAM
    for _ in range(times):
        data = gzip.compress(data)
    return data


def _gz_named(name: bytes) -> bytes:
    plain = gzip.compress(PROGRAM)
    return plain[:3] + b"\x08" + plain[4:10] + name + b"\0" + plain[10:]


def _old_tar() -> bytes:
    header = bytearray(_tar(tar_format=tarfile.USTAR_FORMAT))
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:155] = b"%06o\0" % sum(header[:512])
    return bytes(header)


def _case(
    name: str, why: str, attachment: str, build: Callable[[], bytes], *executables: str,
    parts: Sequence[str] = (), findings: frozenset[str] = frozenset(),
) -> EvasionCase:  # fmt: skip
    """Make a case of an attachment; its parts are named from the attachment on."""
    paths = [f"2/{attachment}/{path}" for path in executables]
    return EvasionCase(
        name=name,
        why=why,
        build=lambda: message_with(attachment, build()),
        parts=(*paths, *(f"2/{attachment}/{path}" for path in parts)),
        executables=tuple(paths),
        findings=findings,
    )


def _nesting(depth: int) -> EvasionCase:
    inner = "/".join(["a.zip"] * (depth - 1) + ["run.exe"])
    return _case(f"{depth} zips in each other", "scanners stop at some depth", "a.zip", lambda: _nested(depth), inner)


def _named(name: str, raw: bytes, why: str, path: str) -> EvasionCase:
    return _case(f"member's name: {name}", why, "a.zip", lambda: zip_of([Member(raw, PROGRAM)]), path)


_NAMES = (
    ("trailing blanks", b"run.exe   ", "Windows drops them when it unpacks", "run.exe   "),
    ("trailing dots", b"run.exe...", "Windows drops them when it unpacks", "run.exe..."),
    ("right to left override", "run\u202etxt.exe".encode(), "shown as runexe.txt", "run\\xe2\\x80\\xaetxt.exe"),
    ("NUL in the name", b"run.exe\0.txt", "programs in C end it there", "run.exe\\x00.txt"),
    ("absolute path", b"/etc/run.exe", "a path that is no plain name", "/etc/run.exe"),
    ("path upwards", b"../../run.exe", "unpacks outside of its folder", "../../run.exe"),
    ("backslashes", b"dir\\run.exe", "a folder for Windows alone", "dir\\x5crun.exe"),
    ("upper case", b"RUN.EXE", "rules that look for lower case", "RUN.EXE"),
    ("double extension", b"invoice.pdf.exe", "Windows hides the last one", "invoice.pdf.exe"),
    ("device of Windows", b"run.exe::$DATA", "an alternate stream is the file itself", "run.exe::$DATA"),
    ("long name", b"x" * 300 + b".exe", "cut off before the ending", "x" * 120),
    ("text ending", b"readme.txt", "a program by its bytes, not by its name", "readme.txt"),
)

CASES: tuple[EvasionCase, ...] = (
    *(_nesting(depth) for depth in (1, 5, 10, 20, 27)),
    _case(
        "40 zips in each other",
        "deeper than anybody nests",
        "a.zip",
        lambda: _nested(40),
        parts=["/".join(["a.zip"] * 28)],
        findings=OVER_LIMITS,
    ),
    *(_named(*name) for name in _NAMES),
    _case(
        "junk before a zip",
        "no sign at the beginning, and offsets that no longer fit",
        "a.zip",
        lambda: b"junk " * 300 + zip_of([_RUN]),
        "run.exe",
    ),
    _case(
        "junk before a zip, counted",
        "no sign at the beginning, and offsets that fit",
        "a.dat",
        lambda: zip_of([_RUN], before=b"junk " * 300),
        "run.exe",
    ),
    _case(
        "junk behind a zip",
        "the directory is not at the end",
        "a.zip",
        lambda: zip_of([_RUN]) + bytes(3000),
        "run.exe",
    ),
    _case(
        "much junk behind a zip",
        "further from the end than programs look",
        "a.zip",
        lambda: zip_of([_RUN]) + b"x" * 100_000,
        "run.exe",
    ),
    _case(
        "two archives in one file",
        "programs read the first or the last",
        "a.zip",
        _two_directories,
        "run.exe",
        parts=["readme.txt"],
    ),
    _case(
        "archive in the comment",
        "programs differ in which end they take",
        "a.zip",
        _directory_within_comment,
        "run.exe",
        parts=["readme.txt"],
    ),
    _case(
        "descriptor that lies", "sizes behind the body that are not its own", "a.zip", _lying_descriptor, "run.exe"
    ),
    _case(
        "size that lies in the directory",
        "the body is cut off for those who believe it",
        "a.zip",
        lambda: zip_of([replace(_RUN, central_size=3)]),
        "run.exe",
    ),
    _case(
        "size that lies in the member's header",
        "the next header is not where it says",
        "a.zip",
        lambda: zip_of([replace(_README, local_size=5000), replace(_RUN, local_size=1)]),
        "run.exe",
    ),
    _case(
        "other name in the directory",
        "programs show one name and write the other",
        "a.zip",
        lambda: zip_of([Member(b"run.exe", TEXT, central_name=b"readme.txt")]),
        "readme.txt",
    ),
    _case(
        "other name in the member's header",
        "programs show one name and write the other",
        "a.zip",
        lambda: zip_of([Member(b"readme.txt", TEXT, central_name=b"run.exe")]),
        "run.exe",
    ),
    _case(
        "member that no directory lists",
        "streaming programs unpack it",
        "a.zip",
        lambda: zip_of([_README, replace(_RUN, in_directory=False)]),
        "run.exe",
        parts=["readme.txt"],
    ),
    _case(
        "directory entry that points nowhere",
        "the name is shown, the body is not there",
        "a.zip",
        lambda: zip_of([replace(_RUN, offset_lie=7777)], before=b""),
        "run.exe",
        findings=UNDECODABLE,
    ),
    _case(
        "fake flag of encryption",
        "scanners give up where programs unpack",
        "a.zip",
        lambda: zip_of([replace(_RUN, flags=1)]),
        "run.exe",
    ),
    _case(
        "fake flag of encryption in the directory",
        "as above, for those who read the directory",
        "a.zip",
        lambda: zip_of([replace(_RUN, central_flags=1)]),
        "run.exe",
    ),
    _case(
        "fake flag of encryption on a stored member",
        "as above, with nothing that could fail",
        "a.zip",
        lambda: zip_of([replace(_RUN, flags=1, method=0)]),
        "run.exe",
    ),
    _case(
        "encrypted zip",
        "the name is all that can be seen",
        "a.zip",
        lambda: _seven_zip({"run.exe": PROGRAM}, "-tzip", "-psecret", archive="a.zip"),
        "run.exe",
        findings=ENCRYPTED,
    ),
    _case(
        "encrypted zip by AES",
        "the name is all that can be seen",
        "a.zip",
        lambda: _seven_zip({"run.exe": PROGRAM}, "-tzip", "-psecret", "-mem=AES256", archive="a.zip"),
        "run.exe",
        findings=ENCRYPTED,
    ),
    _case(
        "encrypted 7z",
        "the name is all that can be seen",
        "a.7z",
        lambda: _seven_zip({"run.exe": PROGRAM}, "-psecret"),
        "run.exe",
        findings=ENCRYPTED,
    ),
    EvasionCase(
        "7z with encrypted names",
        "not even the name can be seen",
        lambda: message_with("a.7z", _seven_zip({"run.exe": PROGRAM}, "-psecret", "-mhe=on")),
        (),
        (),
        ENCRYPTED,
    ),
    _case(
        "truncated zip",
        "the directory is gone, programs repair it",
        "a.zip",
        lambda: zip_of([_README, _RUN], with_directory=False),
        "run.exe",
        findings=UNDECODABLE,
    ),
    EvasionCase(
        "truncated 7z",
        "the list of members is at the end",
        lambda: message_with("a.7z", _seven_zip({"run.exe": PROGRAM})[:-20]),
        (),
        (),
        UNDECODABLE,
    ),
    EvasionCase(
        "truncated rar",
        "nothing but the beginning",
        lambda: message_with("a.rar", b"Rar!\x1a\x07\x01\x00" + bytes(60)),
        (),
        (),
        UNDECODABLE,
    ),
    _case(
        "gif and zip",
        "a picture for one program, an archive for the other",
        "a.gif",
        lambda: GIF + zip_of([_RUN]),
        "run.exe",
    ),
    _case(
        "gif and 7z",
        "a picture for one program, an archive for the other",
        "a.gif",
        lambda: GIF + _seven_zip({"run.exe": PROGRAM}),
        "run.exe",
    ),
    _case(
        "pdf and zip",
        "a document for one program, an archive for the other",
        "a.pdf",
        lambda: b"%PDF-1.4\n%%EOF\n" + zip_of([_RUN]),
        "run.exe",
    ),
    EvasionCase(
        "program and zip",
        "a self-extractor",
        lambda: message_with("a.txt", PROGRAM + zip_of([_RUN])),
        ("2", "2/a.txt/run.exe"),
        ("2", "2/a.txt/run.exe"),
    ),
    EvasionCase(
        "program and 7z",
        "a self-extractor",
        lambda: message_with("a.txt", PROGRAM + _seven_zip({"run.exe": PROGRAM})),
        ("2",),
        ("2", "2/a.txt/run.exe"),
    ),
    _case(
        "html and zip",
        "a page for one program, an archive for the other",
        "a.html",
        lambda: b"<html></html>" + zip_of([_RUN]),
        "run.exe",
    ),
    _case(
        "zip in tar in gz in 7z",
        "scanners know some of them",
        "a.7z",
        lambda: _seven_zip({"a.tgz": gzip.compress(_tar("a.zip", zip_of([_RUN])))}),
        "a.tgz/a.tar/a.zip/run.exe",
    ),
    _case("zip named as a picture", "sorted out by its name", "photo.jpg", lambda: zip_of([_RUN]), "run.exe"),
    _case(
        "deflate64",
        "few libraries know it",
        "a.zip",
        lambda: _seven_zip({"run.exe": PROGRAM * 20}, "-tzip", "-mm=Deflate64", archive="a.zip"),
        "run.exe",
    ),
    _case(
        "ppmd",
        "few libraries know it",
        "a.zip",
        lambda: _seven_zip({"run.exe": PROGRAM * 20}, "-tzip", "-mm=PPMd", archive="a.zip"),
        "run.exe",
    ),
    _case(
        "lzma in zip",
        "few programs know it",
        "a.zip",
        lambda: _seven_zip({"run.exe": PROGRAM * 20}, "-tzip", "-mm=LZMA", archive="a.zip"),
        "run.exe",
    ),
    _case(
        "method that the member's header lies about",
        "stored for one program, deflated for the other",
        "a.zip",
        lambda: zip_of([replace(_RUN, local_method=0)]),
        "run.exe",
    ),
    _case(
        "method in the member's header that nobody knows",
        "those who read the directory do not look",
        "a.zip",
        lambda: zip_of([replace(_RUN, local_method=77)]),
        "run.exe",
    ),
    _case(
        "unlisted member by a method that few know",
        "no directory lists it, and its body cannot be read: its name is found",
        "a.zip",
        lambda: zip_of([_README, replace(_RUN, in_directory=False, method=98)]),
        "run.exe",
    ),
    _case("bomb by ratio", "400 MB in 400 KB", "a.zip", _bomb_by_ratio, "run.exe", findings=OVER_LIMITS),
    _case("bomb by count", "30,000 members of nothing", "a.zip", _bomb_by_count, "run.exe", findings=OVER_LIMITS),
    EvasionCase(
        "bomb by overlap",
        "a thousand names for one body",
        lambda: message_with("a.zip", _bomb_by_overlap()),
        (),
        (),
        OVER_LIMITS,
    ),
    EvasionCase(
        "bomb by breadth",
        "a million archives",
        lambda: message_with("a.zip", _bomb_by_breadth()),
        (),
        (),
        OVER_LIMITS,
    ),
    EvasionCase(
        "bomb by bz2",
        "a gigabyte in a kilobyte",
        lambda: message_with("a.bz2", bz2.compress(bytes(2**24)) * 64),
        (),
        (),
        OVER_LIMITS,
    ),
    EvasionCase(
        "bomb by recursion",
        "a gz in a gz, a hundred times",
        lambda: message_with("a.gz", _gz_in_gz(100)),
        (),
        (),
        OVER_LIMITS,
    ),
    _case(
        "gz of many members",
        "programs that stop after the first",
        "a.gz",
        lambda: gzip.compress(b"") * 50 + gzip.compress(PROGRAM),
        "a",
    ),
    _case(
        "gz with a name of its own",
        "the name inside is the one that is written",
        "a.gz",
        lambda: _gz_named(b"run.exe"),
        "run.exe",
    ),
    _case("xz", "few scanners know it", "run.exe.xz", lambda: lzma.compress(PROGRAM), "run.exe"),
    _case(
        "lzma without a header",
        "hardly a sign",
        "run.exe.lzma",
        lambda: lzma.compress(PROGRAM, lzma.FORMAT_ALONE),
        "run.exe",
    ),
    _case("iso", "opened by a double click", "a.iso", lambda: _libarchive("iso9660"), "run.exe"),
    _case(
        "tar with a size that lies",
        "what follows is swallowed",
        "a.tar",
        _tar_with_lying_size,
        parts=["readme.txt"],
        findings=UNDECODABLE,
    ),
    _case("tar from before POSIX", "no sign at all, a checksum only", "a.dat", _old_tar, "run.exe"),
    _case(
        "tar with long names",
        "the name is in a member before it",
        "a.tar",
        lambda: _tar("d/" * 80 + "run.exe"),
        "d/" * 60,
    ),
    _case("deb", "an archive of archives", "a.deb", _deb, "data.tar.gz/data.tar/./usr/bin/run.exe"),
    _case("cpio", "few scanners know it", "a.cpio", lambda: _libarchive("cpio_newc"), "run.exe"),
    _case("xar", "opened by a double click on a Mac", "a.xar", lambda: _libarchive("xar"), "run.exe"),
    _case(
        "other name in the Unicode path",
        "programs show one name and write the other",
        "a.zip",
        lambda: zip_of([Member(b"readme.txt", TEXT, extra=_unicode_path(b"run.exe"))]),
        "readme.txt",
    ),
    _case("zip64", "sizes in another place", "a.zip", _zip64, "run.exe"),
    _case("spanned marker", "another sign at the beginning", "a.zip", _spanned, "run.exe"),
    _case(
        "folder of a name with an ending",
        "a folder's name, and a body",
        "a.zip",
        lambda: zip_of([Member(b"run.exe/", PROGRAM)]),
        "run.exe/",
    ),
    _case(
        "same name twice",
        "programs keep the first or the last",
        "a.zip",
        lambda: zip_of([Member(b"a.txt", TEXT), Member(b"a.txt", PROGRAM)]),
        "a.txt",
    ),
    _case(
        "archive in a message that is no archive",
        "junk on both sides and no ending in the name",
        "a",
        lambda: b"\xff" * 999 + zip_of([_RUN]) + b"\xff" * 999,
        "run.exe",
    ),
    _case("rar 4", "an old format", "a.rar", lambda: rar4_of("run.exe", PROGRAM), "run.exe"),
    _case("rar 5", "the format of today", "a.rar", lambda: rar5_of("run.exe", PROGRAM), "run.exe"),
    _case(
        "member of no type",
        "neither file nor folder, and unpacked as a file",
        "a.rar",
        lambda: rar5_of("run.exe", PROGRAM, host=1),
        "run.exe",
    ),
    _case("gif and rar", "a picture for one program", "a.gif", lambda: GIF + rar5_of("run.exe", PROGRAM), "run.exe"),
    _case(
        "encrypted rar 4",
        "the name is all that can be seen",
        "a.rar",
        lambda: rar4_of("run.exe", PROGRAM, is_encrypted=True),
        "run.exe",
        findings=ENCRYPTED,
    ),
    EvasionCase(
        "rar 4 with encrypted names",
        "not even the name can be seen",
        lambda: message_with("a.rar", rar4_of("run.exe", PROGRAM, hides_names=True)),
        (),
        (),
        ENCRYPTED,
    ),
    EvasionCase(
        "rar 5 with encrypted names",
        "not even the name can be seen",
        lambda: message_with("a.rar", rar5_of("run.exe", PROGRAM, hides_names=True)),
        (),
        (),
        ENCRYPTED,
    ),
    _case("lha", "old, and 7-Zip opens it", "a.lzh", lambda: lha_of("run.exe", PROGRAM), "run.exe"),
    _case("rpm", "a package is an archive", "a.rpm", _rpm, "run.exe"),
    EvasionCase(
        "unnamed attachment",
        "no name to go by",
        lambda: message_with("", zip_of([_RUN])),
        ("2/[zip]/run.exe",),
        ("2/[zip]/run.exe",),
    ),
)
