"""What the corpus attaches is sound: other programs open it, so a filter that cannot is wrong."""

import io
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import olefile
import pypdf
import pytest

from tests.corpus.clean import files, ole

TEXT = "The ferry leaves at noon.\n" * 50


@pytest.mark.parametrize(
    "make",
    [files.docx, files.xlsx, files.pptx, files.open_document, files.epub, lambda: files.streamed_zip({"a": TEXT})],
)
def test_documents_and_archives_are_sound_zip_files(make: Callable[[], bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(make())) as container:
        assert container.namelist()
        assert container.testzip() is None


def test_the_encrypted_zip_file_opens_with_its_password_only() -> None:
    packed = files.encrypted_zip("payslip.pdf", TEXT.encode(), b"harbour")

    with zipfile.ZipFile(io.BytesIO(packed)) as container:
        assert container.read("payslip.pdf", b"harbour") == TEXT.encode()
        with pytest.raises(RuntimeError, match="password"):
            container.read("payslip.pdf")


def test_the_tape_archive_has_its_members() -> None:
    with tarfile.open(fileobj=io.BytesIO(files.tarred({"a/M\u00f4le.txt": TEXT}))) as container:
        assert container.getnames() == ["a/M\u00f4le.txt"]


@pytest.mark.parametrize(
    "make", [ole.word_document, ole.workbook, lambda: ole.outlook_message("Figures", ("a.txt", TEXT.encode()))]
)
def test_compound_files_have_no_defect(make: Callable[[], bytes]) -> None:
    with olefile.OleFileIO(make(), raise_defects=olefile.DEFECT_INCORRECT) as file:
        assert file.listdir()
        assert file.parsing_issues == []


def test_pdf_files_are_read_strictly() -> None:
    with_file = files.pdf_by_writer({"factur-x.xml": b"<x/>"})

    assert len(pypdf.PdfReader(io.BytesIO(files.pdf()), strict=True).pages) == 1
    assert pypdf.PdfReader(io.BytesIO(with_file), strict=True).attachments == {"factur-x.xml": [b"<x/>"]}


def test_the_encrypted_pdf_file_opens_with_its_password_only() -> None:
    reader = pypdf.PdfReader(io.BytesIO(files.encrypted_pdf("harbour")))

    assert reader.is_encrypted
    assert reader.decrypt("wrong") == 0
    assert reader.decrypt("harbour") > 0


@pytest.mark.skipif(shutil.which("7zz") is None, reason="7zz is not installed: apt-get install 7zip")
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.7z", lambda: files.seven_zip({"a/one.txt": TEXT, "two.txt": TEXT})),
        ("a.txt.gz", lambda: files.gzipped_with_name(TEXT.encode(), "a.txt")),
        ("a.txt.xz", lambda: files.xzipped(TEXT.encode())),
        ("a.txt.bz2", lambda: files.bzipped(TEXT.encode())),
        ("a.txt.zst", lambda: files.zstandard_of(TEXT.encode())),
        ("a.doc", ole.word_document),
    ],
)
def test_7_zip_finds_no_fault(name: str, make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(make())

    tested = subprocess.run(["7zz", "t", tmp_path / name], capture_output=True, check=False)

    assert tested.returncode == 0, tested.stdout
