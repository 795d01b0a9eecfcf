"""Messages and their entities as bytes, with the line ends as Courier stores them.

Nothing is made by the library's generator: the corpus must be written as other programs write, with their faults.
"""

import binascii
import quopri
from random import Random

DATE = "Mon, 02 Mar 2026 09:00:00 +0000"
PROSE = (
    "Good morning,\n\nplease find the figures for the harbour office attached. The board meets again on Monday\n"
    "and asks for the draft before noon.\n\nKind regards\nAnna\n"
)
BASE64_LINE = 76  # RFC 2045 §6.8


def mail(
    entity: bytes,
    *,
    subject: str = "Figures for the harbour office",
    sender: str = "Anna Example <anna@example.org>",
    to: str = "Bernd Example <bernd@example.net>",
    more: str = "",
    mime_version: str = "MIME-Version: 1.0\n",
) -> bytes:
    """Put a header before an entity; ``more`` are the fields that the sending program is known by."""
    head = (
        "Received: from relay.example.org (relay.example.org [::ffff:192.0.2.7])\n"
        "  by mx.example.net with ESMTPS; Mon, 02 Mar 2026 09:00:01 +0000\n"
        "  id 00000000000A1B2C.0000000069A55001.00000F2E\n"
        f"Date: {DATE}\nFrom: {sender}\nTo: {to}\nSubject: {subject}\n"
    )
    message_id = "" if "message-id:" in more.lower() else "Message-ID: <20260302.090000.1@example.org>\n"
    return encoded(head + message_id + more + mime_version) + entity


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def entity(fields: str, body: bytes | str) -> bytes:
    """Put an empty line between."""
    return encoded(fields.rstrip("\n") + "\n\n") + (encoded(body) if isinstance(body, str) else body)


def plain(body: str = PROSE, charset: str = "utf-8", subtype: str = "plain", more: str = "") -> bytes:
    """Text as it stands, 8bit where it must be."""
    data = body.encode(charset)
    encoding = "7bit" if data.isascii() else "8bit"
    fields = f"Content-Type: text/{subtype}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n{more}"
    return entity(fields, data)


def quoted(body: str = PROSE, charset: str = "utf-8", subtype: str = "plain", more: str = "") -> bytes:
    """Text in quoted-printable."""
    fields = f'Content-Type: text/{subtype}; charset="{charset}"\nContent-Transfer-Encoding: quoted-printable\n{more}'
    return entity(fields, quopri.encodestring(body.encode(charset)))


def html(body: str = "<p>Good morning,</p><p>please find the figures attached.</p>") -> str:
    return f"<html><head><title>Figures</title></head><body>{body}</body></html>\n"


def base64_lines(data: bytes, width: int = BASE64_LINE) -> bytes:
    text = binascii.b2a_base64(data, newline=False)
    return b"".join(text[start : start + width] + b"\n" for start in range(0, len(text), width))


def attached(data: bytes, content_type: str, name: str | None = None, disposition: str = "attachment") -> bytes:
    """An attachment with its name in both places, quoted."""
    if name is None:
        return in_base64(data, f"Content-Type: {content_type}\nContent-Disposition: {disposition}")
    return in_base64(
        data,
        f'Content-Type: {content_type}; name="{name}"\nContent-Disposition: {disposition}; filename="{name}"',
    )


def in_base64(data: bytes, fields: str) -> bytes:
    """A body in base64 below fields that the caller writes himself."""
    return entity(fields.rstrip("\n") + "\nContent-Transfer-Encoding: base64", base64_lines(data))


def multipart(
    subtype: str,
    *entities: bytes,
    boundary: str = "----=_Part_0001",
    parameters: str = "",
    more: str = "",
    preamble: str = "",
    epilogue: str = "",
) -> bytes:
    """Entities between delimiter lines."""
    fields = f'Content-Type: multipart/{subtype};{parameters}\n boundary="{boundary}"\n{more}'
    line = encoded(boundary)
    body = encoded(preamble) + b"".join(b"--%b\n%b\n" % (line, one) for one in entities)
    return entity(fields, body + b"--%b--\n" % line + encoded(epilogue))


def alternative(text: str = PROSE, boundary: str = "----=_Alt_0001") -> bytes:
    """The same in plain text and in HTML."""
    return multipart(
        "alternative",
        quoted(text),
        quoted(html("<p>" + text.replace("\n\n", "</p>\n<p>") + "</p>"), subtype="html"),
        boundary=boundary,
    )


def mixed(*attachments: bytes, boundary: str = "----=_Mixed_0001") -> bytes:
    """A short text and what goes with it."""
    return multipart("mixed", plain(), *attachments, boundary=boundary)


def random_bytes(seed: str, length: int) -> bytes:
    """The same bytes in every run."""
    return Random(seed).randbytes(length)


def random_words(seed: str, count: int) -> str:
    """Prose of no meaning, in lines."""
    words = [
        "harbour",
        "figures",
        "spring",
        "board",
        "draft",
        "monday",
        "office",
        "dock",
        "report",
        "ferry",
        "timetable",
        "winter",
        "pilot",
        "anchor",
    ]
    chosen = Random(seed).choices(words, k=count)
    return "\n".join(" ".join(chosen[start : start + 11]) for start in range(0, count, 11)) + "\n"
