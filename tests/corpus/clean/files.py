"""Small files of the kinds that people attach, made here and harmless; the same bytes in every run."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import wave
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence

import libarchive
import zstandard
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, ByteStringObject

from tests.corpus.clean.compose import random_bytes

WHEN = (2026, 3, 2, 9, 0, 0)
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

Members = Mapping[str, bytes | str]


def zipped(members: Members, compression: int = zipfile.ZIP_DEFLATED, stored_first: Iterable[str] = ()) -> bytes:
    """A ZIP file; ``stored_first`` names members that must not be compressed, as OpenDocument's mimetype."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as container:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, WHEN)
            member.compress_type = zipfile.ZIP_STORED if name in stored_first else compression
            container.writestr(member, content)
    return file.getvalue()


class _Unseekable(io.RawIOBase):
    """Where a program streams a ZIP file to: sizes cannot be filled in afterwards, and follow the data."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile gives bytes
        self.written += data
        return len(data)


def streamed_zip(members: Members) -> bytes:
    """A ZIP file with data descriptors, as programs write that make it while they send it."""
    target = _Unseekable()
    with zipfile.ZipFile(target, "w") as container:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, WHEN)
            member.compress_type = zipfile.ZIP_DEFLATED
            container.writestr(member, content)
    return bytes(target.written)


def encrypted_zip(name: str, content: bytes, password: bytes = b"harbour") -> bytes:
    """A ZIP file with one member under PKWARE's traditional encryption (APPNOTE.TXT §6.1)."""
    table = [_crc_of_byte(byte) for byte in range(256)]
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 0xFF]

    def encrypt(byte: int) -> int:
        mask = keys[2] | 2
        update(byte)
        return byte ^ (((mask * (mask ^ 1)) >> 8) & 0xFF)

    for byte in password:
        update(byte)
    checksum = zlib.crc32(content)
    clear = random_bytes("encryption header", 11) + bytes([checksum >> 24]) + content
    data = bytes(encrypt(byte) for byte in clear)
    stored_name = name.encode("utf-8")
    fields = struct.pack(
        "<HHHHHIIIHH", 20, 1, 0, 0x4800, 0x5C62, checksum, len(data), len(content), len(stored_name), 0
    )
    local = b"PK\x03\x04" + fields + stored_name + data
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + stored_name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0xEDB88320 if byte & 1 else 0)
    return byte


def tarred(members: Members) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as container:
        for name, content in members.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            container.addfile(member, io.BytesIO(data))
    return file.getvalue()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def gzipped_with_name(data: bytes, name: str) -> bytes:
    """As gzip(1) writes it: with the name of the file before it."""
    file = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=file, mtime=0) as container:
        container.write(data)
    return file.getvalue()


def bzipped(data: bytes) -> bytes:
    return bz2.compress(data)


def xzipped(data: bytes) -> bytes:
    return lzma.compress(data)


def zstandard_of(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def seven_zip(members: Members) -> bytes:
    """A 7z file, by libarchive; the library itself would write the time."""
    written: list[bytes] = []

    def keep(data: bytes) -> int:
        written.append(bytes(data))
        return len(data)

    with libarchive.custom_writer(keep, "7zip") as container:
        for name, content in members.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            container.add_file_from_memory(name, len(data), data)
    return b"".join(written)


# Office documents


def docx(text: str = "The harbour office.", more: Members | None = None) -> bytes:
    content = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return _office_open(
        "word/document.xml",
        content,
        f'{XML}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>",
        more,
    )


def xlsx(more: Members | None = None) -> bytes:
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return _office_open(
        "xl/workbook.xml",
        content,
        f'{XML}<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>',
        more,
    )


def pptx(more: Members | None = None) -> bytes:
    content = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
    return _office_open(
        "ppt/presentation.xml",
        content,
        f'{XML}<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"/>',
        more,
    )


def _office_open(part: str, content_type: str, content: str, more: Members | None) -> bytes:
    types = (
        f'{XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{part}" ContentType="{content_type}"/></Types>'
    )
    relationships = (
        f'{XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        f'officeDocument" Target="{part}"/></Relationships>'
    )
    return zipped({"[Content_Types].xml": types, "_rels/.rels": relationships, part: content, **(more or {})})


def open_document(kind: str = "text", more: Members | None = None) -> bytes:
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    members: dict[str, bytes | str] = {
        "mimetype": media_type,
        "content.xml": f"{XML}<o:document-content xmlns:o='urn:oasis:names:tc:opendocument:xmlns:office:1.0'/>",
        "META-INF/manifest.xml": f'{XML}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
        f'manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="{media_type}"/>'
        "</manifest:manifest>",
        **(more or {}),
    }
    return zipped(members, stored_first=("mimetype",))


def epub() -> bytes:
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": f'{XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:'
        'container"><rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>'
        "</rootfiles></container>",
        "OEBPS/content.opf": f'{XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0"/>',
        "OEBPS/chapter1.xhtml": f"{XML}<html xmlns='http://www.w3.org/1999/xhtml'><body><p>One.</p></body></html>",
    }
    return zipped(members, stored_first=("mimetype",))


def rtf(more: str = "") -> bytes:
    return (r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}\f0 The harbour office." + more + "}").encode(
        "ascii"
    )


def rtf_with_picture() -> bytes:
    return rtf(r"{\pict\pngblip\picw20\pich20 " + png().hex() + "}")


# PDF


def pdf(text: str = "The harbour office") -> bytes:
    """One page, written by hand."""
    stream = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode("latin-1")
    return pdf_of(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << "
        b"/F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )


def pdf_of(*objects: bytes) -> bytes:
    """The file with these objects, numbered from 1; the first is the catalog."""
    data = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    data += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(data)


class _RepeatableWriter(PdfWriter):
    """The library's writer, but for the identifier of chance that goes into the key of an encrypted file."""

    def generate_file_identifiers(self) -> None:
        identifier = ByteStringObject(random_bytes("pdf", 16))
        self._ID = ArrayObject((identifier, identifier))


def pdf_by_writer(attachments: Mapping[str, bytes] | None = None) -> bytes:
    """A page as a library writes it, with files embedded."""
    writer = PdfWriter()
    writer.add_blank_page(width=595, height=842)
    for name, content in (attachments or {}).items():
        writer.add_attachment(name, content)
    return _written(writer)


def encrypted_pdf(user_password: str, attachments: Mapping[str, bytes] | None = None) -> bytes:
    """A page that only the password shows; with an empty one everybody reads it, and only changes are forbidden."""
    writer = _RepeatableWriter()
    writer.add_blank_page(width=595, height=842)
    for name, content in (attachments or {}).items():
        writer.add_attachment(name, content)
    writer.encrypt(user_password, "owner of the harbour", algorithm="RC4-128")
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


# Pictures, sound, fonts


def png(width: int = 20, height: int = 20) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x20\x60\xa0" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gif() -> bytes:
    """The counting pixel of newsletters."""
    return b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"


def jpeg(length: int = 3000) -> bytes:
    header = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    return header + random_bytes("jpeg", length).replace(b"\xff", b"\xfe") + b"\xff\xd9"


def svg() -> bytes:
    return (
        f'{XML}<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>\n'
    ).encode()


def webp() -> bytes:
    data = b"WEBPVP8L" + struct.pack("<I", 30) + b"\x2f" + random_bytes("webp", 29)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def iso_media(brand: bytes, length: int = 2000) -> bytes:
    """HEIC, MP4, M4A and QuickTime: boxes, the first of which names the brand (ISO/IEC 14496-12)."""
    brands = b"ftyp" + brand + b"\0\0\0\0" + brand + b"mif1"
    data = b"mdat" + random_bytes("media", length)
    return struct.pack(">I", len(brands) + 4) + brands + struct.pack(">I", len(data) + 4) + data


def bmp() -> bytes:
    pixels = b"\x20\x60\xa0\0" * 16
    file = struct.pack("<IIII", 54 + len(pixels), 0, 54, 40)
    return b"BM" + file + struct.pack("<iiHHIIiiII", 4, 4, 1, 32, 0, len(pixels), 0, 0, 0, 0) + pixels


def tiff() -> bytes:
    """A page of a fax: one strip in Group 4 coding."""
    strip = random_bytes("fax", 400)
    entries = ((256, 3, 1, 1728), (257, 3, 1, 20), (259, 3, 1, 4), (273, 4, 1, 8), (279, 4, 1, len(strip)))
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries) + b"\0" * 4
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory


def wav(seconds: float = 0.2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(random_bytes("voice", int(8000 * seconds)))
    return file.getvalue()


def mp3() -> bytes:
    return b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + b"\xff\xfb\x90\x64" + random_bytes("mp3", 800)


def ogg() -> bytes:
    return b"OggS\0\x02" + b"\0" * 8 + random_bytes("ogg", 600)


def truetype() -> bytes:
    return b"\0\x01\0\0\0\x0a\0\x80\0\x03\0\x20" + random_bytes("font", 900)


def woff2() -> bytes:
    return b"wOF2\0\x01\0\0" + random_bytes("woff", 900)


# Binary structures


def der(tag: int, *contents: bytes) -> bytes:
    """One value in ASN.1's distinguished encoding."""
    data = b"".join(contents)
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + data


def cms(kind: int, length: int = 1500) -> bytes:
    """A CMS object as S/MIME carries it: 2 is signed, 3 enveloped data (RFC 5652)."""
    identifier = der(0x06, bytes.fromhex("2a864886f70d0107") + bytes([kind]))
    return der(0x30, identifier, der(0xA0, der(0x30, der(0x02, b"\x01"), der(0x04, random_bytes("cms", length)))))


def transport_neutral(files: Sequence[tuple[str, bytes]]) -> bytes:
    """A winmail.dat: Outlook's own capsule for a message and its attachments ([MS-OXTNEF] §2.1)."""
    data = struct.pack("<IH", 0x223E9F78, 0x0001)
    data += _tnef_attribute(1, 0x00089006, struct.pack("<I", 0x00010000))
    data += _tnef_attribute(1, 0x00069007, struct.pack("<II", 1252, 0))
    data += _tnef_attribute(1, 0x00078008, b"IPM.Microsoft Mail.Note\0")
    data += _tnef_attribute(1, 0x00018004, b"Figures\0")
    for name, content in files:
        data += _tnef_attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 32, 32, 0))
        data += _tnef_attribute(2, 0x00018010, name.encode("cp1252") + b"\0")
        data += _tnef_attribute(2, 0x0006800F, content)
    return data


def _tnef_attribute(level: int, identifier: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, identifier, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)
