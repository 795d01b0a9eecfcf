"""All methods together over one message, and that nobody's mail waits for the DNS."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.clients.dns_resolver import RecordKind, Resolver
from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.mail_auth.dkim import BEFORE_COURIER, check_dkim
from scanner_service.inspectors.mail_auth.fields import read_message
from scanner_service.inspectors.mail_auth.inspector import MOST_BYTES, THREADS, MailAuthInspector, authenticate
from scanner_service.inspectors.mail_auth.lookups import MOST_LOOKUPS, Lookups
from scanner_service.model.message import Message
from tests.fakes.dns_table import DnsTable, OneAnswer
from tests.scanner_service.inspectors.mail_auth.signing import BODY, COURIERS_RECEIVED, HEADER, sealed, signed, zone
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.verdict import AuthenticationResult, InspectorStatus

RECIPIENTS = (Recipient("bob@example.com"),)
ENVELOPE = Envelope("alice@example.net", RECIPIENTS, client=Client("192.0.2.25", None, "out.example.net"))
ZONE = zone("example.net TXT v=spf1 ip4:192.0.2.25 -all", "_dmarc.example.net TXT v=DMARC1; p=reject")


def message(raw: bytes, envelope: Envelope = ENVELOPE) -> Message:
    return Message("b7kQ2sX9aLmP", envelope, raw, "")


async def inspected(
    resolver: Resolver, raw: bytes, limit_seconds: float = 5, until_seconds: float = 10
) -> Inspection:
    inspector = MailAuthInspector(resolver, limit_seconds)
    until = asyncio.get_running_loop().time() + until_seconds
    try:
        return await inspector.inspect(message(raw), None, until)
    finally:
        await inspector.aclose()


def test_a_message_of_good_standing_passes_by_all_methods() -> None:
    inspection = asyncio.run(inspected(DnsTable(ZONE), COURIERS_RECEIVED + sealed(signed())))

    (report,) = inspection.reports
    assert (report.name, report.required, report.status) == ("mail_auth", False, InspectorStatus.CLEAN)
    assert report.reason is None
    assert inspection.findings == ()
    assert inspection.authentication == (
        AuthenticationResult("spf", "pass", "example.net", "smtp.mailfrom"),
        AuthenticationResult("dkim", "pass", "example.net", ""),
        AuthenticationResult("dmarc", "pass", "example.net", "p=reject; aligned: spf, dkim"),
        AuthenticationResult("arc", "pass", "example.net", "i=1"),
    )


def test_a_forged_message_fails_and_nothing_is_found() -> None:
    forged = message(COURIERS_RECEIVED + HEADER + BODY, Envelope("x@example.net", (), client=Client("198.51.100.1")))

    results = authenticate(forged, Lookups(DnsTable(ZONE), time.monotonic() + 5))

    assert [(one.method, one.result) for one in results] == [("spf", "fail"), ("dkim", "none"), ("dmarc", "fail")]


def test_couriers_rewriting_breaks_nothing() -> None:
    sent = signed(HEADER.replace(b"Alice <alice@example.net>", b"<alice@example.net>") + BODY)

    inspection = asyncio.run(
        inspected(DnsTable(ZONE), COURIERS_RECEIVED + sent.replace(b"<alice@example.net>", b"alice@example.net"))
    )

    assert [one.result for one in inspection.authentication] == ["pass", "pass", "pass"]
    assert inspection.authentication[1].detail == BEFORE_COURIER


def test_a_mail_without_client_has_no_spf() -> None:
    local = message(HEADER + BODY, Envelope("alice@example.net", RECIPIENTS, source="local"))

    results = authenticate(local, Lookups(DnsTable(ZONE), time.monotonic() + 5))

    assert results[0] == AuthenticationResult("spf", "none", "", "no client, or no name of it")


def test_a_dns_that_hangs_costs_its_limit_and_each_method_says_so() -> None:
    started = time.monotonic()

    inspection = asyncio.run(inspected(DnsTable(ZONE, seconds=60), signed(), limit_seconds=0.3))

    (report,) = inspection.reports
    assert time.monotonic() - started < 2
    assert [one.result for one in inspection.authentication] == ["temperror", "temperror", "temperror"]
    assert report.status is InspectorStatus.NOT_DONE
    assert report.reason == "mail_auth: DNS, TXT of example.net: no answer in time"


def test_a_message_whose_time_is_over_waits_for_nobody() -> None:
    inspection = asyncio.run(inspected(DnsTable(ZONE, seconds=60), signed(), until_seconds=0.1))

    assert inspection.reports[0].status is InspectorStatus.NOT_DONE


def test_more_messages_than_threads_are_told_not_done_in_time() -> None:
    async def run() -> list[Inspection]:
        inspector = MailAuthInspector(Stuck(), 0.2)
        until = asyncio.get_running_loop().time() + 10
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(inspector.inspect(message(signed()), None, until)) for _ in range(2 * THREADS)]
        await inspector.aclose()
        return [task.result() for task in tasks]

    started = time.monotonic()
    inspections = asyncio.run(run())

    assert time.monotonic() - started < 5
    assert {one.reports[0].reason for one in inspections} == {"mail_auth: no result in 0.2 s"}


class Stuck:
    """A resolver that keeps no limit."""

    def look_up(self, name: str, kind: object, limit_seconds: float) -> tuple[bytes, ...]:
        time.sleep(1.5)
        return ()


def test_a_huge_message_is_not_looked_at() -> None:
    table = DnsTable(ZONE)

    inspection = asyncio.run(inspected(table, signed() + b"x" * MOST_BYTES))

    assert inspection.authentication == ()
    assert inspection.reports[0].reason == "mail_auth: more than 10485760 bytes"
    assert table.asked == []


def test_the_number_of_questions_has_an_end() -> None:
    chains = b"".join(
        f"ARC-Seal: i={number}; cv=pass; a=rsa-sha256; d=d{number}.example; s=s; b=AAAA\n".encode()
        for number in range(1, 51)
    )
    mx = "\n".join(f"example.net MX {number} m{number}.example." for number in range(10))
    many = "example.net TXT v=spf1 mx mx:a.example mx:b.example mx:c.example -all"
    table = DnsTable(f"{many}\n{mx}\n" + "\n".join(mx.replace("example.net", f"{one}.example") for one in "abc"))

    asyncio.run(inspected(table, chains + signed()))

    assert len(table.asked) <= MOST_LOOKUPS


@pytest.mark.parametrize(
    "hostile",
    [
        b"a:\n" * 300_000,
        b"".join(b"a%d: %b\n" % (number, b"a  " * 5300) for number in range(60)),
    ],
    ids=["many fields", "long fields"],
)
def test_a_header_made_to_be_hashed_again_and_again_costs_its_limit(hostile: bytes) -> None:
    names = [b"from", *(b"a%d" % number for number in range(60))]
    signature = signed(names=names).removesuffix(HEADER + BODY)
    raw = signature * 10 + b"From: a@example.net\nTo: a@b.example\nCc: a@b.example\nSender: a@b.example\n"
    lookups = Lookups(DnsTable(ZONE), time.monotonic() + 1)
    started = time.monotonic()

    results = authenticate(message(raw + hostile + BODY), lookups)

    assert time.monotonic() - started < 4
    assert "pass" not in {one.result for one in results if one.method == "dkim"}


def test_time_that_runs_out_between_two_forms_is_no_failure_of_the_signature() -> None:
    lookups = Lookups(LateTable(ZONE), time.monotonic() + 0.1)

    (result,) = check_dkim(read_message(signed()), lookups)

    assert (result.result, result.detail) == ("temperror", "no time left")
    assert lookups.failures == ["no time left"]


class LateTable(DnsTable):
    """It has an answer, and when that comes it is too late for anything else."""

    def look_up(self, name: str, kind: RecordKind, limit_seconds: float) -> tuple[bytes, ...]:
        time.sleep(limit_seconds)
        return super().look_up(name, kind, limit_seconds)


@given(st.binary(max_size=300), st.binary(max_size=50))
def test_no_message_and_no_answer_make_it_fail(raw: bytes, answer: bytes) -> None:
    table = OneAnswer(answer, answer)

    results = authenticate(message(raw), Lookups(table, time.monotonic() + 5))

    assert results[0].method == "spf"
