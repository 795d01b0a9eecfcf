"""Mailing lists, which change what others wrote, and newsletters, which nobody writes by hand."""

from tests.corpus.clean import files
from tests.corpus.clean.compose import (
    alternative,
    attached,
    encoded,
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

_LIST = (
    "List-Id: Boats and ships <boats.lists.example.org>\nList-Post: <mailto:boats@lists.example.org>\n"
    "List-Unsubscribe: <https://lists.example.org/boats>, <mailto:boats-leave@lists.example.org>\nPrecedence: list\n"
)
_MAILMAN_2 = (
    _LIST
    + "X-Mailman-Version: 2.1.39\nX-BeenThere: boats@lists.example.org\nErrors-To: boats-bounces@lists.example.org\n"
)
_MAILMAN_3 = _LIST + "X-Mailman-Version: 3.3.8\n"
_FOOTER = (
    "_______________________________________________\nBoats mailing list\nBoats@lists.example.org\n"
    "https://lists.example.org/mailman/listinfo/boats\n"
)


@MESSAGES.clean
def mailman_2_footer_in_text() -> bytes:
    """The footer stands below the text itself."""
    return mail(plain("The regatta is on Sunday.\n" + _FOOTER), subject="[Boats] Regatta", more=_MAILMAN_2)


@MESSAGES.clean
def mailman_2_footer_as_part() -> bytes:
    """The message is put into a mixed of the list's own, and the footer is a part with a disposition."""
    footer = entity(
        'Content-Type: text/plain; charset="us-ascii"\nMIME-Version: 1.0\n'
        "Content-Transfer-Encoding: 7bit\nContent-Disposition: inline",
        _FOOTER,
    )
    return mail(
        multipart("mixed", alternative(), footer, boundary="===============1234567890123456789=="),
        subject="[Boats] Regatta",
        more=_MAILMAN_2,
    )


@MESSAGES.clean
def old_list_footer_after_base64_text() -> bytes:
    """A list program that knows no MIME appends its footer in clear below a text in base64."""
    text = in_base64(b"The regatta is on Sunday.\n", "Content-Type: text/plain; charset=utf-8")
    return mail(text + b"\n" + encoded(_FOOTER), subject="[Boats] Regatta", more=_LIST)


@MESSAGES.clean
def old_list_footer_after_padding() -> bytes:
    """The same below a text that ends in padding, where most programs stop reading."""
    text = in_base64(b"The regatta is on Sunday, all day.\n\n", "Content-Type: text/plain; charset=utf-8")
    return mail(text + encoded(_FOOTER), subject="[Boats] Regatta", more=_LIST)


@MESSAGES.clean
def old_list_footer_after_last_delimiter() -> bytes:
    """A footer below a multipart, where no program shows it."""
    return mail(alternative() + encoded("\n" + _FOOTER), subject="[Boats] Regatta", more=_LIST)


@MESSAGES.clean
def mailman_3_reply_to_munged() -> bytes:
    """From rewritten for DMARC, with a comma and a phrase in quotation marks."""
    return mail(
        plain(),
        sender='"Anna Example via Boats" <boats@lists.example.org>',
        more=_MAILMAN_3 + "Reply-To: Anna Example <anna@example.org>, Boats and ships <boats@lists.example.org>\n",
    )


@MESSAGES.clean
def mailman_digest() -> bytes:
    """A digest: messages without Content-Type in a multipart whose default type is a message."""
    messages = [
        entity(
            f"From: {name}@example.org\nSubject: Regatta {number}\n"
            f"Date: Mon, 2 Mar 2026 0{number}:00:00 +0000\nMessage-ID: <{number}@example.org>",
            f"Text {number}\n",
        )
        for number, name in enumerate(("anna", "bernd", "carl"), 1)
    ]
    digest = multipart("digest", *[b"\n" + one for one in messages], boundary="===============2234567890123456789==")
    return mail(
        multipart(
            "mixed",
            plain("Today's topics:\n", more="Content-Description: Boats Digest, Vol 1, Issue 2\n"),
            digest,
            plain(_FOOTER, more="Content-Description: Digest Footer\n"),
            boundary="===============3234567890123456789==",
        ),
        subject="Boats Digest, Vol 1, Issue 2",
        more=_MAILMAN_2,
    )


@MESSAGES.clean
def plain_digest() -> bytes:
    """A digest in one text (RFC 1153): headers and lines of dashes in the body."""
    body = "Boats Digest\n\nToday's topics:\n\n" + "-" * 70 + "\n\n"
    body += "".join(
        (
            f"Message: {number}\nDate: Mon, 2 Mar 2026 09:00:00 +0000\nFrom: a@example.org\nSubject: Regatta\n"
            f"Content-Type: text/plain\n\nYes.\n\n{'-' * 30}\n\n"
        )
        for number in range(1, 6)
    )
    return mail(plain(body + "End of Boats Digest\n" + "*" * 19 + "\n"), more=_LIST)


@MESSAGES.clean
def couriermlm_message() -> bytes:
    """Courier's own list manager: it sends the message as it came, with list fields."""
    return mail(
        plain(),
        more=(
            "List-ID: boats.lists.example.org\n"
            "List-Unsubscribe: <mailto:boats-unsubscribe@lists.example.org>\n"
            "Errors-To: boats-owner@lists.example.org\nPrecedence: bulk\n"
        ),
    )


@MESSAGES.clean
def couriermlm_digest() -> bytes:
    """Couriermlm's digest: attached messages in a mixed, after an introduction."""
    one = entity("Content-Type: message/rfc822", mail(plain("Yes.\n"), subject="Re: Regatta"))
    two = entity("Content-Type: message/rfc822", mail(alternative("No.\n"), subject="Re: Regatta"))
    return mail(
        multipart("digest", one, two, boundary="=_courier_0"), subject="boats digest", more="Precedence: bulk\n"
    )


@MESSAGES.clean
def list_moderation_request() -> bytes:
    """A request to moderate: the held message, and a reply to be sent as it stands, both attached."""
    held = entity("Content-Type: message/rfc822\nMIME-Version: 1.0", mail(plain(), subject="Boats for sale"))
    reply = entity(
        "Content-Type: message/rfc822\nMIME-Version: 1.0",
        entity(
            "Content-Type: text/plain; charset=us-ascii\nSubject: confirm 0123456789abcdef\n"
            "Sender: boats-request@lists.example.org\nFrom: boats-request@lists.example.org",
            "Keep the subject line.\n",
        ),
    )
    return mail(
        multipart(
            "mixed", plain("As list administrator\n"), held, reply, boundary="===============4234567890123456789=="
        ),
        more=_MAILMAN_2,
    )


@MESSAGES.clean
def list_scrubbed_attachment() -> bytes:
    """What a list leaves of an attachment: its name in the text."""
    return mail(
        plain(
            "Here it is.\n-------------- next part --------------\nA non-text attachment was scrubbed...\n"
            "Name: setup.zip\nType: application/zip\nSize: 1234 bytes\n"
            "URL: <https://lists.example.org/a.zip>\n"
        ),
        more=_MAILMAN_2,
    )


@MESSAGES.clean
def newsletter_long_lines() -> bytes:
    """HTML in one line of 900 characters, 8bit."""
    return mail(
        multipart(
            "alternative",
            plain("Na\u00efve news\n"),
            plain("<p>" + "caf\u00e9 " * 140 + "</p>\n", subtype="html"),
            boundary="_----------=_MCPart_1",
        ),
        more=_UNSUBSCRIBE,
    )


_UNSUBSCRIBE = (
    "List-Unsubscribe: <https://news.example.com/u/1>\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\nFeedback-ID: 1:2:3:example\n"
)


@MESSAGES.clean
def newsletter_amp_part() -> bytes:
    """A third alternative between text and HTML that most programs do not know."""
    amp = quoted(
        '<!doctype html><html \u26a14email><head><meta charset="utf-8"></head><body>News</body></html>\n',
        subtype="x-amp-html",
    )
    return mail(
        multipart("alternative", quoted("News\n"), amp, quoted(html(), subtype="html"), boundary="amp-0001"),
        more=_UNSUBSCRIBE,
    )


@MESSAGES.clean
def newsletter_quoted_printable_throughout() -> bytes:
    """Every line ends in a soft break, style sheets and links with equals signs."""
    page = html(
        "".join(
            f'<a href="https://news.example.com/?id={number}&amp;u=a%3Db">No. {number}</a> ' for number in range(200)
        )
    )
    return mail(
        multipart("alternative", quoted("News\n"), quoted(page, subtype="html"), boundary="b1_0123456789abcdef"),
        more=_UNSUBSCRIBE,
    )


@MESSAGES.clean
def newsletter_counting_pixel() -> bytes:
    """Pictures embedded in related, one of them a single dot."""
    pictures = [
        in_base64(files.gif(), f"Content-Type: image/gif\nContent-ID: <dot{number}>\nContent-Disposition: inline")
        for number in range(3)
    ]
    return mail(multipart("related", alternative("News\n"), *pictures, boundary="=_rel_1"), more=_UNSUBSCRIBE)


@MESSAGES.clean
def newsletter_in_utf_8_with_byte_order_mark() -> bytes:
    """A byte order mark before the text and before the HTML."""
    return mail(
        multipart("alternative", plain("\ufeffNews\n"), plain("\ufeff" + html(), subtype="html"), boundary="bom"),
        more=_UNSUBSCRIBE,
    )


@MESSAGES.clean
def newsletter_conditional_comments() -> bytes:
    """HTML for one program only, with XML of an office package."""
    page = html(
        "<!--[if mso]><xml><o:OfficeDocumentSettings><o:AllowPNG/></o:OfficeDocumentSettings></xml><![endif]-->News"
    )
    return mail(
        multipart("alternative", quoted("News\n"), quoted(page, subtype="html"), boundary="--=_cond"),
        more=_UNSUBSCRIBE,
    )


@MESSAGES.clean
def newsletter_with_invisible_preview() -> bytes:
    """Hundreds of invisible characters that fill the line of a preview."""
    return mail(
        multipart(
            "alternative",
            quoted("News\n"),
            quoted(html("<div style='display:none'>" + "\u200c\u00a0" * 150 + "</div>News"), subtype="html"),
            boundary="prev",
        ),
        more=_UNSUBSCRIBE,
    )


@MESSAGES.clean
def newsletter_folded_subject_in_encoded_words() -> bytes:
    """A subject of several encoded words, the split of which cuts no character."""
    subject = "=?UTF-8?Q?=F0=9F=9A=A2_News_of_the_harbour_=E2=80=93_?=\n =?UTF-8?Q?winter_timetable?="
    return mail(alternative("News\n"), subject=subject, more=_UNSUBSCRIBE)


@MESSAGES.clean
def newsletter_many_parts() -> bytes:
    """Four hundred small pictures in one message."""
    pictures = [attached(files.png(4, 4), "image/png", f"tile{number}.png", "inline") for number in range(400)]
    return mail(multipart("related", quoted(html(), subtype="html"), *pictures, boundary="tiles"), more=_UNSUBSCRIBE)


@MESSAGES.clean
def newsletter_plain_long_text() -> bytes:
    """A quarter of a megabyte of prose."""
    return mail(plain(random_words("newsletter", 40_000)), more=_UNSUBSCRIBE)
