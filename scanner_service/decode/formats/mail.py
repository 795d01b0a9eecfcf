"""A message in bytes: an .eml that came as a file, a mailbox of several messages (mbox).

A message/rfc822 part of the mail's own tree is decode.mime's business; here is what only its content gives away.
"""

import re
from collections.abc import Iterator

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.formats.content import Content, NotThisFormatError
from scanner_service.decode.mime import decode_message

# How much of a header is looked at. Most texts that have none are told by their first line.
_LOOKED_AT_BYTES = 2**16
_FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_MAIL_FIELDS = frozenset(
    b"bcc cc content-disposition content-transfer-encoding content-type date delivered-to dkim-signature from "
    b"in-reply-to message-id mime-version received references reply-to return-path sender subject to "
    b"x-mailer x-original-to x-received".split()
)
_FIELDS_WANTED = 2

# The line between the messages of a mailbox: every writer of mbox (RFC 4155, and the older ones) puts a time there.
# Without it, and without a field after it, a sentence that begins with "From" would cut a message in two.
_POSTMARK = re.compile(rb"(?:\A|\n\r?\n)>?From (?=[^\n]*\d\d:\d\d)[^\n]*\n(?=>?[!-9;-~]+[ \t]*:)")


def looks_like_mail(data: bytes) -> bool:
    """Tell whether a text begins as messages do: with a header, at least two of whose fields are a mail's own.

    A mistake costs little either way: a text taken for a mail is a text again, one level further down.
    """
    start = data[:_LOOKED_AT_BYTES].lstrip(b"\xef\xbb\xbf\r\n")
    if start.startswith((b"From ", b">From ")):
        start = start.partition(b"\n")[2]
    fields: set[bytes] = set()
    for line in start.split(b"\n"):
        if line.startswith((b" ", b"\t")) and fields:
            continue
        name = _FIELD_NAME.match(line)
        if name is None:
            break
        if name.group(1).lower() in _MAIL_FIELDS:
            fields.add(name.group(1).lower())
    return len(fields) >= _FIELDS_WANTED or (b"content-type" in fields and b"boundary" in start.lower())


def open_mail(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the leaves of the message's MIME tree, or of all messages in a mailbox."""
    if not looks_like_mail(data):
        raise NotThisFormatError("begins with no header of a message")
    for start, end in _messages(data):
        decoded = decode_message(data[start:end], budget)
        for part in decoded.parts:
            yield Content.of(part.names, budget.hold([part.body]), part.content_type)
        if decoded.over_limits:
            raise OverLimitsError(decoded.over_limits)


def _messages(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each message begins and ends, without its postmark."""
    start = len(data) - len(data.lstrip(b"\xef\xbb\xbf\r\n"))
    if data.startswith((b"From ", b">From "), start):
        start = data.find(b"\n", start) + 1
    for postmark in _POSTMARK.finditer(data, start):
        yield start, postmark.start()
        start = postmark.end()
    yield start, len(data)
