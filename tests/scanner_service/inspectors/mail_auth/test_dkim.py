"""What is said of DKIM signatures: those of the standards, of dkimpy, and of people who mean harm."""

import base64
import time

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.clients.dns_resolver import Resolver
from scanner_service.inspectors.mail_auth.dkim import BEFORE_COURIER, MIME_REWRITTEN, check_dkim
from scanner_service.inspectors.mail_auth.fields import read_message
from scanner_service.inspectors.mail_auth.lookups import Lookups
from tests.fakes.dns_table import DnsTable, OneAnswer
from tests.scanner_service.inspectors.mail_auth.signing import BODY, HEADER, key_record, signed, zone
from verdict_api.verdict import AuthenticationResult

KEY_NAME = "s1._domainkey.example.net"
# RFC 8463, appendix A: keys and message.
RFC_8463_ZONE = """
brisbane._domainkey.football.example.com TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
test._domainkey.football.example.com TXT v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6\
NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9P\
zoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
"""
RFC_8463_MESSAGE = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""


def lookups(table: Resolver) -> Lookups:
    return Lookups(table, time.monotonic() + 5)


def checked(raw: bytes, table: Resolver | None = None) -> tuple[AuthenticationResult, ...]:
    return check_dkim(read_message(raw), lookups(DnsTable(zone()) if table is None else table))


def result_of(raw: bytes, table: Resolver | None = None) -> tuple[str, str]:
    (one,) = checked(raw, table)
    return one.result, one.detail


def test_the_message_of_rfc_8463_passes_twice() -> None:
    results = checked(RFC_8463_MESSAGE, DnsTable(RFC_8463_ZONE))

    assert [(one.result, one.domain) for one in results] == [("pass", "football.example.com")] * 2


def test_a_message_without_signature_has_none() -> None:
    assert checked(HEADER + BODY) == (AuthenticationResult("dkim", "none"),)


@pytest.mark.parametrize("body_form", [b"simple", b"relaxed"])
@pytest.mark.parametrize("header_form", [b"simple", b"relaxed"])
@pytest.mark.parametrize(
    "body", [BODY, b"", b"\n", b"\n\n\n", b"\n \t \n\n", b"\nno end", b"\nbare\rCR \r\n", b"\n.\n\xff"]
)
def test_what_dkimpy_signs_in_any_form_passes(header_form: bytes, body_form: bytes, body: bytes) -> None:
    message = signed(HEADER + body, (header_form, body_form))

    assert result_of(message) == ("pass", "")


@pytest.mark.parametrize(
    ("old", "new", "result", "detail"),
    [
        (b"Hello", b"Hallo", "fail", "the body was changed"),
        (b"Subject: test", b"Subject: rest", "fail", "the header was changed"),
        (b"Subject:", b"From: eve@evil.example\nSubject:", "fail", "the header was changed"),
        (b"Subject: test", b"Subject:   test", "pass", ""),
        (b"Subject: test", b"SUBJECT: test", "pass", ""),
        (b"Subject: test", b"X-New: 1\nSubject: test", "pass", ""),
        (b"nothing \t special", b"nothing special", "pass", ""),
        (b" s=s1", b" s=s2", "permerror", "no key"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "policy", "signed with SHA-1"),
        (b"a=rsa-sha256", b"a=rot13", "neutral", "an unknown algorithm"),
        (b"a=rsa-sha256", b"a=ed25519-sha256", "permerror", "the key is not for ed25519"),
        (b"v=1", b"v=1; x=1", "fail", "expired, or not yet valid"),
        (b"v=1", b"v=1; q", "neutral", "a tag that is none, or comes twice"),
        (b" h=", b" h=to; z=", "neutral", "From is not signed"),
        (b"i=@example.net", b"i=@example.org", "neutral", "i= is not within d="),
        (b"bh=", b"bh=!", "neutral", "bh= is not base64"),
        (b"c=relaxed/relaxed", b"c=strict", "neutral", "an unknown form of canonicalization"),
    ],
)  # fmt: skip
def test_what_was_changed_on_the_way_is_told(old: bytes, new: bytes, result: str, detail: str) -> None:
    message = signed()
    assert old in message

    changed = message.replace(old, new, 1)
    got, said = result_of(changed, DnsTable(zone()))

    assert (got, said) == (result, detail)


def test_a_signature_over_the_beginning_of_the_body_says_so() -> None:
    message = signed(length=True)

    result, detail = result_of(message + b"and more\n")

    assert result == "pass"
    assert detail == "l=38: text may have been added at the end"


@pytest.mark.parametrize(
    ("record", "result", "detail"),
    [
        ("v=DKIM1; p=", "permerror", "the key is revoked"),
        ("v=DKIM2; p=x", "permerror", "the key is not for rsa"),
        ("v=DKIM1; k=ed25519; p=x", "permerror", "the key is not for rsa"),
        ("v=DKIM1; p=AAAA", "permerror", "the key cannot be read"),
        ("v=DKIM1; p=@", "permerror", "the key cannot be read"),
        ("v=DKIM1; p=x; p=y", "permerror", "key record: a tag that is none, or comes twice"),
        ("nothing of the kind", "permerror", "no key"),
        (f"{key_record()}; t=y", "neutral", "the key is for tests"),
        (f"{key_record()}; h=sha1", "permerror", "the key is not for this use"),
        (f"{key_record()}; s=tlsrpt", "permerror", "the key is not for this use"),
        (f"{key_record()}; t=s", "pass", ""),
        (f"{key_record()}; n=note; x=y;", "pass", ""),
        (key_record(1024), "fail", "the header was changed"),
    ],
)
def test_the_key_record_decides(record: str, result: str, detail: str) -> None:
    assert result_of(signed(), DnsTable(f"{KEY_NAME} TXT {record}")) == (result, detail)


def test_a_key_that_is_too_short_is_not_believed() -> None:
    message = signed(bits=1024)

    enough = result_of(message, DnsTable(zone(bits=1024)))
    too_short = result_of(message, DnsTable(_rsa_record(1023, 65537)))

    assert enough == ("pass", "")
    assert too_short == ("policy", "an RSA key of 1023 bits")


def test_a_key_that_cannot_be_looked_up_is_a_temporary_error() -> None:
    table = DnsTable("", failing={KEY_NAME: "no answer in time"})

    assert result_of(signed(), table) == ("temperror", f"DNS, TXT of {KEY_NAME}: no answer in time")


def test_a_changed_body_asks_nobody_for_the_key() -> None:
    table = DnsTable(zone())

    checked(signed() + b"more\n", table)

    assert table.asked == []


def test_ten_signatures_are_looked_at_and_one_key_is_asked_for_once() -> None:
    message = signed()
    field, _, _ = message.partition(b"From:")
    table = DnsTable(zone())

    results = checked(field * 499 + message, table)

    assert [one.result for one in results] == ["pass"] * 10 + ["policy"]
    assert results[-1].detail == "490 more signatures, not looked at"
    assert table.asked == [f"{KEY_NAME} TXT"]


BARE = b"From: alice@example.net\n"
BRACKETED = b"From: <alice@example.net>\n"
NOBODY = b"To: undisclosed-recipients: ;\n"
SPF_OF_FROM = b"Received-SPF: pass (x)\n  SPF=FROM;\n  sender=alice@example.net;\n"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"From: A <a@example.net>\nTo: <bob@example.com>\n", b"From: A <a@example.net>\nTo: bob@example.com\n"),
        (BRACKETED + b"To: bob@example.com\n", BARE + b"To: bob@example.com\n"),
        (BRACKETED + b"To: <bob@example.com>\n", BARE + b"To: bob@example.com\n"),
        (
            b"From: Alice\n <alice@example.net>\nTo: B <b@example.com>,\n <bob@example.com>\nCc: <c@example.com>\n",
            b"From: Alice <alice@example.net>\nTo: B <b@example.com>, bob@example.com\nCc: c@example.com\n",
        ),
        (BRACKETED + b"To: undisclosed-recipients:;\n", BARE + NOBODY),
        (BRACKETED + b"Reply-To: <a@example.net>\n", BARE + b"Reply-To: a@example.net\n" + NOBODY),
        (BRACKETED, BARE + SPF_OF_FROM + NOBODY),
    ],
)
def test_what_courier_rewrote_is_read_as_it_was_sent(sent: bytes, received: bytes) -> None:
    message = signed(sent + BODY)
    assert message.endswith(sent + BODY)

    delivered = message.removesuffix(sent + BODY) + received + BODY

    assert result_of(delivered) == ("pass", BEFORE_COURIER)


@pytest.mark.parametrize(
    "received",
    [
        b"From: mallory@example.net\nTo: bob@example.com\n",
        b"From: alice@example.net\nTo: bob@example.com, eve@example.com\n",
        b"From: alice@example.net\nTo: bob@example.com\nSender: eve@example.net\nFrom: eve@example.net\n",
    ],
)
def test_no_candidate_vouches_for_another_address(received: bytes) -> None:
    sent = b"From: <alice@example.net>\nTo: <bob@example.com>\n"
    message = signed(sent + BODY)

    assert result_of(message.removesuffix(sent + BODY) + received + BODY)[0] == "fail"


def test_a_message_that_courier_completed_says_so() -> None:
    message = signed().replace(b"MIME-Version: 1.0", b"Mime-Version: 1.0").replace(b"us-ascii", b"utf-8")

    assert result_of(message) == ("fail", f"the header was changed; {MIME_REWRITTEN}")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1500), st.sampled_from([b"", b" ", b"\n", b"\r", b";", b":", b"\xff", b"=", b"From: x\n"])
        ),
        max_size=3,
    )
)
def test_we_and_dkimpy_agree_on_what_was_tampered_with(changes: list[tuple[int, bytes]]) -> None:
    raw = signed()
    for place, text in changes:
        raw = raw[:place] + text + raw[place + 1 :]
    raw += b"\n"  # as mail ends; dkimpy keeps blanks at the end of a last line that has none

    ours = any(one.result == "pass" for one in checked(raw))

    try:
        theirs = dkim.verify(raw, dnsfunc=lambda *_, **__: key_record().encode())
    except Exception:  # noqa: BLE001 - it does so for many a byte, and then it has not passed
        theirs = False
    if ours:
        assert theirs


_TOKENS = [
    b"v=1;",
    b"a=rsa-sha256;",
    b"d=example.net;",
    b"s=s1;",
    b"h=from",
    b"bh=",
    b"b=",
    b"l=9",
    b"i=@",
    b"x=",
    b"t=",
]
_STRANGE = st.lists(
    st.sampled_from([*_TOKENS, b";", b"=", b":", b"\r\n ", b"\n\t", b"9" * 5000]) | st.binary(max_size=9)
)


@given(_STRANGE.map(b"".join), st.binary(max_size=200), st.booleans())
def test_no_bytes_make_it_fail(field: bytes, record: bytes, as_key: bool) -> None:
    record = base64.b64encode(record) if as_key else record
    table = OneAnswer(b"v=DKIM1; p=" + record)

    results = checked(b"DKIM-Signature: " + field + b"\n" + signed() + field, table)

    assert len(results) == 2 or b"\n" in field


def test_a_hostile_field_or_body_costs_no_time() -> None:
    blanks = b" \r\n" * 5000
    fields = b"".join(
        b"DKIM-Signature: v=1;b" + fill * 15_000 + b"!\n" for fill in (b" ", b"a", b":", b";", b"\r", b"=")
    )
    message = fields + signed() + b" " * 2_000_000 + b"x" + blanks + b"\n" * 2_000_000 + b"x"
    started = time.perf_counter()

    results = checked(message)

    assert {one.result for one in results} <= {"neutral", "fail"}
    assert time.perf_counter() - started < 1.0  # dkimpy takes four seconds for 40,000 blanks, and it grows squared


def _der(tag: int, content: bytes) -> bytes:
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return (
        bytes((tag, len(content))) + content
        if len(content) < 128
        else bytes((tag, 128 + len(length))) + length + content
    )


def _rsa_record(modulus_bits: int, exponent: int) -> str:
    numbers = (1 << (modulus_bits - 1) | (1 << 9) - 1, exponent)
    sequence = b"".join(_der(2, one.to_bytes(one.bit_length() // 8 + 1)) for one in numbers)
    return f"{KEY_NAME} TXT v=DKIM1; p={base64.b64encode(_der(0x30, sequence)).decode()}"


@pytest.mark.parametrize(
    ("modulus_bits", "power", "rest", "result"),
    [
        (100_000, 16, 1, "temperror"),  # no TXT is that long
        (16_000, 16, 1, "policy"),
        (16_000, 15_000, 1, "temperror"),
        (8192, 6000, 1, "policy"),
        (8192, 32, 1, "fail"),
        (8192, 16, 1, "fail"),
        (1024, 0, 0, "permerror"),
        (1024, 1, 0, "permerror"),
        (1024, 0, -1, "permerror"),
    ],
)
def test_a_hostile_key_costs_no_time(modulus_bits: int, power: int, rest: int, result: str) -> None:
    message, table = signed(), DnsTable(_rsa_record(modulus_bits, 2**power + rest))
    started = time.perf_counter()

    got, _ = result_of(message, table)

    assert time.perf_counter() - started < 1.0
    assert got == result
