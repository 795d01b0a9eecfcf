"""Gmail and other mail programs that run in a browser, and those on telephones."""

from tests.corpus.clean import files
from tests.corpus.clean.compose import alternative, attached, entity, html, in_base64, mail, multipart, plain, quoted
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

_GMAIL_BOUNDARY = "000000000000a1b2c3064f5e6d7c"
_GMAIL = (
    "X-Gm-Message-State: AOJu0YabcdefGHIJ\n"
    "X-Received: by 192.0.2.9 with SMTP id a1mr1; Mon, 02 Mar 2026 01:00:00 -0800 (PST)\n"
)


def _gmail_alternative() -> bytes:
    return multipart(
        "alternative",
        quoted(charset="UTF-8"),
        quoted('<div dir="ltr">Good morning</div>\n', "UTF-8", "html"),
        boundary="000000000000a1b2c1064f5e6d7a",
    )


@MESSAGES.clean
def gmail_two_alternatives() -> bytes:
    """A boundary of digits only."""
    return mail(_gmail_alternative(), more=_GMAIL)


@MESSAGES.clean
def gmail_attachment() -> bytes:
    """X-Attachment-Id beside Content-ID on a part that nothing refers to."""
    document = in_base64(
        files.pdf(),
        'Content-Type: application/pdf; name="Report (final) v2.pdf"\n'
        'Content-Disposition: attachment; filename="Report (final) v2.pdf"\n'
        "Content-ID: <f_m1a2b3c40>\nX-Attachment-Id: f_m1a2b3c40",
    )
    return mail(multipart("mixed", _gmail_alternative(), document, boundary=_GMAIL_BOUNDARY), more=_GMAIL)


@MESSAGES.clean
def gmail_encoded_word_as_name() -> bytes:
    """An encoded word in a quoted parameter, which RFC 2047 forbids and many programs write."""
    name = "=?UTF-8?B?w5xiZXJzaWNodC5wZGY=?="
    return mail(
        multipart(
            "mixed", _gmail_alternative(), attached(files.pdf(), "application/pdf", name), boundary=_GMAIL_BOUNDARY
        ),
        more=_GMAIL,
    )


@MESSAGES.clean
def gmail_inline_picture_and_signature() -> bytes:
    """Related in mixed, with one picture shown and another attached."""
    shown = in_base64(
        files.jpeg(),
        'Content-Type: image/jpeg; name="pier.jpg"\nContent-Disposition: inline; filename="pier.jpg"\n'
        "Content-ID: <ii_m1>",
    )
    related = multipart("related", _gmail_alternative(), shown, boundary="000000000000a1b2c2064f5e6d7b")
    return mail(
        multipart("mixed", related, attached(files.png(), "image/png", "logo.png"), boundary=_GMAIL_BOUNDARY),
        more=_GMAIL,
    )


@MESSAGES.clean
def gmail_calendar_invitation() -> bytes:
    """The same calendar twice: as an alternative without a name, and as invite.ics in base64."""
    calendar = (
        "BEGIN:VCALENDAR\r\nPRODID:-//Example Inc//Example Calendar 70.9054//EN\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n"
        "BEGIN:VEVENT\r\nUID:1@example.com\r\nDTSTART:20260309T090000Z\r\nSUMMARY:The board meets\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    shown = multipart(
        "alternative",
        quoted(),
        quoted(html(), subtype="html"),
        quoted(calendar.replace("\r\n", "\n"), "UTF-8", "calendar; method=REQUEST"),
        boundary="000000000000a1b2c4064f5e6d7d",
    )
    file = attached(calendar.encode("ascii"), "application/ics", "invite.ics")
    return mail(multipart("mixed", shown, file, boundary=_GMAIL_BOUNDARY), more=_GMAIL)


@MESSAGES.clean
def gmail_forwarded_with_quote_inside_text() -> bytes:
    """A forwarded mail as text: a header in the middle of the body."""
    text = (
        "See below.\n\n---------- Forwarded message ---------\nFrom: Carl Example <carl@example.com>\n"
        "Date: Mon, 2 Mar 2026 at 08:00\nSubject: Timetable\nTo: <anna@example.org>\n\nThe ferry leaves at noon.\n"
    )
    return mail(alternative(text), more=_GMAIL)


@MESSAGES.clean
def webmail_unquoted_name_with_dots() -> bytes:
    """Parameters without quotation marks where none are needed."""
    document = in_base64(
        files.pdf(),
        "Content-Type: application/pdf;\n name=report.v1.2.final.pdf\nContent-Disposition: attachment;\n"
        " filename=report.v1.2.final.pdf;\n size=599",
    )
    return mail(
        multipart("mixed", plain(), document, boundary="=_0a1b2c3d4e5f"), more="User-Agent: Roundcube Webmail/1.6.6\n"
    )


@MESSAGES.clean
def webmail_charset_of_name_differs() -> bytes:
    """The name in RFC 2231 and for old programs once more in an encoded word, in another charset."""
    document = in_base64(
        files.pdf(),
        'Content-Type: application/pdf; name="=?iso-8859-1?Q?=DCbersicht=2Epdf?="\n'
        "Content-Disposition: attachment; filename*=UTF-8''%C3%9Cbersicht.pdf",
    )
    return mail(multipart("mixed", plain(), document, boundary="=_0a1b2c3d4e5f"), more="User-Agent: SOGoMail 5.9.1\n")


@MESSAGES.clean
def webmail_html_only() -> bytes:
    """One HTML text, in base64, without a multipart."""
    return mail(in_base64(html("<p>\u20ac 12,50</p>").encode(), "Content-Type: text/html; charset=utf-8"))


@MESSAGES.clean
def android_picture() -> bytes:
    """A camera's file name, and an empty text before the picture."""
    picture = attached(files.jpeg(5000), "image/jpeg", "IMG_20260302_085500.jpg")
    return mail(
        multipart("mixed", plain("\n"), picture, boundary="----ABCDEFGH1234567"),
        more="X-Mailer: Example Mobile 4.2\n",
    )


@MESSAGES.clean
def android_text_in_base64() -> bytes:
    """Short text parts in base64, as some telephones send them."""
    body = multipart(
        "alternative",
        in_base64(b"On my way.\n", "Content-Type: text/plain; charset=utf-8"),
        in_base64(b"<p>On my way.</p>\n", "Content-Type: text/html; charset=utf-8"),
        boundary="--_com.example.android.email_1772442000000",
    )
    return mail(body)


@MESSAGES.clean
def telephone_video() -> bytes:
    """A film in QuickTime's boxes, inline."""
    return mail(
        multipart(
            "mixed",
            plain("From the pier\n"),
            attached(files.iso_media(b"qt  "), "video/quicktime", "IMG_0042.MOV", "inline"),
            boundary="Apple-Mail-42",
        )
    )


@MESSAGES.clean
def telephone_voice_note() -> bytes:
    """Sound in AAC."""
    return mail(
        multipart("mixed", plain("\n"), attached(files.iso_media(b"M4A "), "audio/mp4", "note.m4a"), boundary="b-1")
    )


@MESSAGES.clean
def multimedia_message_gateway() -> bytes:
    """What a gateway makes of an MMS: SMIL, a picture and a text, names without quotation marks."""
    smil = (
        '<smil><head><layout><root-layout/></layout></head><body><par dur="5000ms"><img '
        'src="cid:pic"/></par></body></smil>\n'
    )
    return mail(
        multipart(
            "related",
            entity("Content-Type: application/smil; name=0.smil\nContent-ID: <0.smil>", smil),
            in_base64(files.jpeg(), "Content-Type: image/jpeg; name=pic.jpg\nContent-ID: <pic>"),
            entity("Content-Type: text/plain; charset=utf-8; name=text_0.txt", "Hello from the pier\n"),
            boundary="mms_0001",
            parameters=' type="application/smil"; start="<0.smil>";',
        ),
        sender="447700900123@mms.example.com",
    )
