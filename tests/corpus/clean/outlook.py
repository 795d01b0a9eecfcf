"""Outlook on the desktop, and Exchange behind it."""

from tests.corpus.clean import files, ole
from tests.corpus.clean.compose import (
    alternative,
    attached,
    entity,
    html,
    in_base64,
    mail,
    multipart,
    plain,
    quoted,
    random_words,
)
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

_OUTLOOK = (
    "X-Mailer: Microsoft Outlook 16.0\nThread-Index: AQHdAbCdEfGhIjKlMnOpQrStUvWxYz==\nContent-Language: en-gb\n"
)
_EXCHANGE = (
    "Thread-Topic: Figures for the harbour office\nThread-Index: AQHdAbCdEfGhIjKlMnOpQrStUvWxYz==\n"
    "Accept-Language: en-GB, de-DE\nContent-Language: en-GB\nX-MS-Has-Attach: yes\n"
    "X-MS-TNEF-Correlator: <20260302.090000.1@example.org>\nX-Originating-IP: [192.0.2.44]\n"
)
_BOUNDARY = "----=_NextPart_000_0012_01DCAA2F.5C3D4E50"
_INNER_BOUNDARY = "----=_NextPart_001_0013_01DCAA2F.5C3D4E50"
_EXCHANGE_BOUNDARY = "_004_AM0PR01MB1234example_"

_PREAMBLE = "This is a multipart message in MIME format.\n\n"


@MESSAGES.clean
def outlook_two_alternatives() -> bytes:
    """A preamble before the first delimiter, and boundaries that begin alike."""
    return mail(
        multipart(
            "alternative",
            plain(charset="us-ascii"),
            quoted(html(), "us-ascii", "html"),
            boundary=_BOUNDARY,
            preamble=_PREAMBLE,
        ),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_inline_picture() -> bytes:
    """Related in mixed, the picture named by its Content-ID, with a name but no file name."""
    picture = in_base64(
        files.png(), 'Content-Type: image/png;\n\tname="image001.png"\nContent-ID: <image001.png@01DCAA2F.5C3D4E50>'
    )
    related = multipart("related", alternative(boundary=_INNER_BOUNDARY), picture, boundary=_BOUNDARY)
    return mail(related, more=_OUTLOOK)


@MESSAGES.clean
def outlook_word_document() -> bytes:
    """A tab before each parameter, and a long media type that is folded."""
    document = in_base64(
        files.docx(),
        "Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document;\n"
        '\tname="Minutes of the meeting.docx"\n'
        'Content-Disposition: attachment;\n\tfilename="Minutes of the meeting.docx"',
    )
    return mail(multipart("mixed", alternative(), document, boundary=_BOUNDARY, preamble=_PREAMBLE), more=_OUTLOOK)


@MESSAGES.clean
def outlook_winmail_dat() -> bytes:
    """A capsule of Outlook's own with a text in it: a container that must be opened to its end."""
    capsule = files.transport_neutral([("Notes.txt", b"The ferry leaves at noon.\r\n")])
    return mail(
        multipart("mixed", plain(), attached(capsule, "application/ms-tnef", "winmail.dat"), boundary=_BOUNDARY),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_winmail_dat_with_documents() -> bytes:
    """Three attachments in one capsule, one of them an archive itself."""
    capsule = files.transport_neutral(
        [
            ("Draft.docx", files.docx()),
            ("Harbour.jpg", files.jpeg()),
            ("Figures.zip", files.zipped({"figures.csv": "place,boats\nnorth,12\n"})),
        ]
    )
    return mail(
        multipart("mixed", plain(), attached(capsule, "application/ms-tnef", "winmail.dat"), boundary=_BOUNDARY),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_winmail_dat_without_attachments() -> bytes:
    """An empty capsule: formatting only. Nothing in it is no damage."""
    capsule = files.transport_neutral([])
    return mail(
        multipart("mixed", plain(), attached(capsule, "application/ms-tnef", "winmail.dat"), boundary=_BOUNDARY),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_old_word_document() -> bytes:
    """A compound file: a container by structure, a document by purpose."""
    return mail(
        multipart(
            "mixed", plain(), attached(ole.word_document(), "application/msword", "Letter.doc"), boundary=_BOUNDARY
        ),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_old_workbook() -> bytes:
    """Excel 97, sent with the media type of a document that nobody knows."""
    return mail(
        multipart(
            "mixed",
            plain(),
            attached(ole.workbook(), "application/x-msexcel", "Figures 2025.xls"),
            boundary=_BOUNDARY,
        ),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_message_as_file() -> bytes:
    """A mail dragged into a mail: a compound file with an attachment of its own."""
    message = ole.outlook_message("Figures", ("notes.txt", random_words("msg", 900).encode("ascii")))
    return mail(
        multipart(
            "mixed", plain(), attached(message, "application/vnd.ms-outlook", "Figures.msg"), boundary=_BOUNDARY
        ),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_rich_text_attachment() -> bytes:
    """RTF with a picture in hexadecimal: much text that looks like an object."""
    return mail(
        multipart(
            "mixed", plain(), attached(files.rtf_with_picture(), "application/rtf", "Letter.rtf"), boundary=_BOUNDARY
        ),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_attachment_without_name() -> bytes:
    """A forwarded mail whose attachment Outlook gives no name at all."""
    return mail(
        multipart("mixed", plain(), in_base64(files.jpeg(), "Content-Type: image/jpeg"), boundary=_BOUNDARY),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_business_card() -> bytes:
    """A vCard with a picture in base64 inside the text."""
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;LANGUAGE=en-gb:Example;Anna\r\nFN:Anna Example\r\n"
        "EMAIL;PREF;INTERNET:anna@example.org\r\nPHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n"
        " /9j/4AAQSkZJRgABAQAAAQABAAD/2Q==\r\n\r\n"
        "END:VCARD\r\n"
    )
    return mail(
        multipart(
            "mixed", plain(), attached(card.encode("ascii"), "text/x-vcard", "Anna Example.vcf"), boundary=_BOUNDARY
        ),
        more=_OUTLOOK,
    )


@MESSAGES.clean
def outlook_in_windows_1252() -> bytes:
    """8bit text in the code page of Windows, with its own quotation marks."""
    return mail(plain("The \u201cfinal\u201d draft \u2013 \u20ac 12,50\n", "windows-1252"), more=_OUTLOOK)


@MESSAGES.clean
def exchange_mail_with_thread_fields() -> bytes:
    """The long fields that Exchange adds, some with no blank after the colon."""
    more = (
        _EXCHANGE + "x-ms-publictraffictype: Email\nx-microsoft-antispam: BCL:0;ARA:13230040|366016;\n"
        "x-ms-exchange-antispam-messagedata-chunkcount: 1\nx-ms-exchange-antispam-messagedata-0:="
        "?us-ascii?Q?abcdefghijklmnopqrstuvwxyz?=\n =?us-ascii?Q?0123456789?=\n"
    )
    return mail(alternative(), more=more)


@MESSAGES.clean
def exchange_out_of_office() -> bytes:
    """An answer by itself, with an empty subject prefix and no attachments."""
    return mail(
        alternative("I am out of the office until Thursday.\n"),
        subject="Automatic reply: Figures for the harbour office",
        more=(
            "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n"
            "X-MS-Exchange-Inbox-Rules-Loop: a@example.org\n"
        ),
    )


def _calendar(method: str, body: str) -> str:
    return (
        f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nPRODID:Microsoft Exchange Server 2010\r\nVERSION:2.0\r\n"
        f"BEGIN:VEVENT\r\n"
        "ORGANIZER;CN=Anna Example:MAILTO:anna@example.org\r\nUID:040000008200E00074C5B7101A82E008\r\n"
        f"DTSTART:20260309T090000Z\r\nDTEND:20260309T100000Z\r\nSUMMARY:{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def _invitation(method: str) -> bytes:
    return in_base64(
        _calendar(method, "The board meets").encode("utf-8"),
        f'Content-Type: text/calendar; charset="utf-8"; method={method}',
    )


@MESSAGES.clean
def exchange_meeting_request() -> bytes:
    """A calendar as the third alternative, in base64, without a name."""
    return mail(
        multipart(
            "alternative",
            quoted(),
            quoted(html(), subtype="html"),
            _invitation("REQUEST"),
            boundary=_EXCHANGE_BOUNDARY,
        ),
        more=_EXCHANGE,
    )


@MESSAGES.clean
def exchange_meeting_cancelled() -> bytes:
    """The same with another method, and without the HTML."""
    return mail(
        multipart("alternative", quoted(), _invitation("CANCEL"), boundary=_EXCHANGE_BOUNDARY),
        subject="Canceled: The board meets",
        more=_EXCHANGE,
    )


@MESSAGES.clean
def exchange_meeting_accepted() -> bytes:
    """A calendar and nothing else as the whole message."""
    return mail(_invitation("REPLY"), subject="Accepted: The board meets", more=_EXCHANGE)


@MESSAGES.clean
def exchange_recall() -> bytes:
    """A wish to take a mail back: a capsule that holds no attachments."""
    return mail(
        multipart(
            "mixed",
            plain('Anna Example would like to recall the message, "Figures".\n'),
            attached(files.transport_neutral([]), "application/ms-tnef", "winmail.dat"),
            boundary=_EXCHANGE_BOUNDARY,
        ),
        subject="Recall: Figures",
        more=_EXCHANGE,
    )


@MESSAGES.clean
def exchange_not_delivered() -> bytes:
    """A report whose first part is itself an alternative, and whose last is a whole message."""
    returned = entity("Content-Type: message/rfc822", mail(plain(), more=_OUTLOOK))
    status = entity(
        "Content-Type: message/delivery-status",
        "Reporting-MTA: dns;mx.example.org\nReceived-From-MTA: dns;pc.example.org\n"
        "Arrival-Date: Mon, 2 Mar 2026 09:00:00 +0000\n\n"
        "Original-Recipient: rfc822;nobody@example.net\nFinal-Recipient: rfc822;nobody@example.net\nAction: failed\n"
        "Status: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\n",
    )
    return mail(
        multipart(
            "report",
            alternative("Your message was not delivered.\n", boundary="inner_of_report"),
            status,
            returned,
            boundary=_EXCHANGE_BOUNDARY,
            parameters=" report-type=delivery-status;",
        ),
        subject="Undeliverable: Figures",
        more="Auto-Submitted: auto-replied\n" + _EXCHANGE,
    )


@MESSAGES.clean
def exchange_forwarded_item() -> bytes:
    """A message as attachment with a name and base64 over it: forbidden by RFC 2046 and usual."""
    inner = mail(mixed_inner(), subject="Timetable")
    return mail(
        multipart("mixed", plain(), attached(inner, "message/rfc822", "Timetable.eml"), boundary=_EXCHANGE_BOUNDARY),
        more=_EXCHANGE,
    )


def mixed_inner() -> bytes:
    return multipart(
        "mixed", plain(), attached(files.pdf(), "application/pdf", "timetable.pdf"), boundary="inner-0001"
    )


@MESSAGES.clean
def exchange_voice_mail() -> bytes:
    """A voice message: sound and a text about it."""
    return mail(
        multipart(
            "mixed",
            alternative("You received a voice mail from +44 20 7946 0000.\n"),
            attached(files.wav(), "audio/wav", "+442079460000 (12 seconds) Voice Mail.wav"),
            boundary=_EXCHANGE_BOUNDARY,
        ),
        more=_EXCHANGE + "X-VoiceMessageDuration: 12\nX-CallingTelephoneNumber: +442079460000\n",
    )


@MESSAGES.clean
def exchange_large_attachment_list() -> bytes:
    """Thirty small pictures, each with size and dates in its disposition."""
    pictures = [
        in_base64(
            files.png(number, 4),
            f'Content-Type: image/png; name="image{number:03}.png"\nContent-Description: image{number:03}.png\n'
            f'Content-Disposition: inline; filename="image{number:03}.png"; size=120;\n'
            '\tcreation-date="Mon, 02 Mar 2026 08:00:00 GMT"; modification-date="Mon, 02 Mar 2026 08:00:00 GMT"\n'
            f"Content-ID: <image{number:03}.png@01DCAA2F>",
        )
        for number in range(1, 31)
    ]
    return mail(multipart("related", alternative(), *pictures, boundary=_EXCHANGE_BOUNDARY), more=_EXCHANGE)
