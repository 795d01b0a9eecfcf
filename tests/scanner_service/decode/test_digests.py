"""A part is told with the digest of all its bytes, and with none where they could not be read to their end."""

import bz2
import gzip
import hashlib
import io
import random
import struct
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest

from scanner_service.decode.budget import HELD_BYTES, Budget, DecodeLimits
from scanner_service.decode.mime import MimePart, decode_message
from scanner_service.decode.witness import decode_with_witness
from scanner_service.model.message import PartMark, UnpackedPart
from tests.corpus.evasion.case import message_with
from tests.corpus.evasion.old_formats import lha_of, rar4_of, rar5_of
from tests.corpus.evasion.program import PROGRAM
from tests.corpus.evasion.zip_bytes import Member, zip_of
from tests.scanner_service.decode.formats.compound_file import compound_file
from tests.scanner_service.decode.unpacking import unpack_bytes

NOISE = random.Random(3).randbytes(5000)
LIMITS = DecodeLimits(unpack_ratio=10**6)


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def tar_of(body: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("run.exe")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("a.zip", zip_of([Member(b"run.exe", PROGRAM)])),
        ("a.tar", tar_of(PROGRAM)),
        ("run.exe.gz", gzip.compress(PROGRAM)),
        ("run.exe.bz2", bz2.compress(PROGRAM)),
        ("a.rar", rar4_of("run.exe", PROGRAM)),
        ("a.rar", rar5_of("run.exe", PROGRAM)),
        ("a.lha", lha_of("run.exe", PROGRAM)),
        ("a.eml", message_with("run.exe", PROGRAM)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_lay_in_a_container_has_the_digest_of_its_bytes(name: str, container: bytes) -> None:
    parts = unpack_bytes(container, name).parts

    assert [part.sha256 for part in parts if "exe" in part.types] == [digest_of(PROGRAM)]


@pytest.mark.parametrize("size", [2 * 2**20, HELD_BYTES + 2**20], ids=["of which the beginning is kept", "beyond"])
def test_a_part_that_nobody_keeps_whole_has_the_digest_of_all_its_bytes(size: int) -> None:
    body = PROGRAM.ljust(size, b"\0")

    [part] = unpack_bytes(gzip.compress(body), "run.exe.gz", limits=LIMITS).parts

    assert len(part.body) < part.size == size
    assert part.sha256 == digest_of(body)


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("a.zip", zip_of([Member(b"run.exe", NOISE, packed_as=zlib.compress(NOISE, wbits=-15)[:3000])])),
        ("run.exe.gz", gzip.compress(PROGRAM * 5000)[:-300]),
        ("a.tar", tar_of(PROGRAM * 100)[:3000]),
    ],
    ids=["zip", "gz", "tar"],
)
def test_a_part_that_breaks_off_has_none(name: str, container: bytes) -> None:
    parts = unpack_bytes(container, name).parts

    assert [part.sha256 for part in parts] == [""] * len(parts)
    assert parts


def test_an_encrypted_part_has_none(tmp_path: Path) -> None:
    (tmp_path / "run.exe").write_bytes(PROGRAM)
    subprocess.run(["7zz", "a", "-bd", "-psecret", "a.zip", "run.exe"], cwd=tmp_path, check=True, capture_output=True)

    [part] = unpack_bytes((tmp_path / "a.zip").read_bytes(), "a.zip").parts

    assert (part.sha256, part.marks) == ("", frozenset({PartMark.ENCRYPTED}))


def test_an_object_of_a_document_has_one_and_the_first_block_of_its_macros_has_none() -> None:
    native = struct.pack("<I", len(PROGRAM)) + PROGRAM
    document = compound_file({"\x01Ole10Native": native, "Macros": {"VBA": {"_VBA_PROJECT": b"\xcc\x61"}}})

    digests = {part.sha256 for part in unpack_bytes(document, "a.doc").parts}

    assert digests == {digest_of(PROGRAM), ""}


def test_the_digest_of_a_leaf_is_made_when_somebody_asks() -> None:
    raw = message_with("run.exe", PROGRAM)
    decoded = decode_message(raw, Budget.of_message(DecodeLimits(), len(raw)))
    [_, part] = decoded.parts
    assert isinstance(part, MimePart)
    _ = (part.names, part.types, part.body, part.size, part.marks)
    assert "digest" not in vars(part)

    digest = part.sha256

    assert digest == digest_of(PROGRAM)


def test_what_another_reading_shows_has_one_too() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n"
        b"Content-Disposition: attachment; filename=run.exe\n\nMZ\n--b--\n"
    )

    decoded = decode_with_witness(raw, Budget.of_message(DecodeLimits(), len(raw)))

    [added] = [part for part in decoded.parts if isinstance(part, UnpackedPart)]
    assert (added.path, added.sha256) == ("~2", digest_of(b"MZ"))
