"""What lies in containers comes out with a path, names and marks; what only looks like one is left in peace."""

import bz2
import gzip
import io
import lzma
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from libarchive import write as libarchive_write

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.formats.content import SevenZipError
from scanner_service.decode.unpack import unpack
from scanner_service.model.container import Container
from scanner_service.model.message import PartMark
from tests.corpus.evasion.program import PROGRAM
from tests.corpus.evasion.zip_bytes import Member, zip_of
from tests.scanner_service.decode.unpacking import executables, part_at, unpack_bytes

RANDOM = random.Random(5)  # the same bytes in every run
ZIP = zip_of([Member(b"run.exe", PROGRAM)])


def tar_of(name: str, body: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def by_libarchive(archive_format: str, packing: str | None = None) -> bytes:
    blocks: list[bytes] = []

    def take(block: bytes) -> int:
        blocks.append(bytes(block))
        return len(block)

    with libarchive_write.custom_writer(take, archive_format, packing) as archive:
        archive.add_file_from_memory("run.exe", len(PROGRAM), PROGRAM)
    return b"".join(blocks)


def by_seven_zip(folder: Path, archive: str, *switches: str) -> bytes:
    (folder / "run.exe").write_bytes(PROGRAM * 9)
    command = ["7zz", "a", "-bd", "-y", *switches, archive, "run.exe"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return (folder / archive).read_bytes()


@pytest.mark.parametrize(
    ("name", "build", "path"),
    [
        ("a.zip", lambda: ZIP, "run.exe"),
        ("a.tar", lambda: tar_of("run.exe", PROGRAM), "run.exe"),
        ("a.tgz", lambda: gzip.compress(tar_of("run.exe", PROGRAM)), "a.tar/run.exe"),
        ("run.exe.bz2", lambda: bz2.compress(PROGRAM), "run.exe"),
        ("run.exe.xz", lambda: lzma.compress(PROGRAM), "run.exe"),
        ("run.exe.lzma", lambda: lzma.compress(PROGRAM, lzma.FORMAT_ALONE), "run.exe"),
        ("run.exe.zst", lambda: zstandard.compress(PROGRAM), "run.exe"),
        ("a.tar.lz4", lambda: by_libarchive("ustar", "lz4"), "a.tar/run.exe"),
        ("a.tar.Z", lambda: by_libarchive("ustar", "compress"), "a.tar/run.exe"),
        ("a.iso", lambda: by_libarchive("iso9660"), "run.exe"),
        ("a.xar", lambda: by_libarchive("xar"), "run.exe"),
        ("a.cpio", lambda: by_libarchive("cpio_newc"), "run.exe"),
        ("a.a", lambda: by_libarchive("ar_svr4"), "run.exe"),
        ("a.7z", lambda: by_libarchive("7zip"), "run.exe"),
    ],
)
def test_a_program_is_found_in_every_kind_of_archive(name: str, build: Callable[[], bytes], path: str) -> None:
    body = build()

    unpacked = unpack_bytes(body, name)

    assert executables(unpacked) == [f"1/{name}/{path}"]
    assert unpacked.marks == frozenset()
    assert unpacked.over_limits is None
    assert part_at(unpacked, f"1/{name}/{path}").body == PROGRAM


@pytest.mark.parametrize("method", ["LZMA", "LZMA2", "PPMd", "BZip2", "Deflate", "Deflate64", "Copy"])
def test_7z_archives_are_read_by_every_method(tmp_path: Path, method: str) -> None:
    body = by_seven_zip(tmp_path, "a.7z", f"-m0={method}")

    assert executables(unpack_bytes(body, "a.7z")) == ["1/a.7z/run.exe"]


@pytest.mark.parametrize("method", ["LZMA", "PPMd", "BZip2", "Deflate", "Deflate64", "XZ", "Copy"])
def test_zip_archives_are_read_by_every_method(tmp_path: Path, method: str) -> None:
    body = by_seven_zip(tmp_path, "a.zip", f"-mm={method}")

    unpacked = unpack_bytes(body, "a.zip")

    assert executables(unpacked) == ["1/a.zip/run.exe"]
    assert not unpacked.marks


def test_a_container_comes_before_what_it_holds() -> None:
    inner = zip_of([Member(b"run.exe", PROGRAM), Member(b"x.txt", b"text")])
    outer = zip_of([Member(b"dir/inner.zip", inner), Member(b"z.txt", b"text")])

    unpacked = unpack_bytes(outer, "report.zip")

    assert [part.path for part in unpacked.parts] == [
        "1/report.zip/dir/inner.zip",
        "1/report.zip/dir/inner.zip/run.exe",
        "1/report.zip/dir/inner.zip/x.txt",
        "1/report.zip/z.txt",
    ]


def test_a_container_without_a_name_goes_by_its_type() -> None:
    assert executables(unpack_bytes(gzip.compress(ZIP))) == ["1/[gz]/[zip]/run.exe"]


def test_a_name_in_a_path_is_printable_and_no_longer_than_it_helps() -> None:
    body = zip_of([Member("\u202e\r\n".encode() + b"x" * 5000, b"text")])

    [part] = unpack_bytes(body, "a.zip").parts

    assert part.path.isprintable()
    assert len(part.path) < 200
    assert any(len(name) >= 5000 for name in part.names)


def test_folders_and_links_are_no_parts_but_count() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(20):
            folder = tarfile.TarInfo(f"folder{number}")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)

    unpacked = unpack_bytes(buffer.getvalue(), "a.tar", limits=DecodeLimits(parts=25))

    assert unpacked.parts == ()
    assert unpacked.remainder.parts == 5


def test_what_is_nested_too_deep_is_over_limits() -> None:
    body = zip_of([Member(b"inner.zip", ZIP)])

    unpacked = unpack_bytes(body, "a.zip", limits=DecodeLimits(depth=2))

    assert unpacked.over_limits == "nested deeper than [limits] depth"
    assert [part.path for part in unpacked.parts] == ["1/a.zip/inner.zip"]


def test_an_archive_larger_than_what_is_held_is_over_limits_and_not_broken() -> None:
    large = zip_of([Member(b"a.bin", RANDOM.randbytes(2**20), method=0)])
    budget = Budget.of_message(DecodeLimits(), 40 * 2**20)
    budget.hold(bytes(2**20) for _ in range(31))  # what came before takes nearly all
    container = Container("1", 1, "application/gzip", ("a.zip.gz",), gzip.compress(large + ZIP, 1))

    unpacked = unpack(container, budget, lambda _arguments, _data: b"")

    assert unpacked.over_limits == "unpacks to more than what is held of a message"
    assert not unpacked.marks


def test_large_members_do_not_keep_the_place_of_those_behind_them() -> None:
    large = [Member(b"%d.xml" % number, bytes(12 * 2**20)) for number in range(4)]
    body = zip_of([*large, Member(b"inner.zip", ZIP)])

    unpacked = unpack_bytes(body, "sheet.zip", limits=DecodeLimits(unpack_ratio=5000))

    assert executables(unpacked) == ["1/sheet.zip/inner.zip/run.exe"]
    assert unpacked.over_limits is None
    assert part_at(unpacked, "1/sheet.zip/0.xml").size == 12 * 2**20


def test_a_member_of_which_nothing_is_held_is_over_limits_and_not_silently_clean() -> None:
    body = zip_of([Member(b"%d.txt" % number, b"x%d" % number + bytes(2**20)) for number in range(40)])

    unpacked = unpack_bytes(body, "a.zip", limits=DecodeLimits(unpack_ratio=5000))

    assert unpacked.over_limits == "unpacks to more than what is held of a message"


@pytest.mark.parametrize("switches", [("-psecret",), ("-psecret", "-mem=AES256")])
def test_an_encrypted_member_is_named_and_marked(tmp_path: Path, switches: tuple[str, ...]) -> None:
    body = by_seven_zip(tmp_path, "a.zip", *switches)

    [part] = unpack_bytes(body, "a.zip").parts

    assert part.names[0] == "run.exe"
    assert part.marks == {PartMark.ENCRYPTED}


def test_a_7z_with_encrypted_names_is_encrypted_itself(tmp_path: Path) -> None:
    unpacked = unpack_bytes(by_seven_zip(tmp_path, "a.7z", "-psecret", "-mhe=on"), "a.7z")

    assert unpacked.marks == {PartMark.ENCRYPTED}


def test_a_member_that_cannot_be_opened_is_marked_itself() -> None:
    body = zip_of([Member(b"inner.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(range(100)))])

    unpacked = unpack_bytes(body, "a.zip")

    assert unpacked.marks == frozenset()
    assert part_at(unpacked, "1/a.zip/inner.7z").marks == {PartMark.UNDECODABLE}


@pytest.mark.parametrize("magic", [b"**ACE**", b"\x89LZO\0"])
def test_what_nothing_here_opens_is_undecodable(magic: bytes) -> None:
    body = (bytes(7) if magic.startswith(b"**") else b"") + magic + RANDOM.randbytes(500)

    assert unpack_bytes(body).marks == {PartMark.UNDECODABLE}


@pytest.mark.parametrize(
    "magic",
    [b"\x1f\x8b", b"\x1f\x8b\x08\0", b"BZh", b"BZh9", b"]\0\0", b"]\0\0\x80\0", b"`\xea", b"\x1f\x9d", b"\xc7\x71",
     b"\x71\xc7", b"xx-lh5-", b"MZ", b"PK", b"BM", b"Rar!", b"MSCF1", b"LRZI", b"070701"],
)  # fmt: skip
@given(data=st.randoms(use_true_random=False), size=st.integers(0, 3000))
@settings(max_examples=10, deadline=None)
def test_random_bytes_behind_a_short_sign_are_never_broken(magic: bytes, data: random.Random, size: int) -> None:
    unpacked = unpack_bytes(magic + data.randbytes(size))

    assert unpacked.marks == frozenset()
    assert unpacked.over_limits is None


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.gz", gzip.compress(RANDOM.randbytes(9000))[:-3000]),
        ("a.bz2", bz2.compress(RANDOM.randbytes(9000))[:-3000]),
        ("a.xz", lzma.compress(RANDOM.randbytes(9000))[:-3000]),
        ("a.zst", zstandard.compress(RANDOM.randbytes(9000))[:-3000]),
        ("a.zip", zip_of([Member(b"a.bin", RANDOM.randbytes(9000))])[:-3000]),
        ("a.tar", tar_of("a.bin", RANDOM.randbytes(9000))[:3000]),
        ("a.rar", b"Rar!\x1a\x07\0" + RANDOM.randbytes(900)),
        ("a.cab", b"MSCF\0\0\0\0" + RANDOM.randbytes(900)),
    ],
)
def test_an_archive_that_is_cut_off_or_broken_is_undecodable(name: str, body: bytes) -> None:
    assert unpack_bytes(body, name).marks == {PartMark.UNDECODABLE}


def test_a_7zip_that_fails_leaves_the_archive_undecodable() -> None:
    def failing(_arguments: tuple[str, ...], _data: bytes) -> bytes:
        raise SevenZipError("killed")

    container = Container("1", 1, "application/x-arj", ("a.arj",), b"\x60\xea" + bytes(50))

    unpacked = unpack(container, Budget.of_message(DecodeLimits(), 52), failing)

    assert unpacked.marks == {PartMark.UNDECODABLE}


SEEDS = (
    ZIP,
    zip_of([Member(b"a.zip", ZIP, method=0), Member(b"b", b"text" * 50, flags=8)], comment=b"PK\x05\x06"),
    tar_of("run.exe", PROGRAM),
    gzip.compress(tar_of("run.exe", PROGRAM)),
    by_libarchive("7zip"),
    by_libarchive("cpio_newc"),
    by_libarchive("iso9660")[:40_000],
    by_libarchive("xar"),
)


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=8)), max_size=6),
    cut=st.integers(0, 200),
)
@settings(max_examples=100, deadline=None)
def test_no_archive_however_broken_makes_it_raise(seed: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    body = bytearray(seed)
    for place, new in changes:
        at = place % len(body)
        body[at : at + len(new)] = new
    data = bytes(body[: max(1, len(body) - cut)])
    budget = Budget.of_message(DecodeLimits(), len(data))

    unpacked = unpack(Container("1", 1, "", ("a.zip",), data), budget, lambda _arguments, _data: b"")

    assert all(part.path.isprintable() for part in unpacked.parts)


@given(listing=st.binary(max_size=300), output=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_whatever_7zip_prints_it_does_not_raise(listing: bytes, output: bytes) -> None:
    def printing(arguments: tuple[str, ...], _data: bytes) -> bytes:
        return b"head\n----------\n" + listing if arguments[0] == "l" else output

    container = Container("1", 1, "", ("a.arj",), b"\x60\xea" + bytes(50))

    unpack(container, Budget.of_message(DecodeLimits(), 52), printing)
