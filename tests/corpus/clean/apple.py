"""Apple Mail, on the desktop and on the telephone."""

from tests.corpus.clean import files
from tests.corpus.clean.compose import attached, entity, html, in_base64, mail, multipart, plain, quoted
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

_MAIL = "X-Mailer: Apple Mail (2.3826.400.131.1.6)\n"
_MIME = "Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3826.400.131.1.6\\))\n"


def _boundary(number: int) -> str:
    return f"Apple-Mail=_0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F{number}"


def _apple(entity_: bytes) -> bytes:
    return mail(entity_, more=_MAIL, mime_version=_MIME)


@MESSAGES.clean
def apple_comment_in_mime_version() -> bytes:
    """MIME-Version with a comment and escaped brackets."""
    return _apple(plain())


@MESSAGES.clean
def apple_pictures_between_texts() -> bytes:
    """Text, picture, text in a mixed inside an alternative: attachments inside one alternative only."""
    document = in_base64(
        files.pdf(),
        "Content-Disposition: inline;\n\tfilename=Draft.pdf\nContent-Type: application/pdf;\n"
        '\tx-unix-mode=0644;\n\tname="Draft.pdf"',
    )
    inner = multipart(
        "mixed",
        quoted(html(), "us-ascii", "html"),
        document,
        quoted(html("<br>"), "us-ascii", "html"),
        boundary=_boundary(1),
    )
    return _apple(multipart("alternative", plain(charset="us-ascii"), inner, boundary=_boundary(0)))


@MESSAGES.clean
def apple_pages_document_as_zip() -> bytes:
    """A document that is a folder is sent as a ZIP file with folders in it."""
    package = files.zipped(
        {
            "Letter.pages/": b"",
            "Letter.pages/Index.zip": files.zipped({"Index/Document.iwa": b"\0\x01\x02" * 40}, compression=0),
            "Letter.pages/Metadata/": b"",
            "Letter.pages/Metadata/Properties.plist": b"bplist00\xd0\x08" + b"\0" * 30,
            "Letter.pages/preview.jpg": files.jpeg(),
        }
    )
    document = in_base64(
        package,
        "Content-Disposition: attachment;\n\tfilename=Letter.pages.zip\nContent-Type: application/zip;\n"
        "\tx-mac-auto-archive=yes;\n"
        '\tx-unix-mode=0644;\n\tname="Letter.pages.zip"',
    )
    return _apple(multipart("mixed", plain(), document, boundary=_boundary(0)))


@MESSAGES.clean
def apple_zip_with_resource_forks() -> bytes:
    """The Finder's archives carry a second tree, __MACOSX, with files of a few bytes."""
    package = files.streamed_zip(
        {
            "Figures/north.csv": "place,boats\nnorth,12\n",
            "__MACOSX/Figures/._north.csv": b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + b"\0" * 60,
        }
    )
    return _apple(
        multipart("mixed", plain(), attached(package, "application/zip", "Figures.zip"), boundary=_boundary(0))
    )


@MESSAGES.clean
def apple_double() -> bytes:
    """A file in two parts, its resource fork first; both have the same name."""
    fork = in_base64(
        b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + b"\0" * 60,
        'Content-Type: application/applefile;\n\tname="Draft.pdf"\nContent-Disposition: attachment;\n'
        "\tfilename=Draft.pdf",
    )
    data = in_base64(
        files.pdf(),
        'Content-Disposition: inline;\n\tfilename=Draft.pdf\nContent-Type: application/pdf;\n\tname="Draft.pdf"',
    )
    double = multipart("appledouble", fork, data, boundary=_boundary(1))
    return _apple(multipart("mixed", plain(), double, boundary=_boundary(0)))


@MESSAGES.clean
def apple_signed() -> bytes:
    """The signature is the last part, smime.p7s, and is no container to open."""
    signature = in_base64(
        files.cms(2),
        "Content-Disposition: attachment;\n\tfilename=smime.p7s\n"
        "Content-Type: application/pkcs7-signature;\n\tname=smime.p7s",
    )
    return _apple(
        multipart(
            "signed",
            multipart("alternative", plain(), quoted(html(), subtype="html"), boundary=_boundary(1)),
            signature,
            boundary=_boundary(0),
            parameters='\n\tprotocol="application/pkcs7-signature";\n\tmicalg=sha-256;',
        )
    )


@MESSAGES.clean
def apple_decomposed_name() -> bytes:
    """Names as the file system keeps them: letters and accents apart, in RFC 2231 pieces."""
    document = in_base64(
        files.pdf(),
        "Content-Disposition: attachment;\n"
        "\tfilename*0*=utf-8''U%CC%88bersicht%20der%20Ha%CC%88fen%20im%20Fru%CC%88h;\n"
        '\tfilename*1*=jahr.pdf\nContent-Type: application/pdf;\n\tname="=?utf-8?Q?U=CC=88bersicht=2Epdf?="',
    )
    return _apple(multipart("mixed", plain(), document, boundary=_boundary(0)))


@MESSAGES.clean
def apple_remote_images_and_plain_dots() -> bytes:
    """Lines that are a single dot, and format=flowed with delsp."""
    text = entity(
        "Content-Transfer-Encoding: 7bit\nContent-Type: text/plain;\n\tcharset=us-ascii;\n"
        "\tformat=flowed;\n\tdelsp=yes",
        ".\n..\nGood \nmorning\n",
    )
    return _apple(text)


@MESSAGES.clean
def telephone_signature_and_heic() -> bytes:
    """A picture of a telephone in HEIC, inline, without quotation marks around its name."""
    picture = in_base64(
        files.iso_media(b"heic"),
        "Content-Type: image/heic;\n\tname=IMG_0042.HEIC;\n\tx-apple-part-url=0F1E2D3C\n"
        "Content-Disposition: inline;\n\tfilename=IMG_0042.HEIC",
    )
    return mail(
        multipart("mixed", plain("\n\nSent from my telephone\n"), picture, boundary="Apple-Mail-0F1E2D3C"),
        more="X-Mailer: iPhone Mail (22D72)\n",
        mime_version="Mime-Version: 1.0 (1.0)\n",
    )


@MESSAGES.clean
def apple_large_file_by_link() -> bytes:
    """Instead of the file a text with a link and a picture with a data URL in the HTML."""
    page = html(
        '<img src="data:image/png;base64,'
        + "iVBORw0KGgo" * 30
        + '"><a href="https://files.example.com/1">Film.mov</a>'
    )
    return _apple(multipart("alternative", plain(), quoted(page, subtype="html"), boundary=_boundary(0)))
