"""The real resolver against a name server that is there, silent, slow, lying, or too talkative."""

import contextlib
import time

import pytest

from scanner_service.clients.dns_resolver import MOST_RECORDS, DnsResolver, DnsUnavailableError, RecordKind
from scanner_service.inspectors.mail_auth.lookups import Lookups
from tests.fakes.dns_server import DnsServer, Misconduct

LONG = " ".join(f'"{"x" * 250}"' for _ in range(8))
HUGE = " ".join(f'"{"x" * 250}"' for _ in range(200))
ZONE = f"""
txt.example TXT "v=spf1 " "-all"
txt.example TXT "other"
odd.example TXT "\\255\\000\\"\\010"
empty.example TXT ""
a.example A 192.0.2.1
a.example AAAA 2001:db8::1
mx.example MX 10 mail.mx.example.
1.2.0.192.in-addr.arpa PTR host.example.
alias.example CNAME txt.example.
long.example TXT {LONG}
huge.example TXT {HUGE}
child.of.parent.example A 192.0.2.2
""" + "\n".join(f"many.example A 10.0.{number // 250}.{number % 250}" for number in range(300))


def look_up(server: DnsServer, name: str, kind: RecordKind = RecordKind.TXT, seconds: float = 3) -> tuple[bytes, ...]:
    return DnsResolver([("127.0.0.1", server.port)]).look_up(name, kind, seconds)


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("txt.example", RecordKind.TXT, {b"v=spf1 -all", b"other"}),
        ("TXT.example", RecordKind.TXT, {b"v=spf1 -all", b"other"}),
        ("odd.example", RecordKind.TXT, {b'\xff\0"\n'}),
        ("empty.example", RecordKind.TXT, {b""}),
        ("a.example", RecordKind.A, {b"192.0.2.1"}),
        ("a.example", RecordKind.AAAA, {b"2001:db8::1"}),
        ("mx.example", RecordKind.MX, {b"10 mail.mx.example."}),
        ("1.2.0.192.in-addr.arpa", RecordKind.PTR, {b"host.example."}),
        ("long.example", RecordKind.TXT, {b"x" * 2000}),  # by TCP
        ("absent.example", RecordKind.TXT, set()),
        ("a.example", RecordKind.MX, set()),
        ("parent.example", RecordKind.TXT, set()),
    ],
)
def test_records_come_as_they_are(name: str, kind: RecordKind, answer: set[bytes]) -> None:
    with DnsServer(ZONE) as server:
        got = look_up(server, name, kind)

    assert set(got) == answer


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (Misconduct.SILENT, "no answer in time"),
        (Misconduct.SERVFAIL, "no server has a usable answer"),
        (Misconduct.REFUSED, "no server has a usable answer"),
        (Misconduct.GARBAGE, "no answer in time"),
        (Misconduct.WRONG_ID, "no answer in time"),
        (Misconduct.OTHER_QUESTION, "no answer in time"),
        (Misconduct.TRUNCATED_ALWAYS, "no "),
    ],
)
def test_a_server_that_does_not_answer_well_is_not_believed(conduct: Misconduct, reason: str) -> None:
    started = time.monotonic()
    with DnsServer(ZONE, {"txt.example": conduct}) as server, pytest.raises(DnsUnavailableError, match=reason):
        look_up(server, "txt.example", seconds=0.5)

    assert time.monotonic() - started < 2


@pytest.mark.parametrize("conduct", [Misconduct.SLOW, Misconduct.TRUNCATED])
def test_a_server_that_is_only_slow_or_brief_is_waited_for(conduct: Misconduct) -> None:
    with DnsServer(ZONE, {"txt.example": conduct}) as server:
        assert len(look_up(server, "txt.example")) == 2


def test_a_server_that_is_not_there_is_told() -> None:
    with DnsServer(ZONE) as server:
        port = server.port

    with pytest.raises(DnsUnavailableError):
        DnsResolver([("127.0.0.1", port)]).look_up("txt.example", RecordKind.TXT, 0.5)


def test_the_second_server_answers_where_the_first_fails() -> None:
    with DnsServer(ZONE, {"a.example": Misconduct.SERVFAIL}) as first, DnsServer(ZONE) as second:
        resolver = DnsResolver([("127.0.0.1", first.port), ("127.0.0.1", second.port)])

        assert resolver.look_up("a.example", RecordKind.A, 3) == (b"192.0.2.1",)


def test_of_many_records_some_are_taken() -> None:
    with DnsServer(ZONE) as server:
        assert len(look_up(server, "many.example", RecordKind.A)) == MOST_RECORDS


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "x" * 64 + ".example", "x." * 130 + "example", "grüße.example", "a\tb", "\0"]
)
def test_a_message_asks_for_no_name_that_is_none(name: str) -> None:
    with DnsServer(ZONE) as server:
        lookups = Lookups(DnsResolver([("127.0.0.1", server.port)]), time.monotonic() + 3)

        assert lookups.look_up(name, RecordKind.TXT) == ()
        assert server.asked == []


@pytest.mark.parametrize(
    "name",
    ["a b.example", "a\\b.example", "a\\046b.example", '"q".example', "@", "a@b", "$x", ";x", "(x)", "\\", "x\\"],
)
def test_a_name_of_odd_characters_is_no_error_of_ours(name: str) -> None:
    with DnsServer(ZONE) as server:
        lookups = Lookups(DnsResolver([("127.0.0.1", server.port)]), time.monotonic() + 3)

        with contextlib.suppress(DnsUnavailableError):
            assert lookups.look_up(name, RecordKind.TXT) == ()


def test_a_huge_record_is_refused_for_a_message() -> None:
    with DnsServer(ZONE) as server:
        lookups = Lookups(DnsResolver([("127.0.0.1", server.port)]), time.monotonic() + 3)

        with pytest.raises(DnsUnavailableError, match="a TXT record of more than 4096 bytes"):
            lookups.look_up("huge.example", RecordKind.TXT)

    assert lookups.failures == ["DNS, TXT of huge.example: a TXT record of more than 4096 bytes"]


def test_a_message_asks_nothing_twice_and_nothing_when_its_time_is_over() -> None:
    with DnsServer(ZONE) as server:
        resolver = DnsResolver([("127.0.0.1", server.port)])
        lookups, late = Lookups(resolver, time.monotonic() + 3), Lookups(resolver, time.monotonic())

        for _ in range(3):
            lookups.look_up("a.example", RecordKind.A)
        with pytest.raises(DnsUnavailableError, match="no time left"):
            late.look_up("a.example", RecordKind.A)

    assert server.asked == ["a.example A"]
