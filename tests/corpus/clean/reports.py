"""Mail that programs write about mail: delivery reports, complaints, receipts, statistics."""

from tests.corpus.clean import files
from tests.corpus.clean.compose import alternative, attached, encoded, entity, in_base64, mail, multipart, plain
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

_STATUS = (
    "Reporting-MTA: dns; mx.example.net\nArrival-Date: Mon, 02 Mar 2026 09:00:00 +0000\n\n"
    "Final-Recipient: rfc822; nobody@example.com\nAction: failed\nStatus: 5.1.1\n"
    "Remote-MTA: dns; mx.example.com [192.0.2.25]\nDiagnostic-Code: smtp; 550 5.1.1 <nobody@example.com> unknown\n"
)
_HEADER_ONLY = (
    "From: anna@example.org\nTo: nobody@example.com\nSubject: Figures\nMIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="gone"\n'
)


def _report(kind: str, *entities: bytes, boundary: str = "=_report_1", more: str = "") -> bytes:
    return mail(
        multipart("report", *entities, boundary=boundary, parameters=f" report-type={kind};"),
        sender="Mail Delivery System <postmaster@mx.example.net>",
        subject="NOTICE: mail delivery status.",
        more=more,
    )


def _status(text: str = _STATUS) -> bytes:
    return entity("Content-Type: message/delivery-status", text)


@MESSAGES.clean
def courier_delivery_report_with_headers() -> bytes:
    """Courier's own report, with the header of a multipart and none of its parts."""
    headers = entity(
        "Content-Type: text/rfc822-headers; charset=us-ascii\nContent-Transfer-Encoding: 7bit", _HEADER_ONLY
    )
    return _report(
        "delivery-status",
        plain("This is a delivery status notification from mx.example.net.\n"),
        _status(),
        headers,
        boundary="=_courier-0",
    )


@MESSAGES.clean
def courier_delivery_report_with_message() -> bytes:
    """The same with the whole message and its attachment."""
    message = mail(
        multipart("mixed", plain(), attached(files.pdf(), "application/pdf", "figures.pdf"), boundary="inner")
    )
    return _report(
        "delivery-status",
        plain("Not delivered.\n"),
        _status(),
        entity("Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit", message),
        boundary="=_courier-0",
    )


@MESSAGES.tagged(
    "bad_header.mime",
    argument="the returned message ends within a part, so its end boundary is missing; it is the report that cut it",
)
def delivery_report_with_message_cut() -> bytes:
    """A report that returns the first kilobytes of a message: its parts never end."""
    message = mail(multipart("mixed", plain(), attached(files.jpeg(), "image/jpeg", "pier.jpg"), boundary="inner"))
    returned = entity("Content-Type: message/rfc822", message[:2500] + b"\n")
    return _report("delivery-status", plain("Not delivered.\n"), _status(), returned)


@MESSAGES.clean
def delivery_delayed_for_three() -> bytes:
    """A status with several recipients, and folded fields."""
    more = "".join(
        (
            f"\nFinal-Recipient: rfc822;\n one{number}@example.com\nAction: delayed\nStatus: 4.4.1\n"
            f"Will-Retry-Until: Wed, 4 Mar 2026 09:00:00 +0000\n"
        )
        for number in range(3)
    )
    return _report(
        "delivery-status", plain("Still trying.\n"), _status("Reporting-MTA: dns; mx.example.net\n" + more)
    )


@MESSAGES.clean
def delivery_report_in_utf_8() -> bytes:
    """The report of a mail system with international addresses (RFC 6533)."""
    status = entity(
        "Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: 8bit",
        "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: utf-8; j\u00fcrgen@example.com\n"
        "Action: failed\nStatus: 5.1.1\n",
    )
    headers = entity(
        "Content-Type: message/global-headers\nContent-Transfer-Encoding: 8bit",
        "From: anna@example.org\nSubject: \u00dcbersicht\n",
    )
    return _report("delivery-status", plain("Nicht zugestellt: j\u00fcrgen@example.com\n"), status, headers)


@MESSAGES.clean
def old_bounce_as_text() -> bytes:
    """A bounce of an old program: the message below a line, no MIME."""
    body = (
        "Hi. This is the mail program at mx.example.com.\n\n<nobody@example.com>:\n"
        "Sorry, no mailbox here by that name.\n\n--- Below this line is a copy of the message.\n\n"
    )
    return mail(encoded("\n" + body) + mail(alternative()), mime_version="", subject="failure notice")


@MESSAGES.clean
def abuse_report() -> bytes:
    """A complaint (RFC 5965) with the message complained about."""
    feedback = entity(
        "Content-Type: message/feedback-report",
        "Feedback-Type: abuse\nUser-Agent: Example/1.0\nVersion: 1\nSource-IP: 192.0.2.1\n",
    )
    return _report(
        "feedback-report",
        plain("This is an abuse report.\n"),
        feedback,
        entity("Content-Type: message/rfc822\nContent-Disposition: inline", mail(alternative())),
    )


@MESSAGES.clean
def authentication_failure_report() -> bytes:
    """A failure report of DMARC (RFC 6591) with a header in base64 in a field."""
    feedback = entity(
        "Content-Type: message/feedback-report",
        "Feedback-Type: auth-failure\nUser-Agent: Example/1.0\nVersion: 1\nAuth-Failure: dmarc\n"
        "DKIM-Canonicalized-Header: ZnJvbTphbm5hQGV4YW1wbGUub3JnDQo=\n",
    )
    headers = entity("Content-Type: text/rfc822-headers", _HEADER_ONLY)
    return _report("feedback-report", plain("An authentication failure.\n"), feedback, headers)


@MESSAGES.clean
def read_receipt() -> bytes:
    """A disposition notification (RFC 8098) without the original."""
    notice = entity(
        "Content-Type: message/disposition-notification",
        "Reporting-UA: pc.example.net; Example 1.0\nFinal-Recipient: rfc822;bernd@example.net\n"
        "Original-Message-ID: <1@example.org>\nDisposition: manual-action/MDN-sent-manually; displayed\n",
    )
    return _report("disposition-notification", plain("Your message was displayed.\n"), notice)


@MESSAGES.clean
def read_receipt_of_outlook() -> bytes:
    """One whose notification has a name and a transfer encoding."""
    notice = entity(
        'Content-Type: message/disposition-notification; name="MDNPart2.txt"\n'
        "Content-Disposition: inline\nContent-Transfer-Encoding: 7bit",
        "Final-Recipient: rfc822;bernd@example.net\n"
        "Disposition: automatic-action/MDN-sent-automatically; displayed\n",
    )
    return _report("disposition-notification", plain("Gelesen.\n"), notice)


_DMARC = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n<feedback>\n'
    " <report_metadata><org_name>example.com</org_name></report_metadata>\n</feedback>\n"
)
_DMARC_NAME = "example.com!example.org!1772323200!1772409599"


@MESSAGES.clean
def dmarc_report_in_gzip() -> bytes:
    """The whole message is one attachment; exclamation marks and several dots in its name."""
    report = files.gzipped_with_name(_DMARC.encode(), f"{_DMARC_NAME}.xml")
    return mail(
        attached(report, "application/gzip", f"{_DMARC_NAME}.xml.gz"),
        subject=f"Report Domain: example.org Submitter: example.com Report-ID: <{_DMARC_NAME}>",
    )


@MESSAGES.clean
def dmarc_report_in_zip() -> bytes:
    """The same as a ZIP file, with a text before it."""
    return mail(
        multipart(
            "mixed",
            plain("This is an aggregate report.\n"),
            attached(files.zipped({f"{_DMARC_NAME}.xml": _DMARC}), "application/zip", f"{_DMARC_NAME}.zip"),
            boundary="dmarc",
        )
    )


@MESSAGES.clean
def dmarc_report_with_wrong_type() -> bytes:
    """A gzip file that calls itself ZIP in its type and gz in its name."""
    return mail(attached(files.gzipped(_DMARC.encode()), "application/x-zip-compressed", f"{_DMARC_NAME}.xml.gz"))


@MESSAGES.clean
def tls_report() -> bytes:
    """A report about TLS (RFC 8460): JSON in gzip, in a multipart/report with a type of its own."""
    report = in_base64(
        files.gzipped(b'{"organization-name":"example.com","policies":[]}'),
        "Content-Type: application/tlsrpt+gzip\nContent-Disposition: attachment;\n"
        ' filename="mx.example.com!example.org!1772323200!1772409599!001.json.gz"',
    )
    return mail(
        multipart(
            "report",
            plain("This is an aggregate TLS report.\n"),
            report,
            boundary="tls",
            parameters=' report-type="tlsrpt";',
        ),
        more="TLS-Report-Domain: example.org\nTLS-Report-Submitter: example.com\n",
    )


@MESSAGES.clean
def vacation_answer() -> bytes:
    """An automatic answer with the subject quoted, from the null sender."""
    return mail(
        plain("I am away.\n"),
        subject='Away (was: "Figures")',
        more="Auto-Submitted: auto-replied (vacation)\nPrecedence: junk\nIn-Reply-To: <1@example.org>\n",
    )


@MESSAGES.clean
def challenge_of_a_list() -> bytes:
    """A request to confirm, with a code in the subject and no MIME at all."""
    return mail(
        b"\nTo confirm, reply to this message.\n",
        mime_version="",
        subject="confirm 0123456789abcdef0123456789abcdef01234567",
    )
