"""Which parts must go to the process that opens containers, and what it costs to find out."""

import random

import pytest

from scanner_service.decode.container_signs import Claim, claims, may_hold_parts
from scanner_service.decode.file_type import file_types
from scanner_service.model.message import UnpackedPart
from tests.corpus.evasion.program import PROGRAM
from tests.corpus.evasion.zip_bytes import Member, zip_of

ZIP = zip_of([Member(b"run.exe", PROGRAM)])
TEXT = b"Dear Bob,\r\nthe PK of Rar! and 7z, MSCF to begin with.\r\n" * 2000
RANDOM = random.Random(1)  # the same bytes in every run
JPEG = b"\xff\xd8\xff\xe0" + RANDOM.randbytes(100_000)


def part(body: bytes, name: str | None = None, content_type: str = "application/octet-stream") -> UnpackedPart:
    return UnpackedPart("1", content_type, (name,) if name else (), file_types(body), body, len(body))


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(part(TEXT, content_type="text/plain"), id="text"),
        pytest.param(part(b"<html>" + TEXT, content_type="text/html"), id="html"),
        pytest.param(part(JPEG, "photo.jpg", "image/jpeg"), id="picture"),
        pytest.param(part(PROGRAM, "run.exe"), id="program"),
        pytest.param(part(b"", "empty.zip"), id="nothing"),
        pytest.param(part(b"MZ text that is no program", "a.txt"), id="MZ"),
    ],
)
def test_what_holds_nothing_stays_in_the_service(one: UnpackedPart) -> None:
    assert not may_hold_parts(one)


@pytest.mark.parametrize(
    ("one", "claim"),
    [
        pytest.param(part(ZIP), Claim("zip", 0, is_certain=True), id="by its beginning"),
        pytest.param(part(b"GIF89a" + ZIP), Claim("zip", 0, is_certain=False), id="behind a picture"),
        pytest.param(part(b"GIF89a" + ZIP, "a.zip"), Claim("zip", 0, is_certain=True), id="behind, with a name"),
        pytest.param(part(b"junk PK\x03\x04" + bytes(9**6), "a.jar"), Claim("zip", 0, is_certain=True), id="no end"),
        pytest.param(part(b"PK00PK\x03\x04"), Claim("zip", 0, is_certain=True), id="spanned"),
        pytest.param(part(b"\x1f\x8b\x08"), Claim("gz", 0, is_certain=False), id="by a weak sign"),
        pytest.param(part(b"\x1f\x8b\x08", "a.tgz"), Claim("gz", 0, is_certain=True), id="weak sign and name"),
        pytest.param(
            part(b"\x1f\x8b\x08", None, "application/gzip"), Claim("gz", 0, is_certain=True), id="weak sign and type"
        ),
        pytest.param(
            part(PROGRAM + b"Rar!\x1a\x07\0"), Claim("rar", len(PROGRAM), is_certain=False), id="self-extractor"
        ),
        pytest.param(part(b"x7z\xbc\xaf\x27\x1c\0\4"), Claim("7z", 1, is_certain=False), id="7z behind a byte"),
        pytest.param(
            part(PROGRAM + b"\xef\xbe\xad\xdeNullsoftInst"), Claim("nsis", 0, is_certain=False), id="installer"
        ),
    ],
)
def test_what_may_be_a_container_is_told_by_its_kind(one: UnpackedPart, claim: Claim) -> None:
    assert claim in list(claims(one.names, one.content_type, one.types, one.body))


def test_what_lies_in_an_archive_is_no_claim_of_its_own() -> None:
    outer = zip_of([Member(b"a.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40), method=0)])

    found = list(claims(("a.zip",), "application/zip", file_types(outer), outer))

    assert found == [Claim("zip", 0, is_certain=True)]


def test_an_archive_named_as_another_kind_is_tried_as_both_and_not_broken_for_that() -> None:
    body = b"7z\xbc\xaf\x27\x1c\0\4" + ZIP

    found = list(claims(("photos.zip",), "", file_types(body), body))

    assert found == [Claim("7z", 0, is_certain=True), Claim("zip", 0, is_certain=False)]
