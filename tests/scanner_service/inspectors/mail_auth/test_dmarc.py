"""Whether SPF or DKIM vouch for the domain in From, and what its owner asks for."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.clients.dns_resolver import Resolver
from scanner_service.inspectors.mail_auth.dmarc import check_dmarc, organizational_domain, read_policy
from scanner_service.inspectors.mail_auth.fields import read_message
from scanner_service.inspectors.mail_auth.lookups import Lookups
from tests.fakes.dns_table import DnsTable, OneAnswer
from verdict_api.verdict import AuthenticationResult

ZONE = """
_dmarc.example.net TXT v=DMARC1; p=reject; sp=quarantine
_dmarc.strict.example TXT v=DMARC1; p=none; adkim=s; aspf=s
_dmarc.own.example.net TXT v=DMARC1; p=none
_dmarc.two.example TXT v=DMARC1; p=none
_dmarc.two.example TXT v=DMARC1; p=reject
_dmarc.noisy.example TXT some text
_dmarc.noisy.example TXT v=DMARC1; p=reject
_dmarc.co.uk TXT v=DMARC1; p=reject
_dmarc.xn--mnchen-3ya.example TXT v=DMARC1; p=reject
"""


def checked(from_field: str, *others: AuthenticationResult, table: Resolver | None = None) -> tuple[str, str, str]:
    lookups = Lookups(DnsTable(ZONE) if table is None else table, time.monotonic() + 5)
    one = check_dmarc(read_message(f"{from_field}\n\n".encode()), others, lookups)
    return one.result, one.domain, one.detail


def spf(result: str, domain: str) -> AuthenticationResult:
    return AuthenticationResult("spf", result, domain)


def dkim(result: str, domain: str) -> AuthenticationResult:
    return AuthenticationResult("dkim", result, domain)


@pytest.mark.parametrize(
    ("domain", "others", "result", "detail"),
    [
        ("example.net", (spf("pass", "example.net"),), "pass", "p=reject; aligned: spf"),
        ("example.net", (dkim("pass", "example.net"),), "pass", "p=reject; aligned: dkim"),
        (
            "example.net",
            (spf("pass", "example.net"), dkim("pass", "example.net"), dkim("pass", "example.net")),
            "pass",
            "p=reject; aligned: spf, dkim",
        ),
        ("example.net", (spf("pass", "bounce.example.net"),), "pass", "p=reject; aligned: spf"),
        ("example.net", (spf("pass", "example.org"), dkim("pass", "example.org")), "fail", "p=reject; aligned: none"),
        ("example.net", (spf("fail", "example.net"), dkim("fail", "example.net")), "fail", "p=reject; aligned: none"),
        ("example.net", (dkim("pass", "notexample.net"),), "fail", "p=reject; aligned: none"),
        ("example.net", (dkim("pass", "net"),), "fail", "p=reject; aligned: none"),
        ("example.net", (dkim("temperror", "example.net"),), "temperror", "p=reject; aligned: none"),
        ("example.net", (dkim("temperror", "else.example"),), "fail", "p=reject; aligned: none"),
        ("example.net", (), "fail", "p=reject; aligned: none"),
        ("a.b.example.net", (dkim("pass", "example.net"),), "pass", "p=quarantine; aligned: dkim"),
        ("own.example.net", (dkim("pass", "example.net"),), "pass", "p=none; aligned: dkim"),
        ("strict.example", (dkim("pass", "a.strict.example"),), "fail", "p=none; aligned: none"),
        ("strict.example", (spf("pass", "a.strict.example"),), "fail", "p=none; aligned: none"),
        ("strict.example", (dkim("pass", "strict.example"),), "pass", "p=none; aligned: dkim"),
        ("noisy.example", (dkim("pass", "noisy.example"),), "pass", "p=reject; aligned: dkim"),
        ("two.example", (dkim("pass", "two.example"),), "none", ""),
        ("absent.example", (dkim("pass", "absent.example"),), "none", ""),
        ("a.co.uk", (dkim("pass", "b.co.uk"),), "none", ""),
    ],
)
def test_who_vouches_for_the_domain_decides(
    domain: str, others: tuple[AuthenticationResult, ...], result: str, detail: str
) -> None:
    assert checked(f"From: Alice <alice@{domain}>", *others) == (result, domain, detail)


@pytest.mark.parametrize(
    ("field", "domain"),
    [
        ("From: alice@example.net", "example.net"),
        ("FROM: Alice\n <alice@EXAMPLE.net.>", "example.net"),
        ('From: "bank@bank.example" <alice@example.net>', "example.net"),
        ("From: alice@example.net (bank@bank.example)", "example.net"),
        ("From: bank@bank.example <alice@example.net>", "example.net"),
        ("From: Bank, Doe <alice@example.net>", "example.net"),
        ("From: a@example.net, b@example.net", "example.net"),
        ("From: a@münchen.example", "xn--mnchen-3ya.example"),
    ],
)
def test_the_domain_is_that_of_the_address_in_from(field: str, domain: str) -> None:
    result, got, _ = checked(field)

    assert (result, got) == ("fail", domain)


@pytest.mark.parametrize(
    "field",
    [
        "Subject: x",
        "From:",
        "From: nobody",
        "From: a@example.net, b@bank.example",
        "From: a@b.example\nFrom: c@d.example",
    ],
)
def test_a_from_without_one_domain_is_an_error(field: str) -> None:
    assert checked(field)[0] == "permerror"


def test_a_thousand_comments_in_each_other_are_no_domain() -> None:
    assert checked("From: " + "(" * 2000 + " a@example.net")[0] == "permerror"


def test_a_name_server_that_fails_is_a_temporary_error() -> None:
    table = DnsTable(ZONE, failing={"_dmarc.example.net": "no answer in time"})

    assert checked("From: a@example.net", table=table)[0] == "temperror"


@pytest.mark.parametrize(
    ("domain", "organization"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("a.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("a.test.example", "test.example"),
        ("a.b.github.io", "b.github.io"),
        ("a.example.xn--p1ai", "example.xn--p1ai"),
    ],
)
def test_the_public_suffix_list_tells_who_registered_a_domain(domain: str, organization: str) -> None:
    assert organizational_domain(domain) == organization


@pytest.mark.parametrize(
    ("record", "policy"),
    [
        (b"v=DMARC1; p=reject", "reject"),
        (b"v=DMARC1;p=Quarantine;", "quarantine"),
        (b"v=DMARC1; rua=mailto:a@b.example", "none"),
        (b"v=DMARC1; p=often; rua=mailto:a@b.example", "none"),
        (b"v=DMARC1; p=often", None),
        (b"v=DMARC1", None),
        (b"p=reject; v=DMARC1", None),
        (b"v=DMARC2; p=reject", None),
        (b"v=spf1 -all", None),
        (b"\xff", None),
    ],
)
def test_a_record_is_read_as_rfc_7489_has_it(record: bytes, policy: str | None) -> None:
    read = read_policy(record, for_subdomain=False)

    assert (read.policy if read else None) == policy


@given(st.binary(), st.binary())
def test_no_bytes_make_it_fail(field: bytes, record: bytes) -> None:
    table = OneAnswer(b"v=DMARC1;" + record)

    one = check_dmarc(read_message(b"From: a@" + field + b"\n\n"), (), Lookups(table, time.monotonic() + 5))

    assert one.result in {"none", "fail", "permerror"}
