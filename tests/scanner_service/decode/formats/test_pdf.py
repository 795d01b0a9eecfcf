"""Files attached to a PDF, found by whatever way leads to them; and PDFs of every day, which cost nothing."""

import io
import time
import zlib

import pytest
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    StreamObject,
    TextStringObject,
)

from scanner_service.decode.budget import DecodeLimits, OverLimitsError
from scanner_service.decode.formats.content import DamagedError, EncryptedError, NotThisFormatError
from scanner_service.decode.formats.pdf import open_pdf
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def with_attachment(data: bytes = PROGRAM, name: str = "run.exe") -> PdfWriter:
    writer = PdfWriter()
    writer.add_blank_page(width=100, height=100)
    writer.add_attachment(name, data)
    return writer


def plain_objects(*bodies: bytes) -> bytes:
    """Write a PDF by hand, so that its objects stand as they are given; the first is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out) + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(bodies) + 1, table)


def stream(data: bytes, keys: bytes = b"") -> bytes:
    return b"<<" + keys + b"/Length %d>>\nstream\n" % len(data) + data + b"\nendstream"


def in_object_stream(*bodies: bytes, keys: bytes = b"/Type/ObjStm", rest: tuple[bytes, ...] = ()) -> bytes:
    """Write a PDF whose objects 2, 3 and so on are in an object stream; ``rest`` follow as they stand."""
    index = b"".join(
        b"%d %d " % (number, sum(map(len, bodies[: number - 2])) + number - 2) for number in range(2, 2 + len(bodies))
    )
    objects = zlib.compress(index + b"\n".join(bodies))
    keys += b"/N %d/First %d/Filter/FlateDecode" % (len(bodies), len(index))
    out = bytearray(b"%PDF-1.7\n")
    offsets = {}
    numbers = (1, *range(100, 100 + len(rest) + 1))
    for number, body in zip(numbers, (b"<</Type/Catalog/Names 2 0 R>>", stream(objects, keys), *rest), strict=True):
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(out)
    entries = [(1, offsets[1], 0), *((2, 100, place) for place in range(len(bodies)))]
    entries += [(1, offsets[number], 0) for number in numbers[1:]] + [(1, table, 0)]
    packed = b"".join(bytes([kind]) + first.to_bytes(4, "big") + bytes([second]) for kind, first, second in entries)
    last = 100 + len(rest) + 1
    xref_keys = b"/Type/XRef/W[1 4 1]/Root 1 0 R/Size %d/Index[1 %d 100 %d]" % (
        last + 1,
        1 + len(bodies),
        len(rest) + 2,
    )
    out += b"%d 0 obj\n" % last + stream(packed, xref_keys) + b"\nendobj\n"
    return bytes(out) + b"startxref\n%d\n%%%%EOF" % table


FILE = stream(PROGRAM)
NAMES = b"<</EmbeddedFiles<</Names[(a) 3 0 R]>>>>"


@pytest.mark.parametrize("deflated", [False, True])
def test_an_attachment_comes_out_with_its_name(deflated: bool) -> None:
    writer = with_attachment()
    if deflated:
        for number, one in enumerate(writer._objects):  # noqa: SLF001 - pypdf attaches them as they stand
            if isinstance(one, StreamObject) and one.get("/Type") == "/EmbeddedFile":
                writer._objects[number] = one.flate_encode()  # noqa: SLF001

    reading = read(open_pdf, written(writer))

    assert reading.bodies == [PROGRAM]
    assert "run.exe" in reading.names_of(PROGRAM)
    assert reading.error is None


def test_a_file_of_an_annotation_comes_out() -> None:
    writer = PdfWriter()
    page = writer.add_blank_page(width=100, height=100)
    file = StreamObject()
    file.set_data(PROGRAM)
    specification = DictionaryObject({
        NameObject("/UF"): TextStringObject("rün.exe"),
        NameObject("/EF"): DictionaryObject({NameObject("/F"): writer._add_object(file)}),  # noqa: SLF001
    })  # fmt: skip
    annotation = DictionaryObject(
        {NameObject("/Subtype"): NameObject("/FileAttachment"), NameObject("/FS"): specification}
    )
    page[NameObject("/Annots")] = ArrayObject([annotation])

    assert read(open_pdf, written(writer)).names_of(PROGRAM) == ("rün.exe",)


@pytest.mark.parametrize(
    "specification",
    [
        pytest.param(b"<</F(run.exe)/EF<</F 4 0 R>>>>", id="plain"),
        pytest.param(b"<</F(run.exe)/#45#46 <</F 4 0 R>>>>", id="key in disguise"),
        pytest.param(b"<</F(run.exe)/EF%x\n<</F 4 0 R>>>>", id="comment"),
        pytest.param(b"<</F(run.exe)/EF 5 0 R>>", id="indirect"),
        pytest.param(b"<</F<72756e2e657865>/EF<</F 4 0 R>>>>", id="name in hexadecimal"),
    ],
)
def test_an_attachment_comes_out_however_its_specification_is_written(specification: bytes) -> None:
    document = plain_objects(b"<</Type/Catalog/Names 2 0 R>>", NAMES, specification, FILE, b"<</F 4 0 R>>")

    assert read(open_pdf, document).names_of(PROGRAM) == ("run.exe",)


def test_an_attachment_in_an_object_stream_comes_out() -> None:
    document = in_object_stream(NAMES, b"<</F(run.exe)/EF<</F 101 0 R>>>>", rest=(FILE,))
    assert b"/EF" not in document

    reading = read(open_pdf, document)

    assert reading.names_of(PROGRAM) == ("run.exe",)


def test_an_object_stream_that_does_not_say_that_it_is_one_hides_nothing() -> None:
    document = in_object_stream(NAMES, b"<</F(run.exe)/EF<</F 101 0 R>>>>", keys=b"", rest=(FILE,))

    reading = read(open_pdf, document)

    assert reading.bodies == [PROGRAM] or isinstance(reading.error, DamagedError)


def test_two_names_of_one_file_both_come_out() -> None:
    document = plain_objects(
        b"<</Type/Catalog/Names 2 0 R>>",
        b"<</EmbeddedFiles<</Names[(a) 3 0 R(b) 5 0 R]>>>>",
        b"<</F(a.txt)/EF<</F 4 0 R>>>>",
        FILE,
        b"<</F(run.exe)/EF<</F 4 0 R>>>>",
    )

    assert set(read(open_pdf, document).names_of(PROGRAM)) == {"a.txt", "run.exe"}


def test_the_program_in_a_real_document_comes_out() -> None:
    reading = read(open_pdf, (CLAMAV_TESTFILES / "clam.pdf").read_bytes())

    assert reading.names_of((CLAMAV_TESTFILES / "clam.exe").read_bytes()) == ("clam.exe",)


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_document_without_a_password_to_open_it_is_read_though_it_is_encrypted(algorithm: str) -> None:
    writer = with_attachment()
    writer.encrypt("", "owner", algorithm=algorithm)

    reading = read(open_pdf, written(writer))

    assert "run.exe" in reading.names_of(PROGRAM)


def test_a_document_that_wants_a_password_is_encrypted() -> None:
    writer = with_attachment()
    writer.encrypt("secret", algorithm="AES-256")

    assert isinstance(read(open_pdf, written(writer)).error, EncryptedError)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"%PDF-1.4 and nothing else", id="a header alone"),
        pytest.param(plain_objects(b"<</Type/Catalog>>")[:-60], id="cut"),
        pytest.param(in_object_stream(b"<<>>").replace(b"endobj", b"endoXj"), id="broken"),
        pytest.param(b"%PDF-1.4\n/First 1\nstream\nnot deflated/Filter", id="an object stream of junk"),
        pytest.param(b"%PDF-1.4\n<</Encrypt 1 0 R>>", id="encrypted by nothing"),
    ],
)
def test_a_broken_document_without_attachments_is_not_damaged(document: bytes) -> None:
    reading = read(open_pdf, document)

    assert (reading.contents, reading.error) == ((), None)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"%PDF-1.4\n1 0 obj<</EF<</F 2 0 R>>>>\n", id="no objects"),
        pytest.param(
            plain_objects(
                b"<</Type/Catalog/Names 2 0 R>>",
                NAMES,
                b"<</EF<</F 4 0 R>>>>",
                stream(b"junk", b"/Filter/FlateDecode"),
            ),
            id="not deflated",
        ),
    ],
)
def test_an_attachment_that_cannot_be_read_is_damaged(document: bytes) -> None:
    assert isinstance(read(open_pdf, document).error, DamagedError)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            plain_objects(
                b"<</Type/Catalog/Names 2 0 R>>",
                NAMES,
                b"<</EF<</F 4 0 R>>>>",
                stream(zlib.compress(bytes(60_000_000), 1), b"/Filter/FlateDecode"),
            ),
            id="attachment",
        ),
        pytest.param(
            plain_objects(
                b"<</Type/Catalog/Names 2 0 R>>",
                NAMES,
                b"<</EF<</F 4 0 R>>>>",
                stream(
                    zlib.compress(bytes(60_000_000), 1).hex().encode() + b">", b"/Filter[/ASCIIHexDecode/FlateDecode]"
                ),
            ),
            id="attachment in two filters",
        ),
        pytest.param(in_object_stream(bytes(60_000_000)), id="object stream"),
    ],
)
def test_a_bomb_stops_at_the_budget(document: bytes) -> None:
    started = time.monotonic()
    reading = read(open_pdf, document, DecodeLimits(unpacked_bytes=32 * 2**20))

    assert isinstance(reading.error, OverLimitsError)
    assert time.monotonic() - started < 1


def test_a_bomb_that_nobody_would_save_as_a_file_is_not_inflated() -> None:
    document = plain_objects(
        b"<</Type/Catalog>>", stream(zlib.compress(bytes(60_000_000), 1), b"/Filter/FlateDecode")
    )

    started = time.monotonic()

    assert read(open_pdf, document).error is None
    assert time.monotonic() - started < 0.1


def test_a_hundred_thousand_object_streams_that_are_none_cost_no_more_than_their_bytes() -> None:
    document = b"%PDF-1.7\n" + b"/First 1 /Filter/FlateDecode\n" * 100_000

    started = time.monotonic()
    read(open_pdf, document)

    assert time.monotonic() - started < 1


def test_other_bytes_are_something_else() -> None:
    assert isinstance(read(open_pdf, bytes(2000) + b"%PDF-1.4").error, NotThisFormatError)
