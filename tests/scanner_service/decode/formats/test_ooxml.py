"""What a zip of these members is."""

import pytest

from scanner_service.decode.formats.ooxml import document_types, has_macros


@pytest.mark.parametrize(
    ("names", "types"),
    [
        pytest.param(["[Content_Types].xml", "word/document.xml"], ("docx",), id="Word"),
        pytest.param(["xl\\workbook.xml"], ("xlsx",), id="Excel, written by a careless program"),
        pytest.param(["xl/workbook.bin"], ("xlsb",), id="Excel in its binary form"),
        pytest.param(["ppt/presentation.xml"], ("pptx",), id="PowerPoint"),
        pytest.param(["META-INF/MANIFEST.MF", "a.class"], ("jar",), id="Java"),
        pytest.param(["META-INF/MANIFEST.MF", "AndroidManifest.xml"], ("jar", "apk"), id="Android"),
        pytest.param(["report/word/document.xml.txt", "a.txt"], (), id="a zip as any other"),
    ],
)
def test_a_document_is_told_by_its_members(names: list[str], types: tuple[str, ...]) -> None:
    assert document_types(names) == types


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("word/vbaProject.bin", True),
        ("xl/VBAPROJECT.BIN", True),
        ("word\\vbaProject.bin", True),
        ("word/vbaData.xml", True),
        ("xl/macrosheets/sheet1.xml", True),
        ("xl/macrosheets/", False),
        ("word/document.xml", False),
        ("basic/intro.txt", False),
    ],
)
def test_macros_are_told_by_where_documents_keep_them(name: str, holds: bool) -> None:
    assert has_macros(["[Content_Types].xml", name]) is holds


def test_a_document_of_libreoffice_keeps_macros_in_folders_that_mean_nothing_elsewhere() -> None:
    assert has_macros(["mimetype", "content.xml", "Basic/Standard/Module1.xml"])
    assert not has_macros(["mimetype", "content.xml", "Basic/"])
    assert not has_macros(["Scripts/run.py", "readme.txt"])
