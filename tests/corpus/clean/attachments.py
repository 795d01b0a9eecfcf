"""What people attach: documents, archives, pictures, sound, data."""

import functools
import struct
from collections.abc import Callable

from tests.corpus.clean import files, ole
from tests.corpus.clean.compose import attached, mail, mixed, plain, random_bytes, random_words
from tests.corpus.clean.message import CleanMessage, Shelf

MESSAGES = Shelf()

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_LOG = random_words("log", 3000)


def _with_file(name: str, content_type: str, content: bytes) -> bytes:
    return mail(mixed(attached(content, content_type, name)))


# Documents


@MESSAGES.clean
def presentation() -> bytes:
    """A presentation with pictures in it."""
    return _with_file(
        "Plan.pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        files.pptx({"ppt/media/image1.png": files.png()}),
    )


@MESSAGES.clean
def workbook_with_printer_settings() -> bytes:
    """A workbook with the small binary files that Excel keeps in it."""
    return _with_file(
        "Plan.xlsx",
        "application/octet-stream",
        files.xlsx({"xl/printerSettings/printerSettings1.bin": random_bytes("printer", 600)}),
    )


@MESSAGES.clean
def document_with_embedded_workbook() -> bytes:
    """A document with a workbook of the old kind embedded: a container in a container, and no program."""
    return _with_file(
        "Plan.docx", _WORD, files.docx(more={"word/embeddings/Microsoft_Excel_97-2003_Worksheet.xls": ole.workbook()})
    )


@MESSAGES.clean
def document_with_large_text() -> bytes:
    """A megabyte of text that packs a hundredfold."""
    return _with_file("Long.docx", _WORD, files.docx("The harbour office. " * 50_000))


@MESSAGES.clean
def open_document_with_thumbnails() -> bytes:
    """A table with a picture of itself and an empty folder."""
    members: dict[str, bytes | str] = {
        "Thumbnails/thumbnail.png": files.png(),
        "Configurations2/images/Bitmaps/": b"",
    }
    return _with_file(
        "Plan.ods", "application/vnd.oasis.opendocument.spreadsheet", files.open_document("spreadsheet", members)
    )


@MESSAGES.clean
def electronic_book() -> bytes:
    """An EPUB."""
    return _with_file("Harbours of the north.epub", "application/epub+zip", files.epub())


@MESSAGES.clean
def three_dimensional_model() -> bytes:
    """A 3MF model: a package as Office writes it, and no office document."""
    return _with_file(
        "pier.3mf", "model/3mf", files.zipped({"[Content_Types].xml": "<Types/>", "3D/3dmodel.model": "<model/>"})
    )


@MESSAGES.clean
def map_of_places() -> bytes:
    """A KMZ: an archive of one text, with a type of its own."""
    return _with_file("places.kmz", "application/vnd.google-earth.kmz", files.zipped({"doc.kml": "<kml/>"}))


@MESSAGES.clean
def java_library() -> bytes:
    """A JAR with classes of the marker 0xCAFEBABE, which fat Mach-O files share."""
    members: dict[str, bytes | str] = {
        "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n\r\n",
        "org/example/Pier.class": b"\xca\xfe\xba\xbe\0\0\x003" + random_bytes("class", 300),
    }
    return _with_file("pier-1.0.jar", "application/java-archive", files.zipped(members))


@MESSAGES.clean
def telephone_application() -> bytes:
    """A package as telephones install it: a compiled manifest, resources, a signature."""
    members: dict[str, bytes | str] = {
        "AndroidManifest.xml": b"\x03\0\x08\0" + random_bytes("manifest", 200),
        "resources.arsc": b"\x02\0\x0c\0" + random_bytes("resources", 200),
        "META-INF/CERT.RSA": files.cms(2),
    }
    return _with_file("timetable.apk", "application/vnd.android.package-archive", files.zipped(members))


@MESSAGES.clean
def rich_text() -> bytes:
    """RTF with braces escaped and a binary run that looks like a group."""
    return _with_file("Letter.rtf", "text/rtf", files.rtf(r"\{\object not one\} {\*\generator Example;}{\bin4 abcd}"))


@MESSAGES.clean
def pdf_by_a_library_without_attachments() -> bytes:
    """A PDF that a library wrote."""
    return _with_file("page.pdf", "application/pdf", files.pdf_by_writer())


@MESSAGES.clean
def pdf_with_an_empty_tree_of_names() -> bytes:
    """A catalog that promises embedded files and has none."""
    document = files.pdf_of(
        b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [] >> >> >>",
        b"<< /Type /Pages /Kids [] /Count 0 >>",
    )
    return _with_file("page.pdf", "application/pdf", document)


@MESSAGES.clean
def pdf_with_a_picture_attached() -> bytes:
    """Two files embedded in a PDF, a picture and a table."""
    document = files.pdf_by_writer({"pier.png": files.png(), "figures.csv": b"place,boats\nnorth,12\n"})
    return _with_file("report.pdf", "application/pdf", document)


@MESSAGES.clean
def postscript() -> bytes:
    """A page in PostScript."""
    return _with_file(
        "page.ps",
        "application/postscript",
        b"%!PS-Adobe-3.0\n/Helvetica findfont 24 scalefont setfont\n72 720 moveto (Pier) show\nshowpage\n",
    )


@MESSAGES.clean
def tex_source() -> bytes:
    """Backslashes and percent signs."""
    return _with_file(
        "paper.tex", "text/x-tex", b"% begin\n\\documentclass{article}\n\\begin{document}\nPier\n\\end{document}\n"
    )


# Archives


@MESSAGES.clean
def zip_of_two_texts() -> bytes:
    """The usual archive."""
    return _with_file("texts.zip", "application/zip", files.zipped({"one.txt": "one\n", "two.txt": "two\n"}))


@MESSAGES.clean
def zip_of_five_thousand_members() -> bytes:
    """Tiles of a map: many members, all small."""
    members = {f"tiles/{number // 100}/{number}.txt": f"{number}\n" for number in range(5000)}
    return _with_file("map.zip", "application/zip", files.zipped(members, compression=0))


@MESSAGES.clean
def zip_with_a_name_of_old_windows() -> bytes:
    """A member's name in code page 437, not marked as UTF-8."""
    packed = files.zipped({"Ubersicht.txt": "one\n"}).replace(b"Ubersicht", b"\x9abersicht")
    return _with_file("Ubersicht.zip", "application/x-zip-compressed", packed)


@MESSAGES.clean
def zip_that_was_streamed() -> bytes:
    """Sizes after the data: a reader from the front does not know them."""
    return _with_file("export.zip", "application/zip", files.streamed_zip({"export.csv": "a,b\n1,2\n"}))


@MESSAGES.clean
def zip_without_members() -> bytes:
    """An empty archive: 22 bytes."""
    return _with_file("empty.zip", "application/zip", files.zipped({}))


@MESSAGES.clean
def zip_with_comment() -> bytes:
    """A comment after the end, of which the end record knows the length."""
    packed = files.zipped({"one.txt": "one\n"})
    comment = b"made by the harbour office"
    return _with_file("one.zip", "application/zip", packed[:-2] + struct.pack("<H", len(comment)) + comment)


@MESSAGES.clean
def zip_of_a_log_in_a_zip() -> bytes:
    """Three levels of archives around a log, as build servers pack them."""
    inner = files.zipped({"logs/build.log.gz": files.gzipped(_LOG.encode())})
    return _with_file(
        "build-42.zip", "application/zip", files.zipped({"artifacts/logs.zip": inner, "summary.txt": "failed\n"})
    )


@MESSAGES.clean
def zip_of_a_bitmap() -> bytes:
    """A blank bitmap that packs five hundredfold: less than the free amount, so no bomb."""
    return _with_file("plan.zip", "application/zip", files.zipped({"plan.bmp": files.bmp() + b"\xff" * 4_000_000}))


@MESSAGES.clean
def zip_of_attached_messages() -> bytes:
    """Messages in an archive: a tree below a tree."""
    packed = files.zipped({f"{number}.eml": mail(plain(f"Number {number}\n")) for number in range(3)})
    return _with_file("messages.zip", "application/zip", packed)


@MESSAGES.clean
def zip_of_zips_of_pictures() -> bytes:
    """Twenty archives with ten pictures each."""
    inner = files.zipped({f"{number}.png": files.png(number, 3) for number in range(1, 11)})
    return _with_file(
        "albums.zip", "application/zip", files.zipped({f"album {number}.zip": inner for number in range(20)})
    )


@MESSAGES.clean
def sources_in_tar_gz() -> bytes:
    """Sources, with a folder's name before each."""
    packed = files.gzipped(files.tarred({f"pier-1.0/src/file{number}.c": "int boats;\n" for number in range(40)}))
    return _with_file("pier-1.0.tar.gz", "application/x-gtar-compressed", packed)


@MESSAGES.clean
def sources_in_tar_xz() -> bytes:
    """The same in xz, with names beyond ASCII."""
    return _with_file(
        "pier.tar.xz", "application/x-xz", files.xzipped(files.tarred({"M\u00f4le/l\u00e9gende.txt": "1\n"}))
    )


@MESSAGES.clean
def table_in_bzip2() -> bytes:
    """A single file in bzip2."""
    return _with_file("figures.csv.bz2", "application/x-bzip2", files.bzipped(_LOG.encode()))


@MESSAGES.clean
def table_in_zstandard() -> bytes:
    """A single file in zstd."""
    return _with_file("figures.csv.zst", "application/zstd", files.zstandard_of(_LOG.encode()))


@MESSAGES.clean
def seven_zip_of_texts() -> bytes:
    """An archive in 7z, with a folder."""
    return _with_file(
        "texts.7z", "application/x-7z-compressed", files.seven_zip({"texts/one.txt": "one\n", "two.txt": _LOG})
    )


@MESSAGES.clean
def tape_archive_of_a_mailbox_folder() -> bytes:
    """A tar file without compression, a Maildir in it."""
    members = {f"Maildir/cur/{number}.M1P2.host:2,S": mail(plain(f"Number {number}\n")) for number in range(4)}
    return _with_file("Maildir.tar", "application/x-tar", files.tarred(members))


@MESSAGES.clean
def two_gzip_files_in_one() -> bytes:
    """Logs put one after the other: gzip allows it, and one half is not rubbish after the end."""
    return _with_file(
        "mail.log.gz", "application/x-gzip", files.gzipped(b"one two\n") + files.gzipped(b"three four\n")
    )


@MESSAGES.clean
def empty_gzip() -> bytes:
    """A log of nothing."""
    return _with_file("mail.log.1.gz", "application/gzip", files.gzipped(b""))


@MESSAGES.clean
def text_named_as_archive() -> bytes:
    """A text that calls itself ZIP: a wrong name, and no damaged archive."""
    return _with_file("notes.zip", "application/zip", b"The archive was too large, so here is the text.\n")


@MESSAGES.clean
def empty_file_named_as_archive() -> bytes:
    """An archive that was empty when it was attached: no bytes at all."""
    return _with_file("figures.zip", "application/zip", b"")


# Texts and data


@MESSAGES.clean
def log_of_single_words() -> bytes:
    """A word in each line: libarchive would take it for a listing of files."""
    return _with_file("words.log", "text/x-log", _LOG.replace(" ", "\n").encode())


@MESSAGES.clean
def listing_of_files() -> bytes:
    """A listing in the form of mtree, as text: it describes an archive, and is none."""
    return _with_file("files.mtree", "text/plain", b"#mtree\n/set type=file\n. type=dir\n    setup.txt size=12\n..\n")


@MESSAGES.clean
def table_of_figures() -> bytes:
    """CSV, with a byte order mark and semicolons."""
    return _with_file("figures.csv", "text/csv", "\ufeffplace;boats\r\nnorth;12\r\n".encode())


@MESSAGES.clean
def json_data() -> bytes:
    """JSON that quotes a MIME header."""
    return _with_file(
        "data.json", "application/json", b'{"raw": "Content-Type: multipart/mixed; boundary=x\\n\\n--x\\n"}\n'
    )


@MESSAGES.clean
def dump_of_a_database() -> bytes:
    """SQL with a binary value in hexadecimal."""
    return _with_file("dump.sql", "application/sql", b"INSERT INTO files VALUES (1, x'504B0304140000000800');\n" * 50)


@MESSAGES.clean
def mailbox_export() -> bytes:
    """A mailbox with five messages, one of which has an attachment."""
    letters = [mail(plain(f"Number {number}\n>From the pier\n")) for number in range(4)] + [
        mail(mixed(attached(files.pdf(), "application/pdf", "a.pdf")))
    ]
    box = b"".join(b"From anna@example.org Mon Mar  2 09:00:00 2026\n" + letter + b"\n" for letter in letters)
    return _with_file("export.mbox", "application/mbox", box)


@MESSAGES.clean
def message_in_base64_as_octets() -> bytes:
    """A message with another name and type, in base64."""
    return _with_file("complaint.eml", "application/octet-stream", mail(plain()))


@MESSAGES.clean
def web_archive() -> bytes:
    """A page with its pictures as a browser saves it: a message without sender."""
    page = mail(mixed(attached(files.png(), "image/png", "dot.png")), more="X-Saved-By: Example\n")
    return _with_file("page.mhtml", "application/x-mimearchive", page)


@MESSAGES.clean
def disk_data_of_zeros() -> bytes:
    """Sixty kilobytes of zeros, which some take for an empty tape archive."""
    return _with_file("blank.bin", "application/octet-stream", bytes(61_440))


@MESSAGES.clean
def calendar_file() -> bytes:
    """A calendar with an attachment in base64 inside of it."""
    return _with_file(
        "events.ics",
        "text/calendar",
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
        b"ATTACH;ENCODING=BASE64;VALUE=BINARY:SGVsbG8=\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    )


@MESSAGES.clean
def shell_commands_as_text() -> bytes:
    """Lines for a terminal in the text, with no interpreter's line first."""
    return mail(plain("$ make setup\n$ make test\n#!/bin/sh is the first line of a script.\n"))


@MESSAGES.clean
def database_of_sqlite() -> bytes:
    """A database file."""
    return _with_file(
        "boats.sqlite", "application/vnd.sqlite3", b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20" + bytes(4076)
    )


@MESSAGES.clean
def model_of_numbers() -> bytes:
    """A file of numpy: magic, a header of text, numbers."""
    return _with_file(
        "boats.npy",
        "application/octet-stream",
        b"\x93NUMPY\x01\0\x46\0{'descr': '<f8', 'fortran_order': False, 'shape': (8,), }".ljust(80) + bytes(64),
    )


_MEDIA: tuple[tuple[str, str, str, Callable[[], bytes]], ...] = (
    ("picture_png", "pier.png", "image/png", files.png),
    ("picture_gif", "pier.gif", "image/gif", files.gif),
    ("picture_jpeg", "pier.jpeg", "image/jpeg", files.jpeg),
    ("picture_svg", "pier.svg", "image/svg+xml", files.svg),
    ("picture_webp", "pier.webp", "image/webp", files.webp),
    ("picture_bmp", "pier.bmp", "image/bmp", files.bmp),
    ("film_mp4", "pier.mp4", "video/mp4", functools.partial(files.iso_media, b"isom")),
    ("sound_mp3", "horn.mp3", "audio/mpeg", files.mp3),
    ("sound_ogg", "horn.ogg", "audio/ogg", files.ogg),
    ("font_truetype", "Harbour.ttf", "font/ttf", files.truetype),
    ("font_woff", "Harbour.woff2", "font/woff2", files.woff2),
)


def _media(name: str, content_type: str, make: Callable[[], bytes]) -> bytes:
    return _with_file(name, content_type, make())


for _name, _file_name, _content_type, _make in _MEDIA:
    MESSAGES.add(
        CleanMessage(
            _name,
            f"A file of the type {_content_type}: compressed data, and no container.",
            functools.partial(_media, _file_name, _content_type, _make),
        )
    )
