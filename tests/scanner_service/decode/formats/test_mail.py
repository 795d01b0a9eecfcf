"""A message that came as a file, or several of them in a mailbox."""

import base64

import pytest

from scanner_service.decode.budget import DecodeLimits, OverLimitsError
from scanner_service.decode.formats.content import NotThisFormatError
from scanner_service.decode.formats.mail import looks_like_mail, open_mail
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, joined, read

MESSAGE = joined([
    "From: a@example.com",
    "Subject: a file",
    'Content-Type: application/octet-stream; name="run.exe"',
    "Content-Transfer-Encoding: base64",
    "",
    base64.b64encode(PROGRAM).decode(),
])  # fmt: skip
POSTMARK = b"From a@example.com Thu Jul 31 13:49:50 2008\r\n"


def test_an_attached_message_gives_its_leaves_with_names_and_declared_types() -> None:
    reading = read(open_mail, MESSAGE)

    assert reading.bodies == [PROGRAM]
    assert reading.names_of(PROGRAM) == ("run.exe",)
    assert reading.contents[0].content_type == "application/octet-stream"


def test_every_message_of_a_mailbox_is_opened() -> None:
    mailbox = POSTMARK + MESSAGE + b"\r\n" + POSTMARK + b"Subject: text\r\nTo: b@example.com\r\n\r\nhello\r\n"

    reading = read(open_mail, mailbox)

    assert reading.bodies == [PROGRAM, b"hello\r\n"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"From here on: nothing\r\nnote: this\r\n", id="a sentence"),
        pytest.param(
            b"\r\n>From a@b Thu Jul 31 13:49:50 2008\r\nso he wrote\r\n", id="quoted, and no field after it"
        ),
    ],
)
def test_a_line_that_only_begins_like_a_postmark_does_not_cut_a_message_in_two(line: bytes) -> None:
    text = b"Subject: text\r\nTo: b@example.com\r\n\r\n" + line

    reading = read(open_mail, POSTMARK + text)

    assert reading.bodies == [line]


@pytest.mark.parametrize("name", ["clam.mail", "clam.exe.mbox.base64"])
def test_the_program_in_a_real_message_comes_out(name: str) -> None:
    reading = read(open_mail, (CLAMAV_TESTFILES / name).read_bytes())

    assert (CLAMAV_TESTFILES / "clam.exe").read_bytes() in reading.bodies
    assert reading.error is None


@pytest.mark.parametrize(
    ("text", "is_mail"),
    [
        pytest.param(MESSAGE, True, id="message"),
        pytest.param(POSTMARK + MESSAGE, True, id="mailbox"),
        pytest.param(b"\r\n\r\n" + MESSAGE, True, id="empty lines first"),
        pytest.param(b"\xef\xbb\xbf" + MESSAGE, True, id="byte order mark"),
        pytest.param(b"X-Any: 1\nReceived: from a\n\tby b\nDate: now\n\n", True, id="folded"),
        pytest.param(b"Content-Type: multipart/mixed; boundary=a\n\n--a\n", True, id="one field that says enough"),
        pytest.param(b"Dear Bob,\nthe date: today. Subject: none\n", False, id="a letter"),
        pytest.param(b"Subject: a topic\n\nand nothing else of a header\n", False, id="one field alone"),
        pytest.param(b"name: x\nversion: 1\nauthor: y\n", False, id="settings"),
        pytest.param(b"MZ\x90\0", False, id="program"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_a_text_is_a_mail_by_the_fields_it_begins_with(text: bytes, is_mail: bool) -> None:
    assert looks_like_mail(text) is is_mail
    assert isinstance(read(open_mail, text).error, NotThisFormatError) is not is_mail


def test_a_mailbox_of_many_messages_stops_at_the_budget() -> None:
    mailbox = (POSTMARK + b"Subject: a\r\nTo: b\r\n\r\nc\r\n\r\n") * 200

    reading = read(open_mail, mailbox, DecodeLimits(parts=100))

    assert isinstance(reading.error, OverLimitsError)
