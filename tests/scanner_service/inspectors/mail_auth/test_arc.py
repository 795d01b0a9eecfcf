"""Whether a chain of those who passed a message on holds."""

import time

import pytest

from scanner_service.inspectors.mail_auth.arc import check_arc
from scanner_service.inspectors.mail_auth.fields import read_message
from scanner_service.inspectors.mail_auth.lookups import Lookups
from tests.fakes.dns_table import DnsTable
from tests.scanner_service.inspectors.mail_auth.signing import BODY, HEADER, sealed, signed, zone


def checked(raw: bytes, table: DnsTable | None = None) -> list[tuple[str, str, str]]:
    table = DnsTable(zone()) if table is None else table
    results = check_arc(read_message(raw), Lookups(table, time.monotonic() + 5))
    return [(one.result, one.domain, one.detail) for one in results]


def chain_of(length: int) -> bytes:
    message = sealed(signed())
    for _ in range(length - 1):
        message = sealed(message, b"arc=pass")
    return message


def test_a_message_that_nobody_passed_on_has_no_chain() -> None:
    assert checked(signed()) == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_chain_that_dkimpy_made_holds(length: int) -> None:
    assert checked(chain_of(length)) == [("pass", "example.net", f"i={length}")]


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        (b"Hello", b"Hallo", "the body was changed"),
        (b"Subject: test", b"Subject: rest", "the header was changed"),
        (b"cv=pass", b"cv=none", "the seal i=2 does not vouch for those before"),
        (b"cv=pass", b"cv=fail", "the seal i=2 does not vouch for those before"),
        (b"spf=pass", b"spf=none", "the seal i=2 does not hold"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=3", "a field is missing"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=1", "a field without number, or with that of another"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=51", "a field without number, or with that of another"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=99999", "a field without number, or with that of another"),
        (b"ARC-Seal: i=2", b"ARC-Seal: h=from; i=2", "the seal i=2 is not as it may be"),
        (b"ARC-Seal: i=2", b"X-Seal: i=2", "a field is missing"),
        (b"d=example.net", b"d=", "no d="),
        (b"s=s1", b"s=s2", "no key"),
    ],
)
def test_a_chain_that_was_touched_does_not_hold(old: bytes, new: bytes, detail: str) -> None:
    message = chain_of(2)
    assert old in message

    ((result, _, told),) = checked(message.replace(old, new, 1))

    assert (result, told) == ("fail", detail)


def test_a_key_that_cannot_be_looked_up_is_a_temporary_error() -> None:
    table = DnsTable("", failing={"s1._domainkey.example.net": "no answer in time"})

    ((result, domain, _),) = checked(chain_of(1), table)

    assert (result, domain) == ("temperror", "example.net")


def test_a_chain_is_read_as_it_was_before_courier() -> None:
    sent = HEADER.replace(b"Alice <alice@example.net>", b"<alice@example.net>")
    message = sealed(sent + BODY)

    received = message.replace(b"<alice@example.net>", b"alice@example.net")

    assert checked(received) == [("pass", "example.net", "i=1")]
