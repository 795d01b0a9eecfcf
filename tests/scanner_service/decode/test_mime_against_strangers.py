"""Bytes that a stranger chose: no exception, cost linear in their number, the same leaves as the library's parser."""

import base64
import email.generator
import email.policy
import io
import quopri
import time
import tracemalloc
from collections.abc import Callable, Sequence
from email.message import Message
from email.parser import BytesParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.mime import decode_message
from scanner_service.decode.witness import decode_with_witness
from scanner_service.model.message import DecodedMessage

LIMITS = DecodeLimits()
WIDE_OPEN = DecodeLimits(depth=100, parts=10**9, header_bytes=10**9)
GROWTH = 8
GROWTH_LIMIT = 3 * GROWTH  # quadratic cost would grow by 64
MULTIPART = b"Content-Type: multipart/mixed; boundary=b\n\n"

SCRAPS = [
    *(b"\n", b"\r\n", b"\r", b"\0", b"\xff", b" ", b"\t", b";", b":", b"=", b'"', b"\\", b"'", b"*", b"%"),
    *(b"--", b"b", b"--b", b"\n--b\n", b"\n--b--\n", b"QUJD", b"=41", b"=\n", b"=?utf-8?b?QQ==?="),
    *(b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Message-ID: ", b"base64\n", b"quoted-printable\n"),
    *(b"multipart/mixed", b"multipart/digest", b"message/rfc822", b"text/plain", b"; boundary=b\n", b"; boundary"),
    *(b"*0", b"*1*", b"utf-8''", b"idna''", b"utf-7''+2AA-", b"punycode''", b"undefined''", b"%ff", b"\n\n"),
]
soup = st.lists(st.sampled_from(SCRAPS), max_size=60).map(b"".join)


@given(raw=st.binary(max_size=300) | soup)
@example(raw=MULTIPART.replace(b"=b", b"*=a\0b''x"))
@example(raw=MULTIPART.replace(b"=b", b"*=x; boundary*0=y"))
@example(raw=b"Content-Transfer-Encoding: base64\n\nA=AAAA")
@settings(max_examples=500, deadline=None)
def test_no_bytes_raise(raw: bytes) -> None:
    decoded = decode_message(raw, Budget.of_message(LIMITS, len(raw)))
    bodies = [part.body for part in decoded.parts]

    assert isinstance(decoded, DecodedMessage)
    assert bodies or decoded.over_limits


@given(junk=st.lists(st.sampled_from([b"A", b"Q", b"=", b"==", b"\n", b"-", b"\xff", b"/+"]), max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_base64_raises(junk: list[bytes]) -> None:
    raw = b"Content-Transfer-Encoding: base64\n\n" + b"".join(junk)

    (part,) = decode_message(raw, Budget.of_message(LIMITS, len(raw))).parts

    assert len(part.body) <= len(raw)


def nest(levels: int, innermost: bytes) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(levels)
    )
    return opening + b"\n" + innermost


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "boundaries_in_one_line": lambda size: MULTIPART + b"--b" * (size // 3),
    "boundary_behind_boundary": lambda size: MULTIPART + b"\n" + b"--b\n--b" * (size // 7),
    "lines_almost_boundaries": lambda size: MULTIPART + b"\n--b?" * (size // 5),
    "dashes": lambda size: MULTIPART + b"\n-" * (size // 2),
    "tiny_parts": lambda size: MULTIPART + b"--b\n\n\n" * (size // 7),
    "parts_without_header": lambda size: MULTIPART + b"--b\nx\n" * (size // 6),
    "thirty_levels": lambda size: nest(30, b"x\n" * (size // 2)),
    "thirty_levels_of_near_boundaries": lambda size: nest(30, b"--b\n" * (size // 4)),
    "fields": lambda size: b"a:\n" * (size // 3) + b"\n",
    "no_fields": lambda size: b"a\n" * (size // 2) + b"\n",
    "continuations": lambda size: b"a:" + b"\n x" * (size // 3) + b"\n\n",
    "one_long_field": lambda size: b"Content-Type: " + b";" * size + b"\n\n",
    "open_quote_in_text_type": lambda size: b'Content-Type: text/plain; a="' + b";" * size + b"\n\n",
    "open_quote_in_multipart_type": lambda size: b'Content-Type: multipart/x; a="' + b";" * size + b"\n\n",
    "spaces_in_message_id": lambda size: b"Message-ID:" + b" " * size + b"x\n\n",
    "carriage_returns": lambda size: b"a:" + b"\r" * size + b"\n\n",
    "almost_empty_lines": lambda size: b"a:\n\r" * (size // 4),
    "delimiters_to_guess": lambda size: b"Content-Type: multipart/x\n\n" + (b"--".ljust(200) + b"\n") * (size // 201),
    "parts_to_guess": lambda size: b"Content-Type: multipart/x\n\n" + b"--b\n\nx\n" * (size // 7),
    "delimiters_with_more": lambda size: MULTIPART + b"--bx\n\nx\n" * (size // 8),
    "no_fields_in_parts": lambda size: MULTIPART + b"--b\nx\n\nx\n" * (size // 9),
    "blanks_before_colons": lambda size: b"a :\n" * (size // 4) + b"\n",
    "comments_in_type": lambda size: b"Content-Type: " + b"(" * size + b"multipart/x; boundary=b\n\n",
    "parts_after_the_end": lambda size: MULTIPART + b"--b\n\nx\n--b--\n" * (size // 13),
    "base64_junk": lambda size: b"Content-Transfer-Encoding: base64\n\n" + b"!A=" * (size // 3),
    "soft_line_ends": lambda size: b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\r" * (size // 2),
}


def seconds_for(raw: bytes, decode: Callable[[bytes, Budget], DecodedMessage]) -> float:
    def once() -> float:
        started = time.thread_time()
        for part in decode(raw, Budget.of_message(WIDE_OPEN, len(raw))).parts:
            assert len(part.body) <= len(raw)
        return time.thread_time() - started

    return min(once() for _ in range(3))


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("decode", "size"), [(decode_message, 20_000), (decode_with_witness, 2_000)])
def test_cost_grows_with_the_size_and_not_with_its_square(
    decode: Callable[[bytes, Budget], DecodedMessage], size: int, make: Callable[[int], bytes]
) -> None:
    small, large = make(size), make(size * GROWTH)

    growth = (seconds_for(large, decode) + 0.001) / (seconds_for(small, decode) + 0.001)

    assert growth < GROWTH_LIMIT


def test_a_hundred_thousand_parts_end_at_the_limit() -> None:
    raw = MULTIPART + b"--b\n\nx\n" * 100_000

    decoded = decode_message(raw, Budget.of_message(LIMITS, len(raw)))

    assert decoded.over_limits == "more parts than [limits] parts"
    assert len(decoded.parts) == LIMITS.parts - 1  # the multipart itself counts


def test_nesting_does_not_copy_the_message_for_each_level() -> None:
    raw = nest(25, b"x\n" * 1_000_000)

    tracemalloc.start()
    for part in decode_message(raw, Budget.of_message(LIMITS, len(raw))).parts:
        assert len(part.body) <= len(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2 * len(raw)


# What the library writes, it and we must read alike. The boundaries begin like one another on purpose.

LINES = st.lists(
    st.sampled_from(
        [b"text", b"", b" indented", b"--", b"-- ", b"--=", b"--=_?", b".", b"From x", b"a: b", b"\xfc\xdf"]
    ),
    max_size=5,
).map(b"\n".join)


def leaf(content_type: str, encoding: str, content: bytes) -> Message:
    message: Message = Message()
    message["Content-Type"] = content_type
    if encoding:
        message["Content-Transfer-Encoding"] = encoding
    match encoding:
        case "base64":
            message.set_payload(base64.encodebytes(content).decode())
        case "quoted-printable":
            message.set_payload(quopri.encodestring(content).decode())
        case _:
            message.set_payload(content.decode("ascii", "surrogateescape"))
    return message


def multipart(subtype: str, parts: Sequence[Message]) -> Message:
    message: Message = Message()
    deepest = max((part.get_boundary() or "" for one in parts for part in one.walk()), key=len)
    boundary = "=_" if not deepest else deepest + "x"
    message["Content-Type"] = f'multipart/{subtype}; boundary="{boundary}"'
    message.set_payload(list(parts))
    return message


def nested_message(inner: Message) -> Message:
    message: Message = Message()
    message["Content-Type"] = "message/rfc822"
    message.set_payload([inner])
    return message


leaves = st.builds(
    leaf,
    st.sampled_from(["text/plain", 'text/html; charset="utf-8"', "application/octet-stream; name=a.bin"]),
    st.sampled_from(["", "8bit"]),
    LINES,
) | st.builds(leaf, st.just("image/png"), st.sampled_from(["base64", "quoted-printable"]), st.binary(max_size=80))
messages = st.recursive(
    leaves,
    lambda smaller: (
        st.builds(
            multipart,
            st.sampled_from(["mixed", "alternative", "related", "digest"]),
            st.lists(smaller, min_size=1, max_size=4),
        )
        | st.builds(nested_message, smaller)
    ),
    max_leaves=10,
)


def write(message: Message, line_end: str) -> bytes:
    written = io.BytesIO()
    policy = email.policy.compat32.clone(linesep=line_end)
    email.generator.BytesGenerator(written, mangle_from_=False, policy=policy).flatten(message)
    return written.getvalue()


def leaves_of(message: Message) -> list[tuple[str, object]]:
    return [
        (part.get_content_type(), part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()
    ]


@given(message=messages, line_end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=250, deadline=None)
def test_the_leaves_are_those_that_the_library_reads(message: Message, line_end: str) -> None:
    raw = write(message, line_end)

    decoded = decode_message(raw, Budget.of_message(LIMITS, len(raw)))

    assert [(part.content_type, part.body) for part in decoded.parts] == leaves_of(BytesParser().parsebytes(raw))
