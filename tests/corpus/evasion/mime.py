"""Evasions by MIME alone: the program lies in the message as it stands, and some mail program shows it.

Paths that begin with ``~`` are parts of another reading than the first one; see decode.witness.
"""

import base64
import quopri
from collections.abc import Callable

from tests.corpus.evasion.case import EvasionCase
from tests.corpus.evasion.program import PROGRAM

AMBIGUOUS = "unchecked.ambiguous"
BAD_MIME = "bad_header.mime"
OVER_LIMITS = "unchecked.over_limits"

ENCODED = base64.encodebytes(PROGRAM)
SCRIPT = b'WScript.Echo "harmless"\n'
HEAD = b"From: alice@sender.example\nTo: bob@example.com\nSubject: A file\nMIME-Version: 1.0\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\n"
TEXT = b"--b\nContent-Type: text/plain\n\nSee below.\n"
END = b"--b--\n"
NAMED = b"Content-Disposition: attachment; filename=run.exe\n"
BINARY = b"Content-Type: application/octet-stream\n"
IN_BASE64 = b"Content-Transfer-Encoding: base64\n"
ATTACHED = b"--b\n" + BINARY + IN_BASE64 + b"\n" + ENCODED

CASES: list[EvasionCase] = []


def case(name: str, why: str, raw: bytes | Callable[[], bytes], parts: str, executables: str, *findings: str) -> None:
    """Keep one; ``parts`` and ``executables`` are paths with blanks between."""
    build = raw if callable(raw) else lambda: raw
    CASES.append(EvasionCase(name, why, build, tuple(parts.split()), tuple(executables.split()), frozenset(findings)))


def mixed(*parts: bytes, head: bytes = MIXED) -> bytes:
    return HEAD + head + b"\n" + b"".join(parts) + END


def with_fields(fields: bytes, body: bytes = SCRIPT) -> bytes:
    """Return a message whose second part has these fields and a script, which only its name tells."""
    return mixed(TEXT, b"--b\n", fields, b"\n", body)


def disposition(parameters: bytes) -> bytes:
    return with_fields(b"Content-Disposition: attachment; " + parameters + b"\n")


def in_base64(encoded: bytes) -> bytes:
    return mixed(TEXT, b"--b\n", BINARY, IN_BASE64, b"\n", encoded)


def nested(levels: int) -> bytes:
    """Return multiparts in multiparts, each with the program in the last."""
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (level, level) for level in range(levels)
    )
    return HEAD + opening + BINARY + IN_BASE64 + b"\n" + ENCODED


def forwarded(levels: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\n\n" * levels + BINARY + IN_BASE64 + b"\n" + ENCODED


# Depth and number.
for levels in (5, 10, 20, 28):
    path = ".".join(["1"] * levels)
    case(
        f"multiparts_{levels}_deep",
        "A scanner may stop before a mail program does.",
        nested(levels),
        path,
        path,
        BAD_MIME,
    )
for levels in (5, 20):
    path = ".".join(["1"] * levels)
    case(f"forwards_{levels}_deep", "Each forward is a message of its own.", forwarded(levels), path, path)
for levels in (40, 60, 1000):
    case(f"multiparts_{levels}_deep", "Deeper than anybody nests by hand.", nested(levels), "", "", OVER_LIMITS)
case("forwards_40_deep", "The same with attached messages.", forwarded(40), "", "", OVER_LIMITS)
case(
    "parts_100000",
    "A scanner that gives up must say so; the program is the last part.",
    lambda: mixed(b"--b\n\nx\n" * 100_000, ATTACHED),
    "1",
    "",
    OVER_LIMITS,
)
case(
    "fields_100000",
    "A header that never ends is a header.",
    lambda: HEAD + b"X: y\n" * 300_000 + MIXED + b"\n" + ATTACHED + END,
    "",
    "",
    OVER_LIMITS,
)

# Names: a script has no type, only its name tells.
for name, parameters, why in (
    ("trailing_blank", b'filename="run.exe "', "Windows drops the blank."),
    ("trailing_dots", b'filename="run.exe..."', "Windows drops the dots."),
    ("right_to_left", b"filename*=utf-8''run%E2%80%AEfdp.exe", "Shown as runexe.pdf."),
    ("quote_in_name", b'filename="ru\\"n.exe"', "The quote ends the name for the simple-minded."),
    ("semicolon_in_name", b'filename="a;b.exe"', "So does the semicolon."),
    ("split_name", b'filename*0="run."; filename*1="exe"', "RFC 2231 §3."),
    ("split_name_out_of_order", b'filename*1="exe"; filename*0="run."', "RFC 2231 §3 orders by number."),
    ("split_and_encoded", b"filename*0*=utf-8''run%2E; filename*1*=%65xe", "RFC 2231 §4.1."),
    ("odd_charset", b"filename*=utf-16be''%00r%00u%00n%00.%00e%00x%00e", "A charset in which nothing looks alike."),
    ("utf_7", b"filename*=utf-7''run+AC4-exe", "The dot hides in UTF-7."),
    ("unknown_charset", b"filename*=x-none''run.exe", "Unknown, and readable all the same."),
    ("encoded_word", b'filename="=?utf-8?B?cnVuLmV4ZQ==?="', "Forbidden in parameters (RFC 2047 §5), and decoded."),
    ("encoded_words", b'filename="=?utf-8?Q?run=2E?= =?utf-8?Q?exe?="', "Two, with a blank that does not count."),
    ("folded_parameter", b'\n\tfilename=\n\t"run.exe"', "Folded twice."),
    ("upper_case", b'FILENAME="RUN.EXE"', "Case does not matter."),
    ("single_quotes", b"filename='run.exe'", "No quotes in MIME, quotes for some programs."),
    ("long_parameter", b'x="' + b"y" * 15_000 + b'"; filename=run.exe', "A reader may give up before the name."),
):  # fmt: skip
    case(name, why, disposition(parameters), "1 2", "2")
for name, parameters, why in (
    ("name_with_blanks_unquoted", b"filename=my run.exe", "Ends at the blank, or does not."),
    ("two_filenames", b"filename=run.exe; filename=run.pdf", "The first or the last."),
    ("two_filenames_reversed", b"filename=run.pdf; filename=run.exe", "The last or the first."),
    ("extended_and_plain", b"filename=run.pdf; filename*=us-ascii''run.exe", "RFC 5987 §3.2.1: which is better?"),
):
    case(name, why, disposition(parameters), "1 2", "2", AMBIGUOUS)
case(
    "name_and_filename",
    "Two fields name it.",
    with_fields(b"Content-Type: application/pdf; name=run.exe\nContent-Disposition: attachment; filename=run.pdf\n"),
    "1 2",
    "2",
    AMBIGUOUS,
)
case(
    "nul_in_name",
    "C ends the name there.",
    disposition(b'filename="run.exe\0.pdf"'),
    "1 2",
    "2",
    BAD_MIME,
)

# Boundaries.
TWO_BOUNDARIES = b"Content-Type: multipart/mixed; boundary=a; boundary=b\n"
case(
    "two_boundaries_last",
    "The first has only a text.",
    HEAD + TWO_BOUNDARIES + b"\n--a\n\nhello\n--a--\n" + ATTACHED + END,
    "1 ~1",
    "~1",
    AMBIGUOUS,
)
case(
    "two_boundaries_first",
    "The last has only a text.",
    HEAD + TWO_BOUNDARIES.replace(b"boundary=a; boundary=b", b"boundary=b; boundary=a") + b"\n" + ATTACHED + END
    + b"--a\n\nhello\n--a--\n",
    "1 ~1",
    "1",
    AMBIGUOUS,
)  # fmt: skip
case(
    "boundary_extended_and_plain",
    "One of them is written as RFC 2231 has it.",
    HEAD + b"Content-Type: multipart/mixed; boundary=a; boundary*=us-ascii''b\n\n--a\n\nx\n--a--\n" + ATTACHED + END,
    "1",
    "~1",
    AMBIGUOUS,
)
case("no_end_boundary", "Shown all the same.", HEAD + MIXED + b"\n" + TEXT + ATTACHED, "1 2", "2", BAD_MIME)
case(
    "boundary_of_the_outer_as_prefix",
    "The inner delimiter begins like the outer one.",
    mixed(
        b"--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n", BINARY, IN_BASE64, b"\n", ENCODED, b"--bb--\n"
    ),
    "1.1",
    "1.1",
)
case(
    "delimiter_with_more",
    "RFC 2046 §5.1.1 compares the beginning of the line only.",
    mixed(TEXT, ATTACHED.replace(b"--b\n", b"--bx\n", 1)),
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "empty_boundary",
    "No boundary at all, and a delimiter that anybody sees.",
    mixed(TEXT, ATTACHED, head=b'Content-Type: multipart/mixed; boundary=""\n'),
    "1 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "no_boundary",
    "The same without the parameter.",
    mixed(TEXT, ATTACHED, head=b"Content-Type: multipart/mixed\n"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "case_of_boundary",
    "Boundaries have a case, which some programs ignore.",
    mixed(TEXT, ATTACHED, head=b"Content-Type: multipart/mixed; boundary=B\n"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
LONG = b"b" * 200
case(
    "long_boundary",
    "Longer than the 70 characters of RFC 2046 §5.1.1.",
    mixed(TEXT, ATTACHED, b"--b--\n", head=b"").replace(b"--b", b"--" + LONG).replace(
        HEAD, HEAD + b"Content-Type: multipart/mixed; boundary=" + LONG + b"\n"
    ),
    "1 2",
    "2",
)  # fmt: skip
case(
    "folded_boundary",
    "The parameter on a line of its own.",
    mixed(TEXT, ATTACHED, head=b'Content-Type: multipart/mixed\n ;\n boundary\n =\n "b"\n'),
    "1 2",
    "2",
)
case(
    "part_after_the_end",
    "Some programs go on after the last delimiter.",
    mixed(TEXT) + ATTACHED + END,
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "multipart_in_the_preamble",
    "A whole multipart of another boundary before the first delimiter: nobody shows it, the first type has it.",
    HEAD
    + MIXED.replace(b"=b", b"=b; boundary=p")
    + b"\n"
    + ATTACHED.replace(b"--b", b"--p")
    + b"--p--\n"
    + TEXT
    + END,
    "1",
    "~1",
    AMBIGUOUS,
)
case(
    "one_boundary_inside_and_outside",
    "An attached message with the boundary of the message around it.",
    mixed(b"--b\nContent-Type: message/rfc822\n\n", MIXED, b"\n", TEXT, ATTACHED),
    "",
    "3",
)

# Headers.
case(
    "line_without_colon_before_the_type",
    "The header ends there, or goes on.",
    mixed(TEXT, b"--b\nno field at all\n", NAMED, BINARY, IN_BASE64, b"\n", ENCODED),
    "1 2 ~2",
    "2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "line_without_colon_in_the_message",
    "So it does in the message's own header.",
    HEAD + b"no field at all\n" + MIXED + b"\n" + TEXT + ATTACHED + END,
    "1 2 ~1",
    "2",
    AMBIGUOUS,
)
case(
    "blank_before_colon",
    "A field (RFC 5322 §4.5.8), no field, or the end of the header.",
    with_fields(b"Content-Disposition : attachment; filename=run.exe\n"),
    "1 2 ~2",
    "2",
    AMBIGUOUS,
)
case(
    "line_of_blanks",
    "Goes on with the header (RFC 5322 §3.2.2), or ends it: then here is a multipart.",
    HEAD + MIXED + b" \n" + ATTACHED + END,
    "1 ~1",
    "~1",
    AMBIGUOUS,
)
case(
    "lone_cr_before_the_type",
    "A line end to some.",
    HEAD + b"X-Mailer: x\r" + MIXED + b"\n" + TEXT + ATTACHED + END,
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "lone_cr_everywhere",
    "A message of a very old computer.",
    mixed(TEXT, ATTACHED).replace(b"\n", b"\r"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "lone_cr_before_a_delimiter",
    "The delimiter begins a line, or does not.",
    mixed(TEXT.rstrip(b"\n") + b"\r", ATTACHED),
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "mixed_line_ends",
    "CRLF and LF in one message.",
    mixed(TEXT.replace(b"\n", b"\r\n"), ATTACHED, head=MIXED.replace(b"\n", b"\r\n")),
    "1 2",
    "2",
)
case(
    "two_types_text_first",
    "The first or the last.",
    HEAD + b"Content-Type: text/plain\n" + MIXED + b"\n" + TEXT + ATTACHED + END,
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "two_types_text_last",
    "The last or the first.",
    HEAD + MIXED + b"Content-Type: text/plain\n\n" + TEXT + ATTACHED + END,
    "1 2 ~1",
    "2",
    AMBIGUOUS,
)
case(
    "comment_in_the_type",
    "RFC 2045 §5.1 allows comments.",
    mixed(TEXT, ATTACHED, head=b"Content-Type: (x) multipart/mixed (y); boundary=b\n"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "blanks_in_the_type",
    "Blanks around the slash.",
    mixed(TEXT, ATTACHED, head=b"Content-Type: multipart / mixed; boundary=b\n"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "type_in_quotes",
    "No type, and one to some.",
    mixed(TEXT, ATTACHED, head=b'Content-Type: "multipart/mixed"; boundary=b\n'),
    "1 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "boundary_in_single_quotes",
    "Part of the boundary, or not.",
    mixed(TEXT, ATTACHED, head=b"Content-Type: multipart/mixed; boundary='b'\n"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "comma_for_semicolon",
    "The boundary belongs to the type, or it is a parameter.",
    mixed(TEXT, ATTACHED, head=b"Content-Type: multipart/mixed, boundary=b\n"),
    "1 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "indented_delimiters",
    "A blank before the dashes.",
    mixed(TEXT, ATTACHED).replace(b"\n--b", b"\n --b"),
    "1",
    "",
    BAD_MIME,
)
case(
    "no_empty_line_before_the_body",
    "No empty line, and a body that begins at the first line which is no field.",
    mixed(TEXT, b"--b\n", NAMED, SCRIPT),
    "1 2",
    "2",
)

# Transfer encodings.
case("base64_with_junk", "Junk does not count.", in_base64(ENCODED.replace(b"A", b"!A#", 9)), "1 2", "2")
case("base64_after_blank_lines", "The type lies behind a long void.", in_base64(b"\n" * 90_000 + ENCODED), "1 2", "2")
case("base64_with_early_padding", "Ends, or goes on.", in_base64(b"QQ==\n" + ENCODED), "1 2 ~2", "", AMBIGUOUS)
case("base64_of_padding_first", "A padding that pads nothing.", in_base64(b"A===\n" + ENCODED), "2", "~2", AMBIGUOUS)
case(
    "base64_cut",
    "A last digit that is no byte.",
    in_base64(ENCODED.rstrip(b"\n=")[:-2] + b"\n"),
    "1 2",
    "2",
    BAD_MIME,
)
case("base64_in_one_line", "No line ends at all.", in_base64(ENCODED.replace(b"\n", b"") + b"\n"), "1 2", "2")
case(
    "encoding_in_quotes",
    "Not a known encoding, and known to some.",
    mixed(TEXT, b"--b\n", BINARY, b'Content-Transfer-Encoding: "base64"\n\n', ENCODED),
    "1 2 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "encoding_with_comment",
    "A comment behind it.",
    mixed(TEXT, b"--b\n", BINARY, b"Content-Transfer-Encoding: base64 (x)\n\n", ENCODED),
    "1 2 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)
case(
    "two_encodings",
    "The first or the last.",
    mixed(TEXT, b"--b\n", BINARY, b"Content-Transfer-Encoding: 7bit\n", IN_BASE64, b"\n", ENCODED),
    "1 2 ~2",
    "~2",
    AMBIGUOUS,
)
case(
    "soft_line_ends",
    "Each byte on a line of its own.",
    mixed(
        TEXT,
        b"--b\n",
        BINARY,
        b"Content-Transfer-Encoding: quoted-printable\n\n",
        b"".join(b"=%02X=\n" % byte for byte in PROGRAM),
    ),
    "1 2",
    "2",
)
case(
    "multipart_in_base64",
    "RFC 2045 §6.4 forbids it; who decodes it first sees parts.",
    HEAD + MIXED + IN_BASE64 + b"\n" + base64.encodebytes(TEXT + ATTACHED + END),
    "1 ~2",
    "~2",
    AMBIGUOUS,
    BAD_MIME,
)

# Messages in messages.
MAIL = HEAD + BINARY + NAMED + IN_BASE64 + b"\n" + ENCODED
for encoding, body in (("base64", base64.encodebytes(MAIL)), ("quoted-printable", quopri.encodestring(MAIL))):
    case(
        f"message_in_{encoding.replace('-', '_')}",
        "Programs open it in any encoding.",
        mixed(
            TEXT, b"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: %s\n\n" % encoding.encode(), body
        ),
        "1 2.1",
        "2.1",
    )
case(
    "lone_cr_in_a_message_in_base64",
    "The line ends of an attached message show when it is decoded.",
    mixed(
        TEXT,
        b"--b\nContent-Type: message/rfc822\n",
        IN_BASE64,
        b"\n",
        base64.encodebytes(HEAD + b"X: y\r" + NAMED + b"\n" + SCRIPT),
    ),
    "1 2.1 ~2.1",
    "~2.1",
    AMBIGUOUS,
)
case("message_global", "RFC 6532 §3.7.", mixed(b"--b\nContent-Type: message/global\n\n", MAIL), "1.1", "1.1")
case(
    "digest",
    "Its parts are messages and need not say so.",
    mixed(b"--b\n\n", MAIL, head=b"Content-Type: multipart/digest; boundary=b\n"),
    "1.1",
    "1.1",
)
case(
    "partial",
    "Programs join the pieces after all filters.",
    HEAD + b"Content-Type: message/partial; id=a; number=1; total=2\n\n" + MAIL[:200],
    "1",
    "",
    AMBIGUOUS,
)  # fmt: skip
case(
    "external_body",
    "What lies elsewhere is seen by no filter.",
    mixed(
        b"--b\nContent-Type: message/external-body; access-type=URL; URL=http://x.example/run.exe\n\n", BINARY, b"\n"
    ),
    "1",
    "",
    AMBIGUOUS,
)

EVASIONS: tuple[EvasionCase, ...] = tuple(CASES)
