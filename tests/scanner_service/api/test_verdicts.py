"""POST /v1/verdicts: the verdict of a message, in its forms and envelopes."""

import base64
import hashlib
import os

import httpx
import pytest

from scanner_service.settings import ClamdSetting, SpamScoreSetting, Virus
from tests.fakes.clamd import EICAR, FakeClamd, answer, stay_silent
from tests.scanner_service.live_service import (
    LiveService,
    as_bytes,
    asking,
    detail_of_problem,
    live_service,
    post,
    raw_headers,
)
from tests.scanner_service.messages import CLEAN, EICAR_IN_ATTACHMENT, ENVELOPE, HEADER
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.http_interface import ENVELOPE_HEADER_LIMIT_BYTES, VERDICTS_PATH
from verdict_api.json_codec import decode_verdict, encode_envelope_header
from verdict_api.verdict import Destiny, InspectorStatus


def test_a_clean_message_passes(local_client: httpx.Client) -> None:
    response = post(local_client, CLEAN)
    verdict = decode_verdict(response.content)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert verdict.destiny is Destiny.PASS
    assert str(verdict.reply) == f"200 2.0.0 Ok, id={verdict.mail_id}"
    assert verdict.complete
    assert verdict.decided_by.category == "clean"
    assert verdict.message.message_id == "<clean@example.net>"
    assert verdict.message.size == len(CLEAN)
    assert verdict.milliseconds["total"] >= verdict.milliseconds["decode"]


def test_an_infected_message_is_rejected_for_each_recipient_in_order(local_client: httpx.Client) -> None:
    recipients = tuple(Recipient(f"r{number}@example.com") for number in (3, 1, 2, 1))

    verdict = decode_verdict(post(local_client, EICAR_IN_ATTACHMENT, Envelope("a@example.net", recipients)).content)

    assert verdict.destiny is Destiny.REJECT
    assert verdict.reply.text == f"Message content rejected, id={verdict.mail_id} - INFECTED: Eicar-Test-File"
    assert verdict.decided_by.category == "virus"
    assert verdict.decided_by.inspector == "yara"
    assert verdict.decided_by.rule == "destinies.virus"
    assert [one.address for one in verdict.recipients] == [one.address for one in recipients]
    assert {one.destiny for one in verdict.recipients} == {Destiny.REJECT}
    assert {one.categories for one in verdict.recipients} == {("virus",)}
    assert [(finding.name, finding.part) for finding in verdict.findings] == [("Eicar-Test-File", "2")]


def test_the_built_in_engine_alone_is_called_a_demo(service: LiveService) -> None:
    with service.client() as client:
        verdict = post(client, CLEAN).json()

    assert verdict["engines"] == "demo"


def test_a_real_engine_is_asked_for_the_exact_bytes() -> None:
    message = HEADER + b"Subject: x\n\n" + os.urandom(300_000)

    with FakeClamd() as clamd, live_service(**asking(clamd)) as service, service.client() as client:
        verdict = decode_verdict(post(client, message).content)
        nobody = clamd.has_nobody()

    assert clamd.streams == [message]
    assert verdict.engines == "real"
    assert verdict.destiny is Destiny.PASS
    clean = InspectorStatus.CLEAN
    assert {one.name: one.status for one in verdict.inspectors} == dict.fromkeys(
        ("clamd", "banned", "bad_header", "decode"), clean
    )
    assert nobody


def test_without_an_engine_the_verdict_is_a_tempfail_and_not_complete() -> None:
    with FakeClamd() as clamd:
        clamd.stop()
        with live_service(**asking(clamd)) as service, service.client() as client:
            verdict = decode_verdict(post(client, CLEAN).content)

    assert verdict.destiny is Destiny.TEMPFAIL
    assert not verdict.complete
    assert str(verdict.reply) == f"451 4.7.1 Content check not complete, id={verdict.mail_id}"
    assert verdict.recipients[0].categories == ("unchecked.not_done",)
    assert verdict.inspectors[0].status is InspectorStatus.NOT_DONE
    assert verdict.inspectors[0].required


def test_a_virus_name_that_the_settings_give_points_to_is_no_infection() -> None:
    with FakeClamd(answer(b"stream: Sanesecurity.Junk.1.UNOFFICIAL FOUND\0")) as clamd:
        virus = Virus(
            engines=(ClamdSetting(kind="clamd", address=clamd.address),),
            spam_scores=(SpamScoreSetting(names=r"^Sanesecurity\.Junk\.", score=0.1),),
        )
        with live_service(virus=virus) as service, service.client() as client:
            verdict = decode_verdict(post(client, CLEAN).content)

    assert verdict.destiny is Destiny.PASS
    assert "virus" not in {finding.category for finding in verdict.findings}


def test_a_hostile_virus_name_reaches_neither_reply_nor_json_as_it_stands() -> None:
    with (
        FakeClamd(answer(b"stream: \x1b[2J\xff\r\n\\u0000\xe2\x80\xae FOUND\0")) as clamd,
        live_service(**asking(clamd)) as service,
        service.client() as client,
    ):
        response = post(client, CLEAN)
        verdict = decode_verdict(response.content)

    assert verdict.reply.text.endswith(r"INFECTED: \x1b[2J\xff\x0d\x0a\x5cu0000\xe2\x80\xae")
    assert response.content.isascii()
    assert response.text.isprintable()


@pytest.mark.parametrize(
    "message",
    [b"", b"\0", bytes(range(256)) * 100, b"\r\n.\r\n", b"a" * 64 * 1024, os.urandom(500_000)],
    ids=["empty", "NUL", "all bytes", "dot", "64 KiB", "noise"],
)
def test_the_bytes_of_the_body_are_the_message(local_client: httpx.Client, message: bytes) -> None:
    verdict = decode_verdict(post(local_client, message).content)

    assert verdict.message.size == len(message)
    assert verdict.message.sha256 == hashlib.sha256(message).hexdigest()


@pytest.mark.parametrize("content_type", ["message/rfc822", "Message/RFC822", 'message/rfc822; charset="x"'])
def test_the_media_type_may_have_parameters(client: httpx.Client, content_type: str) -> None:
    assert post(client, CLEAN, more={"Content-Type": content_type}).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "message/rfc822x", "application/jsonp", "x" * 5000, ";", "\udcff", ";" * 60_000],
    ids=lambda value: value[:20],
)
def test_another_media_type_is_refused(client: httpx.Client, content_type: str) -> None:
    headers = {**raw_headers(), "Content-Type": content_type}

    response = client.post(VERDICTS_PATH, content=CLEAN, headers=as_bytes(headers))

    assert detail_of_problem(response, 415).startswith(
        "want message/rfc822, multipart/form-data or application/json, got "
    )


def test_the_whole_envelope_may_be_sent(client: httpx.Client) -> None:
    envelope = Envelope(
        sender="",
        recipients=(Recipient("b\udcff@example.com", "ü@example.com", "SF", local=True),),
        host="mx.example.com",
        queue_id="1",
        queue_ids=("1", "2"),
        client=Client("2001:db8::1", "c.example", "helo"),
        authenticated_user="u",
        relay_client=True,
        source="authsmtp",
        message_size=7,
    )

    verdict = decode_verdict(post(client, CLEAN, envelope).content)

    assert verdict.recipients[0].address == "b\udcff@example.com"


def encoded(json: bytes) -> str:
    return base64.urlsafe_b64encode(json).decode().rstrip("=")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "envelope: want JSON"),
        ("!", "envelope header: want base64url of JSON, got '!'"),
        ("A", "envelope header: want base64url of JSON, got 'A'"),
        ("\udcff\udcfe", "envelope header: want base64url of JSON"),
        (encoded(b"[" * 5000), "envelope: want JSON"),
        (encoded(b"nonsense"), "envelope: want JSON"),
        (encoded(b"[]"), "envelope: want an object, got []"),
        (encoded(b"{}"), "envelope.recipients: want at least one recipient, got none"),
        (encoded(b'{"sender":"a","recipients":[]}'), "envelope.recipients: want at least one recipient"),
        (encoded(b'{"recipients":[{"address":"b"}]}'), "envelope.sender: want a string, got nothing"),
        (encoded(b'{"sender":"a","recipients":[{}]}'), "envelope.recipients[0].address: want a string"),
        (encoded(b'{"sender":1,"recipients":[{"address":"b"}]}'), "envelope.sender: want a string, got 1"),
        (encoded(b'{"sender":"\\ud800","recipients":[{"address":"b"}]}'), "envelope.sender: want text, or bytes"),
        (encoded(b'{"sender":"a","recipients":[{"address":"b"}],"message_size":1e999}'), "envelope.message_size"),
        (encoded(b'{"sender":"a","recipients":[{"address":"b"}],"message_size":' + b"9" * 5000 + b"}"), "envelope"),
    ],
    ids=lambda value: value[:30],
)
def test_an_envelope_that_cannot_be_read_is_refused_with_its_place(
    client: httpx.Client, value: str, said: str
) -> None:
    headers = {**raw_headers(), "Couriergate-Envelope": value}

    response = client.post(VERDICTS_PATH, content=CLEAN, headers=as_bytes(headers))

    assert detail_of_problem(response, 400).startswith(said)


def test_without_an_envelope_the_form_is_pointed_at(client: httpx.Client) -> None:
    response = client.post(VERDICTS_PATH, content=CLEAN, headers={"Content-Type": "message/rfc822"})

    assert detail_of_problem(response, 400) == (
        "want the header Couriergate-Envelope; or send multipart/form-data with a part 'envelope'"
    )


def envelope_header_of(length: int) -> str:
    """Return an envelope header of this length, which must be a multiple of four."""
    plain = encode_envelope_header(ENVELOPE)
    envelope = Envelope(ENVELOPE.sender, ENVELOPE.recipients, host="x" * ((length - len(plain)) * 3 // 4))
    header = encode_envelope_header(envelope)
    while len(header) != length:
        envelope = Envelope(envelope.sender, envelope.recipients, host=envelope.host + "x" * (length > len(header)))
        header = encode_envelope_header(envelope)
    return header


def test_an_envelope_header_at_its_limit_is_read_and_one_beyond_it_is_too_large(client: httpx.Client) -> None:
    at_limit = envelope_header_of(ENVELOPE_HEADER_LIMIT_BYTES)

    longest = post(client, CLEAN, more={"Couriergate-Envelope": at_limit})
    too_long = post(client, CLEAN, more={"Couriergate-Envelope": at_limit + "="})

    assert longest.status_code == 200
    assert detail_of_problem(too_long, 431) == (
        "Couriergate-Envelope: want at most 8192 bytes; send multipart/form-data instead"
    )


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1.5", "1e3", "+5", "٣", "9" * 10])
def test_a_deadline_that_is_no_number_of_milliseconds_is_refused(client: httpx.Client, value: str) -> None:
    headers = {**raw_headers(), "Couriergate-Deadline-Ms": value}

    response = client.post(VERDICTS_PATH, content=CLEAN, headers=as_bytes(headers))

    assert detail_of_problem(response, 400).startswith("Couriergate-Deadline-Ms: want milliseconds, got ")


@pytest.mark.parametrize("value", ["1", "5", "50", "999999999"])
@pytest.mark.parametrize("message", [CLEAN, b"\n" + EICAR * 10_000], ids=["small", "large"])
def test_a_tiny_deadline_gives_a_verdict_or_a_time_out(client: httpx.Client, message: bytes, value: str) -> None:
    for _ in range(5):
        response = post(client, message, more={"Couriergate-Deadline-Ms": value})

        assert response.status_code in (200, 504)
        if response.status_code == 504:
            assert detail_of_problem(response, 504) == "no verdict before the deadline"


def test_a_silent_engine_gives_a_tempfail_before_the_deadline() -> None:
    with (
        FakeClamd(stay_silent) as clamd,
        live_service(**asking(clamd, engine_wait_seconds=20)) as service,
        service.client() as client,
    ):
        response = post(client, CLEAN, more={"Couriergate-Deadline-Ms": "2000"})
        nobody = clamd.has_nobody()

    assert decode_verdict(response.content).destiny is Destiny.TEMPFAIL
    assert response.elapsed.total_seconds() < 2
    assert nobody


def test_a_body_that_does_not_come_is_waited_for_until_the_deadline(service: LiveService) -> None:
    head = (
        b"POST /v1/verdicts HTTP/1.1\r\nHost: localhost\r\nContent-Type: message/rfc822\r\nContent-Length: 9\r\n"
        b"Couriergate-Deadline-Ms: 200\r\nCouriergate-Envelope: "
        + encode_envelope_header(ENVELOPE).encode()
        + b"\r\n\r\n"
    )

    with service.connect() as connection:
        connection.sendall(head + b"half")
        answered = connection.recv(65536)

    assert answered.startswith(b"HTTP/1.1 504 ")
    assert b"application/problem+json" in answered
