"""Thunderbird, and programs for terminals."""

from tests.corpus.clean import files
from tests.corpus.clean.compose import attached, entity, in_base64, mail, multipart, plain, quoted, random_words
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

_THUNDERBIRD = "User-Agent: Mozilla Thunderbird\nContent-Language: en-GB\n"
_BOUNDARY = "------------0aB1cD2eF3gH4iJ5kL6mN7oP"
_PREAMBLE = "This is a multi-part message in MIME format.\n"


def _thunderbird(*entities: bytes) -> bytes:
    return mail(multipart("mixed", *entities, boundary=_BOUNDARY, preamble=_PREAMBLE), more=_THUNDERBIRD)


@MESSAGES.clean
def thunderbird_flowed() -> bytes:
    """format=flowed: trailing blanks, and a signature's delimiter of two dashes and a blank."""
    text = "Good morning, \nthe figures are \nready.\n\n-- \nAnna\n"
    return mail(
        entity("Content-Type: text/plain; charset=UTF-8; format=flowed\nContent-Transfer-Encoding: 7bit", text),
        more=_THUNDERBIRD,
    )


@MESSAGES.clean
def thunderbird_forwarded_as_attachment() -> bytes:
    """A message as attachment, with the subject as its name."""
    inner = mail(plain(), subject="Timetable: winter")
    forwarded = entity(
        'Content-Type: message/rfc822; charset=UTF-8;\n name="Timetable: winter.eml"\n'
        "Content-Disposition: attachment;\n"
        ' filename="Timetable: winter.eml"\nContent-Transfer-Encoding: 7bit',
        inner,
    )
    return _thunderbird(plain(), forwarded)


@MESSAGES.clean
def thunderbird_forwarded_three_deep() -> bytes:
    """A message in a message in a message, each with a document."""
    inner = mail(plain("The first of three.\n"))
    for depth in range(1, 4):
        document = attached(files.pdf(f"Depth {depth}"), "application/pdf", f"depth {depth}.pdf")
        forwarded = entity(
            "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=forwarded.eml", inner
        )
        inner = mail(
            multipart("mixed", plain(), forwarded, document, boundary=f"level-{depth}"), subject=f"Fwd {depth}"
        )
    return inner


@MESSAGES.clean
def thunderbird_deleted_attachment() -> bytes:
    """What is left of an attachment that the user removed: the name of a document, and a text."""
    stub = entity(
        'Content-Type: text/x-moz-deleted; name="Deleted: figures.zip"\nContent-Transfer-Encoding: 8bit\n'
        'Content-Disposition: inline; filename="Deleted: figures.zip"\n'
        'X-Mozilla-Altered: AttachmentDeleted; date="Mon Mar 2 09:00:00 2026"',
        "You deleted an attachment from this message. The original MIME headers for the attachment were:\n"
        'Content-Type: application/zip;\n name="figures.zip"\nContent-Transfer-Encoding: base64\n'
        "Content-Disposition: attachment;\n"
        ' filename="figures.zip"\n\n',
    )
    return _thunderbird(plain(), stub)


@MESSAGES.clean
def thunderbird_name_in_two_ways() -> bytes:
    """The name in an encoded word for old programs, and in RFC 2231 for others: the same one twice."""
    document = (
        'Content-Type: application/pdf; name="=?UTF-8?B?w5xiZXJzaWNodC5wZGY=?="\n'
        "Content-Disposition: attachment; filename*=UTF-8''%C3%9Cbersicht%2Epdf"
    )
    return _thunderbird(plain(), in_base64(files.pdf(), document))


@MESSAGES.clean
def thunderbird_source_patch() -> bytes:
    """A patch as text: lines with two dashes that look like delimiter lines."""
    patch = (
        "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"
        "From: Anna <anna@example.org>\nSubject: [PATCH] pier\n\n"
        "---\n pier.c | 2 +-\n\ndiff --git a/pier.c b/pier.c\n--- a/pier.c\n+++ b/pier.c\n@@ -1 +1 @@\n"
        "-int boats;\n+int ships;\n-- \n2.39.5\n"
    )
    attachment = entity(
        'Content-Type: text/x-patch; charset=UTF-8; name="0001-pier.patch"\n'
        'Content-Disposition: attachment; filename="0001-pier.patch"',
        patch,
    )
    return _thunderbird(plain(), attachment)


@MESSAGES.clean
def thunderbird_vcard_and_key() -> bytes:
    """A card and a public key, both as texts with names."""
    card = entity(
        'Content-Type: text/vcard; charset=utf-8; name="anna.vcf"\n'
        'Content-Disposition: attachment; filename="anna.vcf"',
        "begin:vcard\nfn:Anna Example\nend:vcard\n",
    )
    key = entity(
        'Content-Type: application/pgp-keys; name="OpenPGP_0x0123456789ABCDEF.asc"\n'
        'Content-Disposition: attachment; filename="OpenPGP_0x0123456789ABCDEF.asc"',
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxjMEZabcdEWJ\n=AbCd\n-----END PGP PUBLIC KEY BLOCK-----\n",
    )
    return _thunderbird(plain(), card, key)


@MESSAGES.clean
def thunderbird_open_document() -> bytes:
    """OpenDocument: its first member is stored, and names the type."""
    return _thunderbird(
        plain(), attached(files.open_document(), "application/vnd.oasis.opendocument.text", "Minutes.odt")
    )


@MESSAGES.clean
def mutt_text_with_attachment() -> bytes:
    """Two dashes and a blank again, and attachments in 8bit."""
    notes = entity(
        "Content-Type: text/plain; charset=iso-8859-1\n"
        'Content-Disposition: attachment; filename="M\\"ole.txt"\nContent-Transfer-Encoding: 8bit',
        "M\u00f4le\n".encode("latin-1"),
    )
    return mail(
        multipart(
            "mixed",
            plain(charset="us-ascii", more="Content-Disposition: inline\n"),
            notes,
            boundary="3V7upXqbjpZ4EhLz",
        ),
        more="User-Agent: Mutt/2.2.12 (2023-09-09)\n",
    )


@MESSAGES.clean
def mutt_long_mixed_boundary() -> bytes:
    """A boundary of 70 characters, the longest there may be (RFC 2046, section 5.1.1)."""
    return mail(multipart("mixed", plain(), quoted(), boundary="x" * 70))


@MESSAGES.clean
def alpine_two_texts() -> bytes:
    """Numbers, dashes and colons in the boundary."""
    boundary = "8323328-1234567890-1772442000=:12345"
    listing = attached(random_words("alpine", 60).encode(), "TEXT/PLAIN; charset=US-ASCII", "notes.txt")
    return mail(
        multipart(
            "MIXED",
            plain(),
            listing,
            boundary=boundary,
            preamble=(
                "  This message is in MIME format.  The first part should be readable text,\n"
                "  while the remaining parts are likely unreadable without MIME-aware tools.\n\n"
            ),
        ),
        more="User-Agent: Alpine 2.26 (DEB 649 2022-06-02)\n",
    )


@MESSAGES.clean
def mailx_plain() -> bytes:
    """No multipart, nothing special, and no blank line at the end of the body."""
    return mail(plain("The backup is done."), more="User-Agent: s-nail v14.9.24\n")


@MESSAGES.clean
def gnus_several_inline_parts() -> bytes:
    """Many small parts, and a boundary of equals signs and dashes."""
    parts = [plain(f"Part {number}\n", subtype="plain", more="Content-Disposition: inline\n") for number in range(9)]
    return mail(multipart("mixed", *parts, boundary="=-=-="), more="User-Agent: Gnus/5.13 (Gnus v5.13)\n")
