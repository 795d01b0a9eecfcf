"""winmail.dat, against an encoder of the tests' own and a real one."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.formats.content import DamagedError, NotThisFormatError
from scanner_service.decode.formats.tnef import open_tnef
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read

SIGNATURE = b"\x78\x9f\x3e\x22\x01\x00"
BEGINS, TITLE, DATA, ATTACHMENT_PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
MESSAGE_PROPERTIES = 0x00069003
LONG_NAME, DATA_OBJECT, HTML = 0x3707001F, 0x3701000D, 0x10130102


def attribute(number: int, value: bytes, level: int = 2) -> bytes:
    return struct.pack("<BII", level, number, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(*pairs: tuple[int, bytes]) -> bytes:
    listed = b"".join(
        struct.pack("<III", number_and_type, 1, len(value)) + value + bytes(-len(value) % 4)
        for number_and_type, value in pairs
    )
    return struct.pack("<I", len(pairs)) + listed


def winmail(*attributes: bytes) -> bytes:
    return SIGNATURE + b"".join(attributes)


def attached(data: bytes, name: bytes) -> tuple[bytes, ...]:
    return attribute(BEGINS, bytes(14)), attribute(TITLE, name + b"\0"), attribute(DATA, data)


def test_attachments_come_out_with_their_names() -> None:
    reading = read(open_tnef, winmail(*attached(PROGRAM, b"run.exe"), *attached(b"text", b"b.txt")))

    assert reading.bodies == [PROGRAM, b"text"]
    assert [content.names for content in reading.contents] == [("run.exe",), ("b.txt",)]
    assert reading.error is None


def test_the_long_name_among_the_properties_is_a_name_as_well() -> None:
    listed = properties((LONG_NAME, "a long näme.exe\0".encode("utf-16-le")))

    reading = read(open_tnef, winmail(*attached(PROGRAM, b"ALONGN~1.EXE"), attribute(ATTACHMENT_PROPERTIES, listed)))

    assert reading.names_of(PROGRAM) == ("ALONGN~1.EXE", "a long näme.exe")


def test_properties_with_names_of_their_own_and_with_many_values_are_passed_over() -> None:
    named = struct.pack("<I16sII", 0x8005001E, bytes(16), 1, 6) + b"k\0e\0y\0" + bytes(2)
    several = struct.pack("<II", 0x12341003, 2) + bytes(8)
    listed = (
        struct.pack("<I", 3)
        + named
        + struct.pack("<II4s", 1, 2, b"v\0")
        + several
        + properties((LONG_NAME, "run.exe\0".encode("utf-16-le")))[4:]
    )

    reading = read(open_tnef, winmail(*attached(PROGRAM, b"a.txt"), attribute(ATTACHMENT_PROPERTIES, listed)))

    assert reading.names_of(PROGRAM) == ("a.txt", "run.exe")


def test_an_attached_message_comes_out_as_a_tnef_of_its_own() -> None:
    inner = winmail(*attached(PROGRAM, b"run.exe"))
    listed = properties((DATA_OBJECT, bytes(16) + inner))

    outer = read(open_tnef, winmail(attribute(BEGINS, bytes(14)), attribute(ATTACHMENT_PROPERTIES, listed)))

    assert outer.bodies == [inner]
    assert read(open_tnef, outer.bodies[0]).bodies == [PROGRAM]


def test_html_text_comes_out_since_it_can_bring_files_along() -> None:
    listed = properties((HTML, b"<html>hello</html>"))

    reading = read(open_tnef, winmail(attribute(MESSAGE_PROPERTIES, listed, level=1)))

    assert [(content.body, content.content_type) for content in reading.contents] == [
        (b"<html>hello</html>", "text/html")
    ]


def test_where_attribute_and_property_hold_something_else_both_come_out() -> None:
    listed = properties((DATA_OBJECT, bytes(16) + PROGRAM))

    reading = read(open_tnef, winmail(*attached(b"text", b"a"), attribute(ATTACHMENT_PROPERTIES, listed)))

    assert reading.bodies == [b"text", PROGRAM]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(winmail(*attached(PROGRAM, b"run.exe"))[:-30], id="cut"),
        pytest.param(winmail(*attached(PROGRAM, b"run.exe"), b"\x02abcd"), id="cut in the next attribute"),
        pytest.param(winmail(*attached(PROGRAM, b"run.exe"), b"\x09" + bytes(20)), id="unknown level"),
        pytest.param(
            winmail(*attached(PROGRAM, b"run.exe"), attribute(ATTACHMENT_PROPERTIES, b"\xff\xff\xff\xff\1")),
            id="a list of four thousand million",
        ),
        pytest.param(
            winmail(*attached(PROGRAM, b"run.exe"), struct.pack("<BII", 2, DATA, 0xFFFFFFFF)), id="lying length"
        ),
    ],
)
def test_what_was_there_before_the_damage_comes_out(data: bytes) -> None:
    reading = read(open_tnef, data)

    assert reading.bodies[0].startswith(b"MZ")
    assert isinstance(reading.error, DamagedError)


def test_line_ends_after_the_stream_are_no_damage() -> None:
    assert read(open_tnef, winmail(*attached(PROGRAM, b"run.exe")) + b"\r\n\r\n").error is None


def test_other_bytes_are_something_else() -> None:
    assert isinstance(read(open_tnef, b"x" + winmail()).error, NotThisFormatError)


def test_the_program_in_a_real_file_comes_out_and_the_text_beside_it() -> None:
    reading = read(open_tnef, (CLAMAV_TESTFILES / "clam.tnef").read_bytes())

    assert reading.names_of((CLAMAV_TESTFILES / "clam.exe").read_bytes()) == ("clam.exe",)
    assert [content.content_type for content in reading.contents[:2]] == ["text/rtf", "text/html"]
    assert reading.error is None


@given(st.lists(st.tuples(st.binary(max_size=300), st.from_regex(r"\A[a-z]{1,8}\.exe\Z")), max_size=4))
def test_what_was_encoded_comes_out(files: list[tuple[bytes, str]]) -> None:
    data = winmail(*(piece for body, name in files for piece in attached(body, name.encode())))

    reading = read(open_tnef, data)

    assert [(content.body, content.names) for content in reading.contents] == [
        (body, (name,)) for body, name in files
    ]
