"""Mail of programs: billing software, cron, web forms, machines. They know little of MIME, and mean no harm."""

from tests.corpus.clean import files
from tests.corpus.clean.compose import (
    PROSE,
    alternative,
    attached,
    base64_lines,
    encoded,
    entity,
    html,
    in_base64,
    mail,
    multipart,
    plain,
    quoted,
    random_bytes,
    random_words,
)
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()


def _bill(document: bytes, boundary: str = "----=_BILL_1", mime_version: str = "MIME-Version: 1.0\n") -> bytes:
    body = multipart("mixed", plain("Your invoice is attached.\n"), document, boundary=boundary)
    return mail(body, subject="Invoice 2026-0042", sender="billing@example.com", mime_version=mime_version)


@MESSAGES.clean
def billing_name_without_quotes_and_with_blanks() -> bytes:
    """A name with blanks and no quotation marks: programs read up to the first blank, or all of it."""
    return _bill(
        in_base64(
            files.pdf(),
            "Content-Type: application/pdf; name=Invoice 2026 0042.pdf\n"
            "Content-Disposition: attachment; filename=Invoice 2026 0042.pdf",
        )
    )


@MESSAGES.clean
def billing_two_different_names() -> bytes:
    """Name and filename differ, and both are harmless."""
    return _bill(
        in_base64(
            files.pdf(),
            'Content-Type: application/pdf; name="document.pdf"\n'
            'Content-Disposition: attachment; filename="Invoice-0042.pdf"',
        )
    )


@MESSAGES.clean
def billing_semicolon_at_the_end() -> bytes:
    """An empty parameter at the end of both fields."""
    return _bill(
        in_base64(
            files.pdf(),
            'Content-Type: application/pdf; name="invoice.pdf";\n'
            'Content-Disposition: attachment; filename="invoice.pdf";',
        )
    )


@MESSAGES.clean
def billing_octet_stream() -> bytes:
    """A PDF that calls itself a stream of octets."""
    return _bill(attached(files.pdf(), "application/octet-stream", "invoice.pdf"))


@MESSAGES.clean
def billing_wrong_type() -> bytes:
    """A type that does not exist, in capital letters."""
    return _bill(attached(files.pdf(), "APPLICATION/PDF-DOCUMENT", "INVOICE.PDF"))


@MESSAGES.clean
def billing_without_mime_version() -> bytes:
    """A multipart without MIME-Version: all programs show its parts nevertheless."""
    return _bill(attached(files.pdf(), "application/pdf", "invoice.pdf"), mime_version="")


@MESSAGES.clean
def billing_missing_charset() -> bytes:
    """8bit text without a charset."""
    text = entity(
        "Content-Type: text/plain\nContent-Transfer-Encoding: 8bit", "Rechnung f\u00fcr M\u00e4rz\n".encode("latin-1")
    )
    return mail(multipart("mixed", text, attached(files.pdf(), "application/pdf", "Rechnung.pdf"), boundary="bill"))


@MESSAGES.clean
def billing_unknown_charset() -> bytes:
    """A charset that no library knows."""
    return mail(
        entity(
            "Content-Type: text/plain; charset=ansi_x3.110-local\nContent-Transfer-Encoding: 8bit", b"Your invoice\n"
        )
    )


@MESSAGES.clean
def billing_electronic_invoice() -> bytes:
    """ZUGFeRD, Factur-X: a PDF with the invoice's XML embedded in it. The attachment can be read, and is text."""
    xml = b'<?xml version="1.0" encoding="UTF-8"?>\n<rsm:CrossIndustryInvoice xmlns:rsm="urn:example"/>\n'
    return _bill(attached(files.pdf_by_writer({"factur-x.xml": xml}), "application/pdf", "invoice.pdf"))


@MESSAGES.clean
def billing_plain_xml_invoice() -> bytes:
    """The XML beside the PDF, with a type of its own."""
    xml = attached(b"<?xml version='1.0'?><Invoice/>", "application/xml", "xrechnung-0042.xml")
    return mail(
        multipart("mixed", plain(), attached(files.pdf(), "application/pdf", "0042.pdf"), xml, boundary="xml")
    )


@MESSAGES.clean
def billing_pdf_with_mail_around() -> bytes:
    """A PDF with blank lines before its first byte and rubbish after its last: printers write these."""
    return _bill(attached(b"\r\n\r\n" + files.pdf() + b"\0" * 200, "application/pdf", "scan.pdf"))


@MESSAGES.clean
def billing_pdf_with_wrong_table() -> bytes:
    """A PDF whose table of objects points beside them, which every reader repairs in silence."""
    return _bill(attached(files.pdf().replace(b"startxref\n", b"startxref\n9"), "application/pdf", "invoice.pdf"))


@MESSAGES.clean
def billing_pdf_cut_short() -> bytes:
    """A PDF without its end: broken, and no container with something hidden in it."""
    return _bill(attached(files.pdf()[:400], "application/pdf", "invoice.pdf"))


@MESSAGES.clean
def billing_html_attachment() -> bytes:
    """An HTML page as attachment."""
    return _bill(attached(html().encode(), "text/html", "invoice.html"))


@MESSAGES.clean
def billing_one_part_only() -> bytes:
    """A mixed with a single part, the document; no text."""
    return mail(multipart("mixed", attached(files.pdf(), "application/pdf", "invoice.pdf"), boundary="one"))


@MESSAGES.clean
def billing_document_as_whole_message() -> bytes:
    """The document is the message."""
    return mail(attached(files.pdf(), "application/pdf", "invoice.pdf"))


@MESSAGES.clean
def billing_encoding_in_capitals() -> bytes:
    """BASE64 in capital letters, with a blank after it."""
    return _bill(
        entity(
            'Content-Type: application/pdf; name="i.pdf"\nContent-Transfer-Encoding: BASE64 \n'
            'Content-Disposition: attachment; filename="i.pdf"',
            base64_lines(files.pdf()),
        )
    )


@MESSAGES.clean
def billing_base64_in_one_line() -> bytes:
    """Base64 without line ends, below the limit of SMTP."""
    return _bill(
        entity(
            'Content-Type: application/pdf; name="i.pdf"\nContent-Transfer-Encoding: base64',
            base64_lines(files.pdf(), 960),
        )
    )


@MESSAGES.clean
def billing_base64_in_lines_of_60() -> bytes:
    """Base64 in short lines, with an empty line after each ten."""
    lines = base64_lines(files.pdf(), 60).splitlines(keepends=True)
    body = b"".join(line + (b"\n" if number % 10 == 9 else b"") for number, line in enumerate(lines))
    return _bill(entity('Content-Type: application/pdf; name="i.pdf"\nContent-Transfer-Encoding: base64', body))


@MESSAGES.clean
def billing_text_in_base64_with_line_ends_of_windows() -> bytes:
    """CRLF inside base64, LF outside of it."""
    return mail(in_base64(PROSE.replace("\n", "\r\n").encode(), "Content-Type: text/plain; charset=utf-8"))


@MESSAGES.clean
def cron_output() -> bytes:
    """Cron's mail: no MIME-Version, fields of the environment, and a text."""
    return mail(
        plain("run-parts: /etc/cron.daily/backup: done\n", "US-ASCII"),
        sender="root@host.example.org (Cron Daemon)",
        subject="Cron <root@host.example.org> /usr/bin/backup",
        more=(
            "Auto-Submitted: auto-generated\nX-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <HOME=/root>\n"
            "X-Cron-Env: <PATH=/usr/bin:/bin>\n"
        ),
    )


@MESSAGES.clean
def logwatch_report() -> bytes:
    """Lines of number signs and dashes."""
    body = " ################### Logwatch 7.7 ####################\n" + "".join(
        (
            f" --------------------- {one} Begin ------------------------ \n\n **Unmatched Entries**\n\n"
            f" ---------------------- {one} End ------------------------- \n\n"
        )
        for one in ("sshd", "Disk Space", "courier")
    )
    return mail(plain(body, "iso-8859-1"))


@MESSAGES.clean
def shell_mail_without_mime() -> bytes:
    """mail(1) of a script: no MIME fields whatever, and UTF-8 in the text."""
    return mail(encoded("\nSpeicher knapp: \u00fc 90 %\n"), mime_version="")


@MESSAGES.clean
def php_form() -> bytes:
    """A web form's mail(): a boundary from md5, fields out of order, CR left out."""
    boundary = "0123456789abcdef0123456789abcdef"
    text = entity(
        "Content-type:text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 7bit", "Name: Anna\nMessage: hello\n"
    )
    picture = in_base64(
        files.jpeg(),
        'Content-Type: application/octet-stream; name="photo.jpg"\n'
        'Content-Disposition: attachment; filename="photo.jpg"',
    )
    return mail(multipart("mixed", text, picture, boundary=boundary), more="X-PHP-Originating-Script: 33:form.php\n")


@MESSAGES.clean
def php_form_with_html_8bit() -> bytes:
    """HTML in Latin-1 that says it is UTF-8."""
    return mail(
        entity("Content-type: text/html; charset=UTF-8", "<p>Gr\u00fc\u00dfe</p>\n".encode("latin-1")),
        more="X-Mailer: PHP/8.2\n",
    )


@MESSAGES.clean
def php_mailer() -> bytes:
    """A preamble in English, and boundaries b1_ and b2_ that differ in one digit."""
    inner = multipart("alternative", quoted(), quoted(html(), subtype="html"), boundary="b2_0123456789abcdef")
    return mail(
        multipart(
            "mixed",
            inner,
            attached(files.pdf(), "application/pdf", "ticket.pdf"),
            boundary="b1_0123456789abcdef",
            preamble="This is a multi-part message in MIME format.\n",
        )
    )


@MESSAGES.clean
def java_mail() -> bytes:
    """Quoted-printable names of types in lower case, a boundary with dots and underscores."""
    return mail(
        multipart(
            "mixed",
            plain(charset="us-ascii"),
            attached(files.xlsx(), "application/vnd.ms-excel", "report.xlsx"),
            boundary="----=_Part_0_123456789.1772442000000",
        )
    )


@MESSAGES.clean
def scanner_with_document() -> bytes:
    """A device's mail: local time without a zone, a name of digits."""
    document = attached(files.pdf(), "application/pdf", "20260302090000123.pdf")
    return mail(
        multipart("mixed", plain("Scanned\n"), document, boundary="--_scan_"),
        sender="scanner@example.org",
        subject="Attached Image",
    )


@MESSAGES.clean
def fax_as_picture() -> bytes:
    """A fax in TIFF."""
    return mail(
        multipart(
            "mixed",
            plain("1 page\n"),
            attached(files.tiff(), "image/tiff", "fax_+49301234567_20260302.tif"),
            boundary="fax",
        )
    )


@MESSAGES.clean
def answering_machine() -> bytes:
    """A telephone system's message, type audio/x-wav."""
    return mail(
        multipart(
            "mixed",
            plain("New message\n"),
            attached(files.wav(), "audio/x-wav", "msg0001.WAV"),
            boundary="----voicemail_4211",
        )
    )


@MESSAGES.clean
def monitoring_alert() -> bytes:
    """Symbols in the subject, many X- fields, no text."""
    return mail(
        plain("\n"),
        subject="** PROBLEM Service Alert: mail/queue is CRITICAL **",
        more="X-Alert: 1\nX-Priority: 1 (Highest)\nImportance: High\n",
    )


@MESSAGES.clean
def build_log_compressed() -> bytes:
    """A log in gzip, with the name that gzip keeps."""
    log = files.gzipped_with_name(random_words("build", 5000).encode(), "build.log")
    return mail(
        multipart(
            "mixed", plain("The build failed.\n"), attached(log, "application/gzip", "build.log.gz"), boundary="build"
        )
    )


@MESSAGES.clean
def firmware_image() -> bytes:
    """Bytes of chance with a name that says nothing."""
    return mail(
        multipart(
            "mixed",
            plain(),
            attached(random_bytes("firmware", 60_000), "application/octet-stream", "router-v2.1.bin"),
            boundary="fw",
        )
    )


@MESSAGES.clean
def ticket_system_answer() -> bytes:
    """A long References field, and an empty HTML part."""
    more = (
        "References: "
        + "\n ".join(f"<rt-4.4.4-{number}-1772442000-1.42-6-0@example.com>" for number in range(40))
        + "\n"
    )
    return mail(
        multipart("alternative", plain(), plain("", subtype="html"), boundary="----------=_1772442000-1-0"), more=more
    )


@MESSAGES.clean
def source_control_notice() -> bytes:
    """A commit's mail with its difference inside."""
    return mail(
        plain(
            "commit 0123456\n\n    Mend the pier\n\n---\n pier.c | 2 +-\n--- a/pier.c\n+++ b/pier.c\n-- \n2.39.5\n"
        ),
        subject="[pier.git] Mend the pier",
    )


@MESSAGES.clean
def shop_order_with_both_pictures() -> bytes:
    """HTML first and text after it: the wrong order, and only that."""
    return mail(multipart("alternative", quoted(html(), subtype="html"), quoted(), boundary="shop"))


@MESSAGES.clean
def bank_statement_with_signature_field() -> bytes:
    """A DKIM signature and Authentication-Results, folded in odd places."""
    more = (
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;\n\ts=2026; h=from:to:subject:date; bh="
        + "A" * 43
        + "=;\n"
        "\tb="
        + "\n\t ".join(["abcdefghij" * 6] * 4)
        + "\nAuthentication-Results: mx.example.net;\n\tdkim=pass\n\t (2048-bit key)\n"
    )
    return mail(alternative(), more=more)
