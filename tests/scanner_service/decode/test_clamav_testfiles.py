"""Debian's clamav-testfiles: one harmless program in 44 wrappings. Each is opened, or named with a reason."""

from pathlib import Path

import pytest

from scanner_service.decode.container_signs import may_hold_parts
from scanner_service.decode.file_type import file_types
from scanner_service.model.message import PartMark, UnpackedPart
from tests.scanner_service.decode.unpacking import executables, unpack_bytes

FOLDER = Path("/usr/share/clamav-testfiles")

# They are programs themselves, packed or installers, and so found as such without being opened.
PROGRAMS = (
    "clam-aspack.exe", "clam-fsg.exe", "clam-mew.exe", "clam-nsis.exe", "clam-pespin.exe", "clam-petite.exe",
    "clam-upack.exe", "clam-upx.exe", "clam-wwpack.exe", "clam-yc.exe", "clam.ea05.exe", "clam.ea06.exe", "clam.exe",
    "clam_IScab_ext.exe", "clam_IScab_int.exe", "clam_ISmsi_ext.exe", "clam_ISmsi_int.exe",
)  # fmt: skip
# The archive, and the program's path below it.
ARCHIVES = {
    "clam-nsis.exe": "clam.exe",
    "clam.7z": "clam.exe",
    "clam.arj": "clam.exe",
    "clam.bin-be.cpio": "clam.exe",
    "clam.bin-le.cpio": "clam.exe",
    "clam.bz2.zip": "clam.exe",
    "clam.cab": "clam.exe",
    "clam.chm": "clam.exe.txt",
    "clam.d64.zip": "clam.exe",
    "clam.exe.bz2": "clam.exe",
    "clam.exe.szdd": "clam.exe",
    "clam.impl.zip": "CLAM.EXE",
    "clam.newc.cpio": "clam.exe",
    "clam.odc.cpio": "clam.exe",
    "clam.tar.gz": "clam.tar/clam.exe",
    "clam.zip": "clam.exe",
    "clam_IScab_ext.exe": "ISBEW64.exe",
    "clam_IScab_int.exe": "ISBEW64.exe",
    "clam_cache_emax.tgz": "clam_cache_emax.tar/clam01.tgz/clam01.tar",
}
# Documents and mails, by what the program is called in them.
DOCUMENTS = {
    "clam.exe.binhex": "clam.exe",
    "clam.exe.html": "[exe-ms]",
    "clam.exe.mbox.base64": "clam.exe",
    "clam.exe.mbox.uu": "clam.exe",
    "clam.exe.rtf": "Clam.exe",
    "clam.mail": "clam.exe",
    "clam.ole.doc": "Clam.exe",
    "clam.pdf": "clam.exe",
    "clam.ppt": "[ole]/clam.exe",
    "clam.tnef": "clam.exe",
}
NOT_OPENED = {"clam.sis": "installers of Symbian phones, which no program that is kept opens"}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the Debian package clamav-testfiles")


def test_each_of_the_files_has_its_place_in_the_tables() -> None:
    named = {*PROGRAMS, *ARCHIVES, *DOCUMENTS, *NOT_OPENED}

    assert {path.name for path in FOLDER.iterdir()} == named
    assert len(named) == 44


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_packed_program_is_a_program(name: str) -> None:
    assert "exe" in file_types((FOLDER / name).read_bytes())


@pytest.mark.parametrize(("name", "path"), (ARCHIVES | DOCUMENTS).items())
def test_the_program_in_a_container_is_found(name: str, path: str) -> None:
    body = (FOLDER / name).read_bytes()

    unpacked = unpack_bytes(body, name)

    assert any(one.startswith(f"1/{name}/{path}") for one in executables(unpacked))
    assert not unpacked.marks
    assert not unpacked.over_limits


@pytest.mark.parametrize("name", ARCHIVES | DOCUMENTS)
def test_a_container_goes_to_the_process_that_opens_it_whatever_its_name(name: str) -> None:
    body = (FOLDER / name).read_bytes()

    assert may_hold_parts(UnpackedPart("1", "application/octet-stream", (), file_types(body), body, len(body)))


@pytest.mark.parametrize("name", NOT_OPENED)
def test_what_cannot_be_opened_is_named_as_such(name: str) -> None:
    unpacked = unpack_bytes((FOLDER / name).read_bytes(), name)

    assert unpacked.marks == {PartMark.UNDECODABLE}
