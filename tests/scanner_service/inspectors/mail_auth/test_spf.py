"""What is said of SPF, and whom it is asked of."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.clients.dns_resolver import Resolver
from scanner_service.inspectors.mail_auth.courier_changes import CouriersSpf
from scanner_service.inspectors.mail_auth.lookups import Lookups
from scanner_service.inspectors.mail_auth.spf import check_spf
from tests.fakes.dns_table import DnsTable, OneAnswer
from verdict_api.envelope import Client, Envelope

ZONE = """
plain.example TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all
soft.example TXT v=spf1 ~all
neutral.example TXT v=spf1 ?all
include.example TXT v=spf1 include:plain.example -all
redirect.example TXT v=spf1 redirect=plain.example
a.example TXT v=spf1 a -all
a.example A 192.0.2.25
a.example AAAA 2001:db8::25
mx.example TXT v=spf1 mx -all
mx.example MX 10 a.example.
ptr.example TXT v=spf1 ptr -all
25.2.0.192.in-addr.arpa PTR mail.ptr.example.
mail.ptr.example A 192.0.2.25
macro.example TXT v=spf1 exists:%{ir}.%{l}.%{d} -all
25.2.0.192.alice.macro.example A 127.0.0.2
explained.example TXT v=spf1 -all exp=why.example
why.example TXT You may not.
broken.example TXT v=spf1 ipv4:192.0.2.25 -all
two.example TXT v=spf1 -all
two.example TXT v=spf1 +all
loop.example TXT v=spf1 include:loop2.example -all
loop2.example TXT v=spf1 include:loop.example -all
void.example TXT v=spf1 a:v1.example a:v2.example a:v3.example -all
many.example TXT v=spf1 a:a.example a:a.example a:a.example a:a.example a:a.example a:a.example a:a.example \
 a:a.example a:a.example a:a.example a:a.example -all
helo.example TXT v=spf1 ip4:192.0.2.25 -all
other.example TXT some other text
"""


def checked(envelope: Envelope, table: Resolver | None = None, *told: CouriersSpf) -> tuple[str, str, str]:
    one = check_spf(envelope, told, Lookups(DnsTable(ZONE) if table is None else table, time.monotonic() + 5))
    return one.result, one.domain, one.detail


def from_client(sender: str, ip: str | None = "192.0.2.25", helo: str | None = "helo.example") -> Envelope:
    return Envelope(sender, (), client=Client(ip, None, helo))


@pytest.mark.parametrize(
    ("domain", "ip", "result"),
    [
        ("plain.example", "192.0.2.25", "pass"),
        ("plain.example", "198.51.100.1", "fail"),
        ("plain.example", "2001:db8::1", "pass"),
        ("plain.example", "2001:db9::1", "fail"),
        ("soft.example", "192.0.2.25", "softfail"),
        ("neutral.example", "192.0.2.25", "neutral"),
        ("include.example", "192.0.2.25", "pass"),
        ("redirect.example", "198.51.100.1", "fail"),
        ("a.example", "192.0.2.25", "pass"),
        ("a.example", "2001:db8::25", "pass"),
        ("a.example", "192.0.2.26", "fail"),
        ("mx.example", "192.0.2.25", "pass"),
        ("ptr.example", "192.0.2.25", "pass"),
        ("macro.example", "192.0.2.25", "pass"),
        ("explained.example", "192.0.2.25", "fail"),
        ("broken.example", "192.0.2.25", "permerror"),
        ("two.example", "192.0.2.25", "permerror"),
        ("loop.example", "192.0.2.25", "permerror"),
        ("void.example", "192.0.2.25", "permerror"),
        ("many.example", "198.51.100.1", "permerror"),
        ("other.example", "192.0.2.25", "none"),
        ("absent.example", "192.0.2.25", "none"),
        ("-bad-..example", "192.0.2.25", "none"),
        ("grüße.example", "192.0.2.25", "none"),
    ],
)
def test_the_record_of_the_senders_domain_decides(domain: str, ip: str, result: str) -> None:
    got, _, detail = checked(from_client(f"alice@{domain}", ip))

    assert got == result
    assert detail.startswith("smtp.mailfrom")


def test_a_null_sender_is_judged_by_its_helo() -> None:
    assert checked(from_client("")) == ("pass", "helo.example", "smtp.helo")


@pytest.mark.parametrize(
    "envelope",
    [
        from_client("alice@plain.example", ip=None),
        from_client("", helo=None),
        from_client("a@" + "x" * 400),
        Envelope("alice@plain.example", (), client=Client("198.51.100.1"), authenticated_user="alice"),
        Envelope("alice@plain.example", (), client=Client("198.51.100.1"), relay_client=True),
    ],
)
def test_where_there_is_nothing_to_ask_the_result_is_none(envelope: Envelope) -> None:
    table = DnsTable(ZONE)

    assert checked(envelope, table)[0] == "none"
    assert table.asked == []


def test_a_term_that_is_no_name_is_not_matched_against_patterns() -> None:
    record = b"v=spf1 a:." + b"0a" * 1900 + b"! -all"
    mail = Envelope("alice@example.net", (), client=Client("192.0.2.25"))

    result = check_spf(mail, (), Lookups(OneAnswer(record), time.monotonic() + 5))

    assert (result.result, "a term that is too long" in result.detail) == ("permerror", True)


def test_nobody_asks_for_the_senders_explanation() -> None:
    table = DnsTable(ZONE)

    checked(from_client("a@explained.example"), table)

    assert table.asked == ["explained.example TXT"]


def test_a_name_server_that_fails_is_a_temporary_error() -> None:
    table = DnsTable(ZONE, failing={"plain.example": "no answer in time"})

    result, domain, detail = checked(from_client("a@include.example"), table)

    assert (result, domain) == ("temperror", "include.example")
    assert "TXT of plain.example: no answer in time" in detail


def test_what_courier_found_out_is_not_asked_again() -> None:
    table = DnsTable(ZONE)
    told = CouriersSpf("softfail", "MAILFROM", "a@plain.example")

    assert checked(from_client("a@plain.example"), table, told) == (
        "softfail",
        "plain.example",
        "smtp.mailfrom, by Courier",
    )
    assert table.asked == []


def test_what_courier_says_of_another_identity_does_not_count() -> None:
    told = (CouriersSpf("fail", "HELO", "helo.example"), CouriersSpf("fail", "MAILFROM", "a@else.example"))

    assert checked(from_client("a@plain.example"), None, *told)[0] == "pass"


@given(st.text(), st.text(max_size=20), st.text(st.characters(max_codepoint=255)))
def test_no_record_and_no_name_make_it_fail(sender: str, helo: str, record: str) -> None:
    table = OneAnswer(b"v=spf1 " + record.encode("latin-1"))

    result, _, _ = checked(from_client(f"{sender}@{helo}x.example", helo=helo), table)

    assert result in {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}


_MECHANISMS = ["a", "mx", "ptr", "include:", "exists:", "redirect=", "exp=", "ip4:", "ip6:", "all"]
_PIECES = [
    "%{",
    "}",
    "/",
    "//",
    "%{p}",
    "%{d3r-}",
    "%{i}",
    ".",
    "x.example",
    " ",
    "-",
    "+",
    "0",
    "129",
    ":",
    "::",
    "%",
]
_TERMS = st.sampled_from([*_MECHANISMS, *_PIECES, "\xff"])


@given(st.lists(_TERMS, max_size=12).map("".join))
def test_no_odd_record_makes_it_fail(record: str) -> None:
    table = OneAnswer(b"v=spf1 " + record.encode("latin-1"), b"1 x")

    result, _, _ = checked(from_client("alice@x.example"), table)

    assert result in {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}
