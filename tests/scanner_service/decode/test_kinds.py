"""What is worth hiding from a filter."""

import pytest

from scanner_service.decode.file_type import file_types
from scanner_service.decode.kinds import Kind, kinds_of_name, kinds_of_types


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("run.exe", {Kind.EXECUTABLE}),
        ("RUN.SCR", {Kind.EXECUTABLE}),
        ("run.exe. ", {Kind.EXECUTABLE}),
        ("a.pdf.js", {Kind.EXECUTABLE}),
        ("files.zip", {Kind.ARCHIVE}),
        ("files.tar.gz", {Kind.ARCHIVE}),
        ("run.exe.pdf", set()),
        ("exe", set()),
        ("report.docx", set()),
        ("", set()),
    ],
)
def test_the_ending_of_a_name_says_what_opens_it(name: str, expected: set[Kind]) -> None:
    assert kinds_of_name(name) == expected


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (b"MZ", {Kind.EXECUTABLE}),
        (b"\x7fELF", {Kind.EXECUTABLE}),
        (b"PK\x03\x04", {Kind.ARCHIVE}),
        (b"Rar!\x1a\x07", {Kind.ARCHIVE}),
        (b"%PDF-", set()),
        (b"hello", set()),
    ],
)
def test_the_bytes_say_what_they_are(beginning: bytes, expected: set[Kind]) -> None:
    assert kinds_of_types(file_types(beginning)) == expected
