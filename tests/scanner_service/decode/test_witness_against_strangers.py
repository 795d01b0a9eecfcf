"""Bytes that a stranger chose do not raise, and mail as it should be is neither ambiguous nor defective."""

import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.witness import decode_with_witness
from scanner_service.model.message import DecodedMessage
from tests.corpus.evasion.case import EvasionCase
from tests.corpus.evasion.mime import EVASIONS

LIMITS = DecodeLimits()
SCRAPS = [
    *(b"\n", b"\r\n", b"\r", b"\0", b"\xff", b" ", b"\t", b";", b":", b"=", b'"', b"(", b")", b"'", b"*", b"%"),
    *(b"--", b"b", b"--b", b"\n--b\n", b"\n--b--\n", b"QUJD", b"=41", b"=\n", b"=?utf-8?b?QQ==?=", b"TVqQAAMAAA=="),
    *(b"Content-Type: ", b"Content-Type : ", b"Content-Transfer-Encoding: ", b"Content-Disposition: attachment"),
    *(b"base64\n", b"quoted-printable\n", b"x-base64\n", b"; filename=a.exe", b"; filename*0*=utf-8''a", b"; name"),
    *(
        b"multipart/mixed",
        b"multipart/digest",
        b"message/rfc822",
        b"message/global",
        b"text/plain",
        b"; boundary=b\n",
    ),
    *(b"utf-8''", b"idna''", b"utf-7''+2AA-", b"punycode''", b"undefined''", b"%ff", b"\n\n", b"no field\n"),
]
soup = st.lists(st.sampled_from(SCRAPS), max_size=60).map(b"".join)
SMALL_EVASIONS = [raw for case in EVASIONS if len(raw := case.build()) < 5000]


def decode(raw: bytes) -> DecodedMessage:
    return decode_with_witness(raw, Budget.of_message(LIMITS, len(raw)))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(SMALL_EVASIONS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        raw[at : at + draw(st.integers(0, 8))] = draw(st.sampled_from(SCRAPS) | st.binary(max_size=3))
    return bytes(raw)


@given(raw=st.binary(max_size=300) | soup | mutated())
@settings(max_examples=600, deadline=None)
def test_no_bytes_raise_and_each_part_has_its_own_path(raw: bytes) -> None:
    decoded = decode(raw)
    paths = [part.path for part in decoded.parts]

    assert all(part.size == len(part.body) for part in decoded.parts)
    assert len(set(paths)) == len(paths)
    assert paths or decoded.over_limits


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\\\"';%*=?()<>/:"),
    min_size=1,
    max_size=12,
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)
TYPES = st.sampled_from([("application", "pdf"), ("image", "png"), ("application", "octet-stream")])


@st.composite
def well_formed(draw: st.DrawFn) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content(draw(TEXTS))
    if draw(st.booleans()):
        message.add_alternative(f"<p>{draw(TEXTS)}</p>", subtype="html")
    for name in draw(st.lists(WORDS, max_size=3)):
        main, sub = draw(TYPES)
        ending = draw(st.sampled_from([".pdf", ".zip", "", ".exe"]))
        message.add_attachment(draw(st.binary(max_size=200)), main, sub, filename=name + ending)
    return message


def ambiguities(decoded: DecodedMessage) -> list[tuple[str, str, bool]]:
    return [(one.part.path, one.detail, one.hides) for one in decoded.ambiguities]


def forward(message: EmailMessage, forwarded: EmailMessage) -> EmailMessage:
    message.add_attachment(forwarded)
    return message


messages = st.recursive(
    well_formed(),
    lambda smaller: st.builds(forward, well_formed(), smaller),
    max_leaves=3,
)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@given(message=messages)
@settings(max_examples=120, deadline=None)
def test_mail_as_it_should_be_is_neither_ambiguous_nor_defective(line_end: str, message: EmailMessage) -> None:
    raw = message.as_bytes(policy=email.policy.default.clone(linesep=line_end))

    decoded = decode(raw)

    assert decoded.ambiguities == ()
    assert decoded.defects == ()
    assert not any(part.path.startswith("~") for part in decoded.parts)


@pytest.mark.parametrize("case", [case for case in EVASIONS if "cr" not in case.name], ids=lambda case: case.name)
def test_line_ends_make_no_difference(case: EvasionCase) -> None:
    raw = case.build().replace(b"\r\n", b"\n")

    lf, crlf = decode(raw), decode(raw.replace(b"\n", b"\r\n"))

    assert ambiguities(crlf) == ambiguities(lf)
    assert crlf.defects == lf.defects
    assert [part.path for part in crlf.parts] == [part.path for part in lf.parts]
