"""Messages as Courier's submit leaves them on disk, each with bytes that no message before it had.

clamd remembers the digest of every clean file and part, so a message sent twice would be measured only once.
"""

import binascii
import io
import os
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PHRASES = (
    "the board meets again on monday",
    "and asks for the figures of spring",
    "please find our draft report attached",
    "with photographs of the harbour",
    "kindly confirm the delivery before noon",
    "thank you and best regards",
)
BASE64_LINE = 76  # RFC 2045 §6.8
# In two halves, so that no scanner takes this source for the test file itself.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class MessageSize(StrEnum):
    """The sizes of the budgets, by the name that the command line and the table use."""

    SMALL = "4k"
    MEDIUM = "100k"
    LARGE = "1m"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A named file that a message carries in base64."""

    name: str
    media_type: str
    content: bytes


def fresh_message(size: MessageSize) -> bytes:
    """A clean message of this size: text and HTML, and for the larger sizes attachments."""
    match size:
        case MessageSize.SMALL:
            return compose_message("Minutes", alternative(text_bytes=1200, html_bytes=1900))
        case MessageSize.MEDIUM:
            return compose_message("Draft report", mixed(photograph(48_000), table(26_000)))
        case MessageSize.LARGE:
            return compose_message("Figures", mixed(photograph(370_000), table(130_000), archive(280_000)))


def infected_message() -> bytes:
    """A message with the EICAR test file under a harmless name: only a virus scanner can refuse it."""
    return compose_message("Notes", mixed(Attachment("notes.txt", "text/plain", EICAR)))


def compose_message(subject: str, entity: bytes) -> bytes:
    token = os.urandom(12).hex()
    head = f"""\
Received: from client.example (client.example [::ffff:192.0.2.7])
  by mx.example with ESMTP; Mon, 02 Mar 2026 09:00:00 +0000
  id {token}
Message-ID: <{token}@client.example>
Date: Mon, 02 Mar 2026 08:59:58 +0000
From: Anna Example <anna@remote.example>
To: Bernd Example <bernd@mx.example>
Subject: {subject}
MIME-Version: 1.0
"""
    return head.encode("ascii") + entity


def mixed(*attachments: Attachment) -> bytes:
    bodies = (alternative(text_bytes=600, html_bytes=900), *map(encode_attachment, attachments))
    return multipart("mixed", bodies)


def alternative(*, text_bytes: int, html_bytes: int) -> bytes:
    plain = b"Content-Type: text/plain; charset=utf-8\n\n" + fresh_prose(text_bytes)
    html = b"Content-Type: text/html; charset=utf-8\n\n<html><body><p>%b</p></body></html>\n"
    return multipart("alternative", (plain, html % fresh_prose(html_bytes).replace(b"\n", b"</p>\n<p>")))


def multipart(subtype: str, entities: Sequence[bytes]) -> bytes:
    boundary = b"=_" + os.urandom(12).hex().encode("ascii")
    head = b'Content-Type: multipart/%b; boundary="%b"\n\n' % (subtype.encode("ascii"), boundary)
    parts = b"".join(b"--%b\n%b\n" % (boundary, entity) for entity in entities)
    return head + parts + b"--%b--\n" % boundary


def encode_attachment(attachment: Attachment) -> bytes:
    head = (
        f'Content-Type: {attachment.media_type}; name="{attachment.name}"\n'
        f'Content-Disposition: attachment; filename="{attachment.name}"\n'
        "Content-Transfer-Encoding: base64\n\n"
    )
    encoded = binascii.b2a_base64(attachment.content, newline=False)
    lines = [encoded[start : start + BASE64_LINE] for start in range(0, len(encoded), BASE64_LINE)]
    return head.encode("ascii") + b"\n".join(lines) + b"\n"


def fresh_prose(length_bytes: int) -> bytes:
    """Lines of text of about this length."""
    lines = (" ".join(random.choices(PHRASES, k=2)) for _ in range(length_bytes // 64))
    return ("\n".join((f"Reference {os.urandom(8).hex()}", *lines)) + "\n").encode("ascii")


def photograph(length_bytes: int) -> Attachment:
    header = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return Attachment("harbour.jpg", "image/jpeg", header + os.urandom(length_bytes) + b"\xff\xd9")


def table(length_bytes: int) -> Attachment:
    """A text with rows of numbers, which compresses as text does."""
    # Words in a row: libarchive takes lines of one word for an mtree listing, and spends 100 ms on it.
    rows = os.urandom(length_bytes * 20 // 54).hex("\n", 20).replace("\n", ", north dock\n")
    return Attachment("orders.csv", "text/csv", f"order, place\n{rows}, south dock\n".encode("ascii"))


def archive(length_bytes: int) -> Attachment:
    """A ZIP file of a picture, stored, and of a table, compressed."""
    picture, orders = photograph(length_bytes * 7 // 10), table(length_bytes // 2)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as container:
        container.writestr(picture.name, picture.content)
        container.writestr(orders.name, orders.content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return Attachment("figures.zip", "application/zip", file.getvalue())
