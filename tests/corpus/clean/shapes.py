"""Messages of odd shape: trees, boundaries, headers and bodies that are legal, or wrong without harm."""

import binascii

from tests.corpus.clean import files
from tests.corpus.clean.compose import (
    alternative,
    attached,
    encoded,
    entity,
    html,
    in_base64,
    mail,
    mixed,
    multipart,
    plain,
    quoted,
    random_words,
)
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

# Trees


@MESSAGES.clean
def mixed_related_alternative() -> bytes:
    """The full tree: alternative in related in mixed."""
    related = multipart(
        "related", alternative(), attached(files.png(), "image/png", "logo.png", "inline"), boundary="rel"
    )
    return mail(multipart("mixed", related, attached(files.pdf(), "application/pdf", "a.pdf"), boundary="mix"))


@MESSAGES.clean
def alternative_around_related_and_mixed() -> bytes:
    """The tree the other way round."""
    related = multipart(
        "related",
        quoted(html(), subtype="html"),
        attached(files.png(), "image/png", "logo.png", "inline"),
        boundary="rel",
    )
    return mail(
        multipart("alternative", plain(), multipart("mixed", related, plain("\n"), boundary="mix"), boundary="alt")
    )


@MESSAGES.clean
def multipart_of_unknown_kind() -> bytes:
    """A kind of multipart that nobody knows is shown as mixed (RFC 2046, section 5.1.3)."""
    return mail(multipart("x-harbour", plain(), quoted(), boundary="unknown"))


@MESSAGES.clean
def multipart_parallel() -> bytes:
    """multipart/parallel, which only standards know."""
    return mail(multipart("parallel", plain(), attached(files.wav(), "audio/wav", "horn.wav"), boundary="par"))


@MESSAGES.clean
def ten_levels_of_forwarding() -> bytes:
    """A message forwarded ten times, each time as attachment."""
    message = mail(plain("The first.\n"))
    for number in range(10):
        forwarded = entity("Content-Type: message/rfc822\nContent-Disposition: attachment", message)
        message = mail(multipart("mixed", plain(f"Forward {number}\n"), forwarded, boundary=f"fw{number:02}"))
    return message


@MESSAGES.clean
def boundaries_of_which_one_begins_the_other() -> bytes:
    """The outer boundary is the beginning of the inner one."""
    inner = multipart("alternative", plain(), quoted(html(), subtype="html"), boundary="bound-inner")
    return mail(multipart("mixed", inner, plain("\n"), boundary="bound"))


@MESSAGES.clean
def boundary_of_odd_characters() -> bytes:
    """All the marks that a boundary may have."""
    return mail(multipart("mixed", plain(), plain(), boundary="'()+_,-./:=?' x"))


@MESSAGES.clean
def boundary_without_quotation_marks() -> bytes:
    """A boundary as a plain word, and a second parameter after it."""
    body = (
        "--plainword\nContent-Type: text/plain\n\nOne\n--plainword\nContent-Type: text/plain\n\nTwo\n--plainword--\n"
    )
    return mail(entity("Content-Type: multipart/mixed; boundary=plainword; charset=utf-8", body))


@MESSAGES.clean
def blanks_after_delimiters() -> bytes:
    """Blanks at the end of delimiter lines, which transport may add (RFC 2046, section 5.1.1)."""
    return mail(multipart("mixed", plain(), plain(), boundary="pad").replace(b"--pad\n", b"--pad  \n"))


@MESSAGES.clean
def empty_parts() -> bytes:
    """Parts without a header, and one without a body."""
    body = "--e\n\nOnly a body\n--e\nContent-Type: text/plain\n\n--e\n\n\n--e--\n"
    return mail(entity("Content-Type: multipart/mixed; boundary=e", body))


@MESSAGES.clean
def preamble_and_epilogue() -> bytes:
    """Text before the first delimiter and after the last, which no program shows."""
    return mail(multipart("mixed", plain(), preamble="Your program knows no MIME.\nSorry.\n", epilogue="\nEnd.\n"))


@MESSAGES.clean
def message_without_end_of_line() -> bytes:
    """The last delimiter is the last byte."""
    return mail(multipart("mixed", plain())).rstrip(b"\n")


# Headers


@MESSAGES.clean
def three_hundred_recipients() -> bytes:
    """A To field of eighteen kilobytes."""
    return mail(
        plain(), to=",\n ".join(f'"Member {number}, crew" <member{number}@example.net>' for number in range(300))
    )


@MESSAGES.clean
def sixty_received_fields() -> bytes:
    """A mail that went a long way."""
    way = "".join(
        (
            f"Received: from relay{number}.example.org by relay{number + 1}.example.org\n"
            f"\twith ESMTP id {number:08x}; Mon, 02 Mar 2026 08:00:{number % 60:02} +0000\n"
        )
        for number in range(60)
    )
    return encoded(way) + mail(plain())


@MESSAGES.clean
def huge_header() -> bytes:
    """Two hundred kilobytes of fields."""
    return mail(plain(), more="".join(f"X-Trace-{number}: {'a' * 60}\n {'b' * 60}\n" for number in range(1500)))


@MESSAGES.clean
def oddly_folded_fields() -> bytes:
    """Folds before the value, with tabs, and in the middle of a phrase."""
    return mail(plain(), more="X-Odd:\n\tvalue\nX-Odder: a\n  b\n\t c\n \td\nX-Empty:\nX-Blank: \n")


@MESSAGES.tagged(
    "bad_header.8bit", argument="its letters are of no charset that is told; it is the sender's old program"
)
def eight_bit_subject() -> bytes:
    """A subject in Latin-1, as it stands."""
    return (
        encoded("Subject: ")
        + "Übersicht für März\n".encode("latin-1")
        + mail(plain()).replace(b"Subject: Figures for the harbour office\n", b"")
    )


@MESSAGES.clean
def international_header() -> bytes:
    """UTF-8 in addresses and subject (RFC 6532)."""
    return mail(
        plain(), subject="港の報告", sender="Jürgen Beispiel <jürgen@bücher.example>", to="用户 <用户@例子.example>"
    )


@MESSAGES.clean
def encoded_words_in_all_charsets() -> bytes:
    """A subject of five charsets."""
    words = (
        "=?iso-8859-1?Q?=FC?=",
        "=?koi8-r?B?8NLJ18XU?=",
        "=?gb2312?B?xOO6ww==?=",
        "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=",
        "=?utf-8?Q?=F0=9F=9A=A2?=",
    )
    return mail(plain(), subject="\n ".join(words))


@MESSAGES.clean
def resent_fields() -> bytes:
    """A message sent again by its reader, with the fields for it."""
    return mail(
        plain(),
        more=(
            "Resent-From: bernd@example.net\nResent-To: carl@example.com\n"
            "Resent-Date: Mon, 2 Mar 2026 10:00:00 +0000\n"
        ),
    )


@MESSAGES.clean
def group_address_and_comments() -> bytes:
    """Undisclosed recipients, and comments in a date."""
    return mail(
        plain(), to="undisclosed-recipients:;", more="X-Sent: Mon, 2 Mar 2026 10:00:00 +0000 (GMT (winter))\n"
    )


@MESSAGES.clean
def comment_in_content_type() -> bytes:
    """A comment between the parameters of Content-Type."""
    return mail(entity("Content-Type: text/plain (harbour office); charset=us-ascii (the usual)", "Good morning\n"))


@MESSAGES.clean
def type_without_subtype() -> bytes:
    """Content-Type: text, as programs of before MIME wrote it."""
    return mail(entity("Content-Type: text", "Good morning\n"))


@MESSAGES.tagged("bad_header.syntax", argument="the line is no field; a program wrote it that keeps mail in one file")
def mbox_line_first() -> bytes:
    """A line `From ` before the header, which a local program left there."""
    return b"From anna@example.org Mon Mar  2 09:00:00 2026\n" + mail(plain())


# Bodies


@MESSAGES.clean
def empty_body() -> bytes:
    """A header and nothing after it."""
    return mail(entity("Content-Type: text/plain", ""))


@MESSAGES.clean
def only_html() -> bytes:
    """HTML without text beside it."""
    return mail(quoted(html(), subtype="html"))


@MESSAGES.clean
def only_an_attachment() -> bytes:
    """No text, an archive as the message."""
    return mail(attached(files.zipped({"a.txt": "a\n"}), "application/zip", "a.zip"))


@MESSAGES.clean
def text_that_begins_with_from() -> bytes:
    """The first line of the text looks like a mailbox's."""
    return mail(plain("From Monday on the ferry is free.\nSubject: to change\n\n>From then on it costs.\n"))


@MESSAGES.clean
def text_with_the_word_begin() -> bytes:
    """`begin` with two spaces behind it, which old programs took for a file in uuencode."""
    return mail(plain("begin  5 minutes earlier.\nbegin 5 minutes later\nbegin 644 is the mode\nend\n"))


@MESSAGES.clean
def text_with_a_file_in_uuencode() -> bytes:
    """A harmless text in uuencode, inside of a text."""
    lines = random_words("uuencode", 60).encode()
    coded = b"".join(binascii.b2a_uu(lines[start : start + 45]) for start in range(0, len(lines), 45))
    return mail(
        entity("Content-Type: text/plain", b"See below.\n\nbegin 644 notes.txt\n" + coded + b"`\nend\n\nAnna\n")
    )


@MESSAGES.clean
def text_with_quoted_mime() -> bytes:
    """A question about MIME, with a whole multipart quoted in it."""
    inner = mail(mixed(attached(b"hello\n", "application/x-msdownload", "setup.exe"))).decode("ascii")
    return mail(plain("Why is this refused?\n\n" + "".join(f"> {line}\n" for line in inner.splitlines())))


@MESSAGES.tagged(
    "unchecked.ambiguous",
    argument="some programs compare only the beginning of a line with the boundary, and see a part begin here",
)
def text_with_lines_like_delimiters() -> bytes:
    """Lines of dashes, and the boundary itself with other words after it."""
    text = "--\n---\n-- \n----=_Mixed\n------=_Mixed_0001 is the boundary\n--------\n"
    return mail(multipart("mixed", plain(text), plain("\n"), boundary="----=_Mixed_0001"))


@MESSAGES.clean
def text_of_numbers_in_base64_alphabet() -> bytes:
    """A text that would be valid base64 and is not."""
    return mail(plain("UEsDBBQAAAAIAA\nTVqQAAMAAAAEAAAA\n"))


@MESSAGES.clean
def text_with_hexadecimal_of_a_file() -> bytes:
    """The dump of an archive's first bytes."""
    return mail(plain("00000000  50 4b 03 04 14 00 00 00  08 00 |PK..........|\n" * 20))


@MESSAGES.clean
def quoted_printable_with_lowercase_and_stray_signs() -> bytes:
    """Hexadecimal in lower case, an equals sign alone, blanks at line ends."""
    return mail(
        entity(
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable",
            "Gr=c3=bc=c3=9fe  \n1=2\n50%=\n\n= \n",
        )
    )


@MESSAGES.clean
def attachment_in_quoted_printable() -> bytes:
    """A table as attachment in quoted-printable."""
    table = entity(
        'Content-Type: text/csv; name="a.csv"\nContent-Disposition: attachment; filename="a.csv"\n'
        "Content-Transfer-Encoding: quoted-printable",
        "place;boats=0D=0Anorth;12=0D=0A",
    )
    return mail(mixed(table))


@MESSAGES.clean
def binary_encoding_named() -> bytes:
    """A picture in 8bit that calls itself binary."""
    picture = entity('Content-Type: image/gif; name="a.gif"\nContent-Transfer-Encoding: binary', files.gif())
    return mail(mixed(picture))


@MESSAGES.clean
def very_long_line() -> bytes:
    """A line of fifty thousand characters, which only SMTP forbids."""
    return mail(
        entity("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", "harbour " * 6000 + "\n")
    )


@MESSAGES.clean
def windows_line_ends_inside() -> bytes:
    """A message whose sender ended lines with CR and LF, and Courier stored it so."""
    return mail(multipart("mixed", plain(), attached(files.pdf(), "application/pdf", "a.pdf"))).replace(
        b"\n", b"\r\n"
    )


@MESSAGES.clean
def utf_16_text() -> bytes:
    """A text in UTF-16, in base64, full of NUL."""
    return mail(in_base64("Good morning\r\n".encode("utf-16"), "Content-Type: text/plain; charset=utf-16"))


@MESSAGES.clean
def japanese_text_in_seven_bits() -> bytes:
    """ISO-2022-JP: escape sequences in the text."""
    return mail(plain("港の報告です。\n", "iso-2022-jp"))


@MESSAGES.clean
def text_of_utf_7() -> bytes:
    """UTF-7, which mail programs no longer read."""
    return mail(entity("Content-Type: text/plain; charset=utf-7", "Gr+APw-+AN8-e\n"))


@MESSAGES.tagged("unchecked.ambiguous", argument="what a reader gets lies elsewhere, where nobody looked")
def external_body() -> bytes:
    """A reference to a file elsewhere: message/external-body has a header, and no body."""
    reference = entity(
        'Content-Type: message/external-body; access-type=URL; URL="https://www.example.com/a.pdf"',
        "Content-Type: application/pdf\nContent-ID: <1@example.com>\n\n",
    )
    return mail(multipart("mixed", plain(), reference))


@MESSAGES.tagged(
    "unchecked.ambiguous", argument="the reader's program puts the whole together, of which this is a piece only"
)
def partial_message() -> bytes:
    """One of three pieces of a long text (RFC 2046, section 5.2.2); the first names the whole."""
    return mail(
        entity('Content-Type: message/partial; id="1@example.org"; number=2; total=3', "the second of three\n")
    )


@MESSAGES.clean
def news_article() -> bytes:
    """An article of Usenet as a message of its own type."""
    return mail(
        mixed(
            entity(
                "Content-Type: message/news",
                "Path: news.example.org!not-for-mail\nNewsgroups: misc.test\nSubject: Boats\n\nYes.\n",
            )
        )
    )
