"""The MIME tree: which parts there are, where, and with which bytes."""

import base64
import re
from pathlib import Path

import pytest

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.mime import decode_message
from scanner_service.model.message import DecodedMessage

GOLDEN_MESSAGES = sorted((Path(__file__).parents[2] / "contract/messages").glob("*.eml"))
LIMITS = DecodeLimits()


def decode(raw: bytes, limits: DecodeLimits = LIMITS) -> DecodedMessage:
    return decode_message(raw, Budget.of_message(limits, len(raw)))


def bodies(raw: bytes) -> list[tuple[str, bytes]]:
    return [(part.path, part.body) for part in decode(raw).parts]


def crlf(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r\n")


MIXED = b"""\
Message-ID: <one@example.net>
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: text/plain

text
--outer
Content-Type: multipart/alternative;
\tboundary=inner

--inner

plain
--inner
Content-Type: text/html

<p>rich
--inner--
--outer
Content-Type: message/rfc822

Subject: nested
Content-Type: multipart/mixed; boundary=deep

--deep

first of the nested
--deep
Content-Type: image/png

second of the nested
--deep--
--outer--
epilogue
"""
LEAVES_OF_MIXED = [
    ("1", "text/plain", b"text"),
    ("2.1", "text/plain", b"plain"),
    ("2.2", "text/html", b"<p>rich"),
    ("3.1.1", "text/plain", b"first of the nested"),
    ("3.1.2", "image/png", b"second of the nested"),
]


@pytest.mark.parametrize("raw", [MIXED, crlf(MIXED)], ids=["LF", "CRLF"])
def test_the_leaves_of_nested_multiparts_come_in_order_with_their_paths(raw: bytes) -> None:
    decoded = decode(raw)

    assert [(part.path, part.content_type, part.body) for part in decoded.parts] == LEAVES_OF_MIXED
    assert decoded.message_id == "<one@example.net>"
    assert decoded.over_limits is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", [("1", b"")]),
        (b"\n", [("1", b"")]),
        (b"\r\n\r\n", [("1", b"\r\n")]),
        (b"Subject: x\n\n", [("1", b"")]),
        (b"Subject: x\n", [("1", b"")]),
        (b"Subject: x", [("1", b"")]),
        (b"\njust a body\n", [("1", b"just a body\n")]),
        (b"Subject: x\n\nbody", [("1", b"body")]),
        (b"Subject: x\r\n\r\nbody\r\n", [("1", b"body\r\n")]),
        (b"Subject: x\n\r\nbody", [("1", b"body")]),
        (b"Subject: x\nno field, and no empty line\n", [("1", b"no field, and no empty line\n")]),
        (b"just text", [("1", b"just text")]),
    ],
    ids=repr,
)
def test_a_message_without_mime_has_one_part(raw: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert bodies(raw) == expected


def multipart(body: bytes, boundary: bytes = b"b") -> bytes:
    return b"Content-Type: multipart/mixed; boundary=" + boundary + b"\n\n" + body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"--b\n\nx\n--b--\n", [("1", b"x")]),
        (b"--b\n\nx\n--b--", [("1", b"x")]),
        (b"--b  \t\n\nx\n--b-- \n", [("1", b"x")]),
        (b"\n--b\n\nx\n\n--b--\n", [("1", b"x\n")]),
        (b"--b\n\nx", [("1", b"x")]),
        (b"--b\n\nx\n--b\n\ny\n", [("1", b"x"), ("2", b"y\n")]),
        (b"--b\n\nx\n--b", [("1", b"x"), ("2", b"")]),
        (b"--b\n\nx\n--b--\n--b\n\nepilogue\n", [("1", b"x")]),
        (b"--b\n\nx --b\n --b\n-b\n--bc\n--B\n--b--c\n--b--\n", [("1", b"x --b\n --b\n-b\n--bc\n--B\n--b--c")]),
        (b"--b\n--b\n--b--\n", [("1", b""), ("2", b"")]),
        (b"--b--\n", [("1", b"--b--\n")]),
        (b"no delimiter at all\n", [("1", b"no delimiter at all\n")]),
        (b"", [("1", b"")]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("end_lines", [bytes, crlf], ids=["LF", "CRLF"])
def test_a_delimiter_is_a_whole_line_and_its_line_end_is_not_of_the_part(
    body: bytes, expected: list[tuple[str, bytes]], end_lines: type[bytes]
) -> None:
    raw = end_lines(multipart(body))

    assert bodies(raw) == [(path, end_lines(content)) for path, content in expected]


def test_a_boundary_may_begin_like_another() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=bb\n\n--bb\n\nx\n--bb\n\ny\n--bb--"
    raw = multipart(b"--b\n" + inner + b"\n--b\n\nz\n--b--\n")

    assert bodies(raw) == [("1.1", b"x"), ("1.2", b"y"), ("2", b"z")]


def test_an_inner_multipart_ends_where_the_outer_one_goes_on() -> None:
    raw = multipart(b"--b\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--b\n\ny\n--b--\n")

    assert bodies(raw) == [("1.1", b"x"), ("2", b"y")]


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/mixed; boundary=b",
        b'MULTIPART/Mixed; Boundary="b"',
        b'multipart/mixed;\n boundary="b"',
        b'multipart/mixed;\r\n\tcharset="x; boundary=no"; boundary=b',
        b"multipart/mixed; boundary*=us-ascii''b",
        b"multipart/mixed; boundary*0=; boundary*1=b",
        b'multipart/mixed; boundary="b  "',
    ],
    ids=repr,
)
def test_a_boundary_is_found_however_it_is_written(content_type: bytes) -> None:
    assert bodies(b"Content-Type: " + content_type + b"\n\n--b\n\nx\n--b--\n") == [("1", b"x")]


@pytest.mark.parametrize("boundary", [b"\xff\xfe", "grüße".encode(), b'"a b"', b'"=_?:/.(+)"', b"x" * 500])
def test_a_boundary_is_compared_as_bytes(boundary: bytes) -> None:
    delimiter = b"--" + boundary.strip(b'"')
    raw = multipart(delimiter + b"\n\nx\n" + delimiter + b"--\n", boundary)

    assert bodies(raw) == [("1", b"x")]


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        b"; boundary=",
        b'; boundary=""',
        b"; boundary*=a\0b''x",
        b"; boundary*=idna''%ff",
        b"; boundary*=undefined''x",
        b"; boundary*=unicode_escape''%5Cud800",
        b"; boundary*=x; boundary*0=y",
    ],
    ids=repr,
)
def test_a_multipart_without_a_readable_boundary_is_one_part(parameters: bytes) -> None:
    raw = b"Content-Type: multipart/mixed" + parameters + b"\n\n--x\n\nbody\n"

    assert bodies(raw) == [("1", b"--x\n\nbody\n")]


@pytest.mark.parametrize(
    "line",
    [
        b"This is no header field",
        b"From someone Sat Jun  8",
        b"Subject: a\rb",
        b": no name",
        b"\xff\xff",
        b"\0",
        b"X :y",
    ],
    ids=repr,
)
def test_a_line_that_is_no_field_hides_no_field_below_it(line: bytes) -> None:
    raw = line + b"\nContent-Type: multipart/mixed; boundary=b\nMessage-ID: <id>\n\n--b\n\nx\n--b--\n"

    decoded = decode(raw)

    assert [(part.path, part.body) for part in decoded.parts] == [("1", b"x")]
    assert decoded.message_id == "<id>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"SGVsbG8=\n", b"Hello"),
        (b"SGVs\r\nbG8=\r\n", b"Hello"),
        (b"SG Vs!b\tG8=", b"Hello"),
        (b"SGVsbG8", b"Hello"),
        (b"SGVsbG8h", b"Hello!"),
        (b"SGVsbG8hI", b"Hello!"),
        (b"SGVsbG8hS", b"Hello!"),
        (b"SGVsbG8=\n-- \nlist footer, with words\n", b"Hello"),
        (b"SGVsbG8=\n\n____\nhttps://list.example/\n", b"Hello"),
        (b"", b""),
        (b"====", b""),
        (b"A", b""),
        (b"A=AAAA", b"\x00\x00\x00"),
        (b"A=A=AAA", b"\x00\x00\x00"),
        (b"=SGVsbG8=", b"Hello"),
    ],
    ids=repr,
)
def test_base64_gives_what_can_be_decoded(body: bytes, expected: bytes) -> None:
    assert bodies(b"Content-Transfer-Encoding: BASE64 \n\n" + body) == [("1", expected)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"gr=C3=BC=C3=9Fe", "grüße".encode()),
        (b"soft =\nline", b"soft line"),
        (b"soft =\r\nline\r\n", b"soft line\r\n"),
        (b"=4A=4b=", b"JK"),
        (b"=XX=4", b"=XX=4"),
        (b"=", b""),
    ],
    ids=repr,
)
def test_quoted_printable_gives_what_can_be_decoded(body: bytes, expected: bytes) -> None:
    assert bodies(b"Content-Transfer-Encoding: quoted-printable\n\n" + body) == [("1", expected)]


@pytest.mark.parametrize("encoding", [b"", b"7bit", b"8BIT", b"binary", b"x-unknown", b"base65", b"\xff"])
def test_other_encodings_are_left_as_they_stand(encoding: bytes) -> None:
    raw = b"Content-Transfer-Encoding: " + encoding + b"\n\nSGVsbG8=\r\n\0\xff"

    assert bodies(raw) == [("1", b"SGVsbG8=\r\n\0\xff")]


NESTED = b"Content-Type: multipart/mixed; boundary=n\n\n--n\n\nx\n--n\n\ny\n--n--\n"


@pytest.mark.parametrize(
    "entity",
    [
        b"Content-Type: message/rfc822\n\n" + NESTED,
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(NESTED),
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
        + NESTED.replace(b"=", b"=3D"),
    ],
    ids=["plain", "base64", "quoted-printable"],
)
def test_a_nested_message_is_taken_apart_in_any_encoding(entity: bytes) -> None:
    raw = multipart(b"--b\n\nfirst\n--b\n" + entity + b"\n--b--\n")

    assert bodies(raw) == [("1", b"first"), ("2.1.1", b"x"), ("2.1.2", b"y")]


def test_the_parts_of_a_digest_are_messages_unless_they_say_otherwise() -> None:
    raw = (
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
        + NESTED
        + b"\n--b\nContent-Type: text/plain\n\nz\n--b--\n"
    )

    assert bodies(raw) == [("1.1.1", b"x"), ("1.1.2", b"y"), ("2", b"z")]


def nested(depth: int) -> bytes:
    raw = b"\ninnermost"
    for level in reversed(range(depth)):
        boundary = b"b%d" % level
        raw = multipart(b"--" + boundary + b"\n\nlevel\n--" + boundary + b"\n" + raw, boundary)
    return raw


@pytest.mark.parametrize(
    ("raw", "limits", "said", "kept"),
    [
        (nested(5), DecodeLimits(depth=5), None, [b"level"] * 5 + [b"innermost"]),
        (nested(5), DecodeLimits(depth=4), "nested deeper than [limits] depth", [b"level"] * 4),
        (multipart(b"--b\n\nx\n" * 4), DecodeLimits(parts=5), None, [b"x"] * 3 + [b"x\n"]),
        (multipart(b"--b\n\nx\n" * 4), DecodeLimits(parts=4), "more parts than [limits] parts", [b"x"] * 3),
        (multipart(b"--b\n\nx\n" + b"--b?\n" * 9), DecodeLimits(parts=8), "more parts than [limits] parts", []),
        (b"A: " + b"x" * 95 + b"\n\nbody", DecodeLimits(header_bytes=100), None, [b"body"]),
        (b"A: " + b"x" * 96 + b"\n\nbody", DecodeLimits(header_bytes=100), "a header of more than 100 bytes", []),
        (
            multipart(b"--b\n\nx\n--b\nA: " + b"x" * 99 + b"\n\ny\n"),
            DecodeLimits(header_bytes=100),
            "a header of more than 100 bytes",
            [b"x"],
        ),
        (
            multipart(b"--b\n\nx\n", b"b; a=" + b"a" * 2000),
            LIMITS,
            "a multipart type of more than 2000 characters",
            [],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_beyond_a_limit_is_said_and_what_came_before_is_kept(
    raw: bytes, limits: DecodeLimits, said: str | None, kept: list[bytes]
) -> None:
    decoded = decode(raw, limits)

    assert decoded.over_limits == said
    assert [part.body for part in decoded.parts] == kept


def test_the_message_id_keeps_its_8_bit_bytes() -> None:
    decoded = decode(b"message-id:\n <gr\xfc\xdfe@example.net> \n\n")

    assert decoded.message_id == "<gr\udcfc\udcdfe@example.net>"


@pytest.mark.parametrize("path", GOLDEN_MESSAGES, ids=lambda path: path.stem)
def test_each_golden_message_is_read_within_the_limits(path: Path) -> None:
    decoded = decode(path.read_bytes())

    assert decoded.over_limits is None
    assert decoded.parts
    assert len({part.path for part in decoded.parts}) == len(decoded.parts)


@pytest.mark.parametrize(
    "kind",
    [
        "double-ext",
        "ext",
        "ext-spaces",
        "ext-trailing-dot",
        "ext-upper",
        "name-param-only",
        "rfc2047-name",
        "rfc2231-name",
        "rfc2231-split",
    ],
)
def test_a_part_called_like_a_program_is_seen_to_be_called_so(kind: str) -> None:
    (path,) = (path for path in GOLDEN_MESSAGES if path.stem == f"banned-{kind}")

    names = [name for part in decode(path.read_bytes()).parts for name in part.names]

    assert any(re.fullmatch(r".+\.(exe|scr|pif|com|bat|vbs)", name, re.IGNORECASE) for name in names), names


def test_a_program_that_is_called_otherwise_is_seen_by_its_bytes() -> None:
    (path,) = (path for path in GOLDEN_MESSAGES if path.stem == "banned-type-pe-renamed")

    assert any("exe-ms" in part.types for part in decode(path.read_bytes()).parts)
