"""Old Office, Outlook's .msg and Windows Installer: what a program would offer to open, macros, passwords."""

import struct
import time
import zlib

import pytest

from scanner_service.decode.budget import DecodeLimits, OverLimitsError
from scanner_service.decode.formats.content import DamagedError, EncryptedError, NotThisFormatError
from scanner_service.decode.formats.ole import open_ole
from tests.scanner_service.decode.formats.compound_file import Storage, compound_file
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read

_FIB = b"\xec\xa5\xc1\0" + bytes(7)  # of a Word document, up to the byte that says whether it is encrypted


def package(data: bytes, label: str, source: str, wide: str = "") -> bytes:
    """Return what Windows keeps of a file that was dragged into a document."""
    texts = label.encode() + b"\0" + source.encode() + b"\0"
    path = source.encode() + b"\0"
    body = (
        b"\x02\0" + texts + b"\0\0\x03\0" + struct.pack("<I", len(path)) + path + struct.pack("<I", len(data)) + data
    )
    if wide:
        body += struct.pack("<I", len(wide)) + wide.encode("utf-16-le")
    return struct.pack("<I", len(body)) + body


def records(*listed: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", number, len(data)) + data for number, data in listed)


def slide_record(number: int, data: bytes, instance: int = 0, version: int = 0) -> bytes:
    return struct.pack("<HHI", instance << 4 | version, number, len(data)) + data


@pytest.mark.parametrize("name", ["clam.ole.doc", "clam.ppt"])
def test_the_program_in_a_real_document_comes_out(name: str) -> None:
    reading = read(open_ole, (CLAMAV_TESTFILES / name).read_bytes())
    if name == "clam.ppt":  # the object is a compound file of its own
        reading = read(open_ole, reading.bodies[0])

    assert "clam.exe" in [one.lower() for one in reading.names_of((CLAMAV_TESTFILES / "clam.exe").read_bytes())]
    assert reading.error is None


def test_a_packaged_file_comes_out_under_each_of_its_names() -> None:
    native = package(PROGRAM, "invoice.pdf", "C:\\temp\\run.exe", wide="C:\\temp\\rün.exe\0")
    document = compound_file({"WordDocument": _FIB + b"\0", "ObjectPool": {"_1": {"\x01Ole10Native": native}}})

    reading = read(open_ole, document)

    assert reading.bodies == [PROGRAM]
    assert {"invoice.pdf", "run.exe", "rün.exe"} <= set(reading.names_of(PROGRAM))


def test_what_another_program_stored_in_an_object_comes_out_as_it_stands() -> None:
    document = compound_file({"\x01Ole10Native": struct.pack("<I", len(PROGRAM)) + PROGRAM})

    assert read(open_ole, document).bodies == [PROGRAM]


def test_attachments_of_an_outlook_message_come_out_with_their_names_and_those_of_a_message_in_it() -> None:
    attachment = {
        "__substg1.0_37010102": PROGRAM,
        "__substg1.0_3707001F": "a long name.exe".encode("utf-16-le"),
        "__substg1.0_3704001E": b"ALONGN~1.EXE",
        "__substg1.0_370E001E": b"application/x-msdownload",
    }
    inner = {"__attach_version1.0_#00000000": {"__substg1.0_37010102": b"text", "__substg1.0_3704001E": b"b.txt"}}
    message = compound_file({
        "__properties_version1.0": bytes(32),
        "__attach_version1.0_#00000000": attachment,
        "__attach_version1.0_#00000001": {"__substg1.0_3701000D": inner},
    })  # fmt: skip

    reading = read(open_ole, message)

    assert {content.body: content.names for content in reading.contents} == {
        PROGRAM: ("a long name.exe", "ALONGN~1.EXE"),
        b"text": ("b.txt",),
    }
    assert reading.contents[[content.size for content in reading.contents].index(len(PROGRAM))].content_type == (
        "application/x-msdownload"
    )


def test_an_installers_files_come_out_with_their_names_made_readable() -> None:
    packed_name = "".join(chr(0x3800 + first + (second << 6)) for first, second in [(11, 44), (49, 36), (53, 60)])
    # given: "Binary." in pairs, and one character left
    installer = compound_file(
        {packed_name + chr(0x4800 + 62) + "run": b"WScript.Quit", "\u4840x": b"MSCF" + bytes(40)}
    )

    reading = read(open_ole, installer)

    assert reading.contents[0].names[0] == "Binary.run"
    assert reading.bodies == [b"WScript.Quit", b"MSCF" + bytes(40)]


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param({"Macros": {"VBA": {"_VBA_PROJECT": b"\xcc\x61", "dir": b""}}}, id="VBA"),
        pytest.param({"macros": {"vba": {"_Vba_Project": b"\xcc\x61"}}}, id="VBA in other letters"),
        pytest.param({"Workbook": records((0x809, b""), (0x85, bytes(4) + b"\0\x01\1\0A"), (0xA, b""))}, id="XLM"),
        pytest.param({"Workbook": records((0x85, bytes(4) + b"\x02\x01\1\0A"))}, id="XLM, very hidden"),
    ],
)
def test_macros_are_told_by_a_member_of_the_document(streams: Storage) -> None:
    assert [content.has_macros for content in read(open_ole, compound_file(streams)).contents] == [True]


def test_a_workbook_of_cells_alone_has_no_macros() -> None:
    workbook = records((0x809, b""), (0x85, bytes(4) + b"\0\0\1\0A"), (0xA, b""), (0x85, bytes(4) + b"\0\1\1\0A"))

    assert read(open_ole, compound_file({"Workbook": workbook})).contents == ()


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param({"EncryptedPackage": bytes(100), "EncryptionInfo": bytes(10)}, id="new formats"),
        pytest.param({"ENCRYPTEDPACKAGE": bytes(100)}, id="other letters"),
        pytest.param({"WordDocument": _FIB + b"\x01"}, id="Word 97"),
        pytest.param({"Workbook": records((0x809, bytes(16)), (0x2F, bytes(54)))}, id="Excel 97"),
        pytest.param({"Current User": bytes(12) + b"\xdf\xc4\xd1\xf3"}, id="PowerPoint 97"),
    ],
)
def test_a_document_under_a_password_is_encrypted(streams: dict[str, bytes]) -> None:
    assert isinstance(read(open_ole, compound_file(streams)).error, EncryptedError)


def test_objects_among_the_slides_come_out_deflated_or_not() -> None:
    inner = compound_file({"\x01Ole10Native": package(PROGRAM, "run.exe", "run.exe")})
    deflated = slide_record(0x1011, struct.pack("<I", len(inner)) + zlib.compress(inner), instance=1)
    slides = slide_record(0x03E8, slide_record(0x0FBA, b"text") + deflated, version=0xF) + slide_record(0x1011, inner)

    reading = read(open_ole, compound_file({"PowerPoint Document": slides}))

    assert reading.bodies == [inner, inner]


def test_a_stream_that_the_file_does_not_hold_to_its_end_is_damaged() -> None:
    whole = compound_file({"\x01Ole10Native": package(PROGRAM * 50, "run.exe", "run.exe")})
    at = whole.index("\x01Ole10Native".encode("utf-16-le")) + 120

    reading = read(open_ole, whole[:at] + struct.pack("<I", 100_000) + whole[at + 4 :])

    assert reading.bodies[0].startswith(b"MZ")
    assert isinstance(reading.error, DamagedError)


def test_a_slide_object_that_inflates_without_end_stops_at_the_budget() -> None:
    bomb = slide_record(0x1011, bytes(4) + zlib.compress(bytes(60_000_000), 1), instance=1)

    started = time.monotonic()
    reading = read(open_ole, compound_file({"PowerPoint Document": bomb}), DecodeLimits(unpacked_bytes=32 * 2**20))

    assert isinstance(reading.error, OverLimitsError)
    assert time.monotonic() - started < 1


def test_streams_that_share_their_sectors_stop_at_the_budget() -> None:
    # given: two hundred entries, all of which name the one stream of a megabyte
    data = bytearray(compound_file({"a": PROGRAM.ljust(2**20, b"\0"), **{f"s{n}": b"" for n in range(200)}}))
    first = data.index("a\0".encode("utf-16-le") + bytes(60)) + 116
    place = bytes(data[first : first + 8])
    for number in range(1, 201):
        data[first + number * 128 : first + number * 128 + 8] = place

    reading = read(open_ole, bytes(data), DecodeLimits(unpacked_bytes=32 * 2**20))

    assert isinstance(reading.error, OverLimitsError)


def test_other_bytes_are_something_else() -> None:
    assert isinstance(read(open_ole, PROGRAM).error, NotThisFormatError)
