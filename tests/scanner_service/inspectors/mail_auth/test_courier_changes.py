"""What Courier put on top of a message is known from what its sender wrote."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.inspectors.mail_auth.courier_changes import (
    MOST_CANDIDATES,
    CouriersSpf,
    candidates,
    take_off_top,
)
from scanner_service.inspectors.mail_auth.fields import read_message
from tests.scanner_service.inspectors.mail_auth.signing import BODY, COURIERS_RECEIVED, HEADER
from verdict_api.envelope import Client, Envelope

QUEUE_ID = "000000000000000E.000000006B03A78A.00000097"
ENVELOPE = Envelope("a@remote.example", (), queue_id=QUEUE_ID, client=Client("192.0.2.25", None, "client.example"))


def received_spf(result: str, identity: str, sender: str, ip: str = "::ffff:192.0.2.25") -> bytes:
    """Return the field as Courier 1.0.16 writes it."""
    return (
        f"Received-SPF: {result} (Address passes the Sender Policy Framework)\n  SPF={identity};\n"
        f"  sender={sender};\n  remoteip={ip};\n  remotehost=;\n  helo=client.example;\n  receiver=mx.test.example;\n"
    ).encode()


MAILFROM = received_spf("pass", "MAILFROM", "a@remote.example")
HELO = received_spf("unknown", "HELO", "client.example")
FORGED = received_spf("pass", "MAILFROM", "a@remote.example")


@pytest.mark.parametrize(
    ("top", "told"),
    [
        (COURIERS_RECEIVED, ()),
        (MAILFROM + COURIERS_RECEIVED, (CouriersSpf("pass", "MAILFROM", "a@remote.example"),)),
        (
            HELO + MAILFROM + COURIERS_RECEIVED,
            (
                CouriersSpf("permerror", "HELO", "client.example"),
                CouriersSpf("pass", "MAILFROM", "a@remote.example"),
            ),
        ),
        (received_spf("error", "HELO", "x") + COURIERS_RECEIVED, (CouriersSpf("temperror", "HELO", "x"),)),
        (received_spf("great", "HELO", "x") + COURIERS_RECEIVED, ()),
        (received_spf("pass", "HELO", "x", ip="::ffff:198.51.100.1") + COURIERS_RECEIVED, ()),
        (b"Received-SPF: pass\n" + COURIERS_RECEIVED, ()),
    ],
)
def test_couriers_lines_are_taken_off_the_top(top: bytes, told: tuple[CouriersSpf, ...]) -> None:
    mail = take_off_top(read_message(top + HEADER + BODY), ENVELOPE)

    assert mail.message.fields == read_message(HEADER + BODY).fields
    assert mail.spf == told


@pytest.mark.parametrize("top", [COURIERS_RECEIVED, MAILFROM + COURIERS_RECEIVED])
def test_what_a_client_sends_stands_below_and_is_not_believed(top: bytes) -> None:
    sent = FORGED + b"Received: from x by y\n" + FORGED + HEADER + BODY

    mail = take_off_top(read_message(top + sent), ENVELOPE)

    assert mail.message.fields == read_message(sent).fields
    assert len(mail.spf) == top.count(b"Received-SPF")


@pytest.mark.parametrize("top", [b"", b"X-Other: 1\n" + MAILFROM + COURIERS_RECEIVED, MAILFROM])
def test_of_what_courier_did_not_write_nothing_is_taken_off(top: bytes) -> None:
    message = read_message(top + HEADER + BODY)

    mail = take_off_top(message, ENVELOPE)

    assert mail.message == message
    assert mail.spf == ()


@pytest.mark.parametrize(
    ("queue_id", "queue_ids", "count"),
    [
        (QUEUE_ID, (), 1),
        ("", (QUEUE_ID,), 1),
        ("000000000000000F.000000006B03A78A.00000097", (), 1),  # of another control file
        ("000000000000000E.000000006B03A78A.00000098", (), 0),
        ("", (), 0),
        ("x", ("y.",), 0),
    ],
)
def test_only_what_names_this_message_is_believed(queue_id: str, queue_ids: tuple[str, ...], count: int) -> None:
    envelope = replace(ENVELOPE, queue_id=queue_id, queue_ids=queue_ids)

    mail = take_off_top(read_message(MAILFROM + COURIERS_RECEIVED + HEADER), envelope)

    assert mail.message.fields == read_message(HEADER).fields
    assert len(mail.spf) == count


def test_an_ipv6_client_is_the_one_that_courier_names() -> None:
    top = received_spf("pass", "MAILFROM", "a@remote.example", ip="2001:db8::1") + COURIERS_RECEIVED
    envelope = Envelope("a@remote.example", (), queue_id=QUEUE_ID, client=Client("2001:db8::1"))

    mail = take_off_top(read_message(top + HEADER), envelope)

    assert mail.spf == (CouriersSpf("pass", "MAILFROM", "a@remote.example"),)


def test_the_first_candidate_is_the_message_as_it_stands() -> None:
    message = read_message(HEADER + BODY)

    assert next(candidates(message)) == message.fields


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: a@b",
                b"To: ,",
                b"Cc: a@b, <c@d>",
                b"To: undisclosed-recipients: ;",
                b"Sender: \xff@x",
                b"X: y",
                b":",
            ]
        )
    )
)
def test_there_are_few_candidates_and_they_differ_in_brackets_alone(lines: list[bytes]) -> None:
    message = read_message(b"\n".join(lines) + b"\n\n")

    found = list(candidates(message))

    assert len(found) <= MOST_CANDIDATES + 1
    for fields in found:
        texts = [field.raw.translate(None, b"<> ") for field in fields]
        assert texts == [field.raw.translate(None, b"<> ") for field in message.fields][: len(texts)]
