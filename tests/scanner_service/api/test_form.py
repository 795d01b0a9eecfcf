"""multipart/form-data: an envelope and a message, byte for byte."""

import gzip
import hashlib
import os

import httpx
import pytest

from tests.scanner_service.api.conftest import LIMIT_BYTES
from tests.scanner_service.live_service import as_bytes, detail_of_problem, post_form
from tests.scanner_service.messages import CLEAN, ENVELOPE
from verdict_api.envelope import Envelope, Recipient
from verdict_api.http_interface import VERDICTS_PATH
from verdict_api.json_codec import decode_verdict, encode_envelope

ENVELOPE_PART = b'Content-Disposition: form-data; name="envelope"\r\nContent-Type: application/json\r\n\r\n' + (
    encode_envelope(ENVELOPE)
)
MESSAGE_HEAD = b'Content-Disposition: form-data; name="message"\r\nContent-Type: message/rfc822\r\n\r\n'


def form(*parts: bytes, boundary: bytes = b"b0undary", end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + end


def send(
    client: httpx.Client, body: bytes, content_type: str = "multipart/form-data; boundary=b0undary", **more: str
) -> httpx.Response:
    headers = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in more.items()}}
    return client.post(VERDICTS_PATH, content=body, headers=as_bytes(headers))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        CLEAN,
        CLEAN.replace(b"\n", b"\r\n"),
        bytes(range(256)) * 1000,
        b"\r\n",
        b"\r\n--b0undar",
        b"\r\n--b0undar\r\n\r\n--\r\n--B0undary--\r\n",
        b"\0" * 100_000,
        "grüße".encode("latin-1"),
        os.urandom(LIMIT_BYTES),
    ],
    ids=[
        "empty",
        "LF",
        "CRLF",
        "all bytes",
        "CRLF alone",
        "cut boundary",
        "near boundaries",
        "NUL",
        "8-bit",
        "limit",
    ],
)
def test_the_bytes_of_the_message_part_are_the_message(client: httpx.Client, message: bytes) -> None:
    verdict = decode_verdict(send(client, form(ENVELOPE_PART, MESSAGE_HEAD + message)).content)

    assert verdict.message.size == len(message)
    assert verdict.message.sha256 == hashlib.sha256(message).hexdigest()
    assert [one.address for one in verdict.recipients] == ["b@example.com"]


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="message"; filename="mail.eml"\r\n\r\n',
        b"content-disposition:form-data;name=message\r\n\r\n",
        b'Content-Disposition: form-data; filename="a;b"; name="message"\r\nX-Other: y\r\n\r\n',
        b'Content-Type: text/plain; charset=utf-16\r\nContent-Disposition: form-data; name="message"\r\n\r\n',
    ],
)
def test_the_message_part_is_known_by_its_name_only(client: httpx.Client, head: bytes) -> None:
    message = b"Subject: \xff\r\n\r\nb\xf6dy\r\n"

    verdict = decode_verdict(send(client, form(ENVELOPE_PART, head + message)).content)

    assert verdict.message.sha256 == hashlib.sha256(message).hexdigest()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_form_may_come_in_pieces_of_any_size(client: httpx.Client, size: int) -> None:
    body = form(ENVELOPE_PART, MESSAGE_HEAD + CLEAN * 10)
    pieces = (body[at : at + size] for at in range(0, len(body), size))

    response = client.post(
        VERDICTS_PATH, content=pieces, headers={"Content-Type": "multipart/form-data; boundary=b0undary"}
    )

    assert decode_verdict(response.content).message.size == len(CLEAN * 10)


def test_httpx_writes_a_form_that_is_read(client: httpx.Client) -> None:
    response = post_form(client, CLEAN, ENVELOPE)

    assert decode_verdict(response.content).message.message_id == "<clean@example.net>"


def test_parts_may_come_in_any_order_and_unknown_ones_are_passed_over(client: httpx.Client) -> None:
    other = b'Content-Disposition: form-data; name="other"\r\n\r\n' + b"x" * 1000
    nameless = b"\r\nno header at all"

    response = send(client, form(other, MESSAGE_HEAD + CLEAN, nameless, ENVELOPE_PART, other))

    assert decode_verdict(response.content).message.size == len(CLEAN)


def test_a_form_may_be_packed(client: httpx.Client) -> None:
    body = gzip.compress(form(ENVELOPE_PART, MESSAGE_HEAD + CLEAN))

    response = send(client, body, Content_Encoding="gzip")

    assert decode_verdict(response.content).message.size == len(CLEAN)


def test_an_envelope_too_long_for_a_header_fits_a_form(client: httpx.Client) -> None:
    recipients = tuple(Recipient(f"recipient-{number}@example.com") for number in range(5000))
    envelope = b'Content-Disposition: form-data; name="envelope"\r\n\r\n' + encode_envelope(Envelope("", recipients))

    verdict = decode_verdict(send(client, form(envelope, MESSAGE_HEAD + CLEAN)).content)

    assert len(verdict.recipients) == 5000


def test_a_message_part_beyond_the_limit_is_too_long(client: httpx.Client) -> None:
    body = form(ENVELOPE_PART, MESSAGE_HEAD + bytes(LIMIT_BYTES + 1))

    response = send(client, body)

    assert detail_of_problem(response, 413) == f"want at most {LIMIT_BYTES} bytes"
    assert response.json()["limit_bytes"] == LIMIT_BYTES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (form(ENVELOPE_PART), "want one part 'message', found 0"),
        (form(MESSAGE_HEAD + CLEAN), "want one part 'envelope', found 0"),
        (form(ENVELOPE_PART, MESSAGE_HEAD + b"1", MESSAGE_HEAD + b"2"), "want one part 'message', found 2"),
        (form(ENVELOPE_PART, ENVELOPE_PART, MESSAGE_HEAD), "want one part 'envelope', found 2"),
        (form(ENVELOPE_PART, MESSAGE_HEAD + CLEAN, end=b""), "ends before its last boundary"),
        (form(ENVELOPE_PART, MESSAGE_HEAD + CLEAN)[:-40], "ends before its last boundary"),
        (b"", "ends before its last boundary"),
        (b"no form at all", ""),
        (form(ENVELOPE_PART, MESSAGE_HEAD + CLEAN, boundary=b"another"), ""),
        (b"--b0undary\r\n" + b"X" * 100_000 + b": y\r\n\r\n", ""),
        (b"--b0undary\r\n" + b"X: y\r\n" * 10_000, ""),
        (b"--b0undary\r\nno colon\r\n\r\n", ""),
    ],
    ids=range(12),
)
def test_a_form_that_cannot_be_used_is_refused(client: httpx.Client, body: bytes, said: str) -> None:
    response = send(client, body)

    assert detail_of_problem(response, 400).startswith(f"multipart/form-data: {said}")


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary*=utf-8''b0undary",
        "multipart/form-data; boundary=" + "x" * 1000,
    ],
    ids=lambda value: value[:50],
)
def test_a_form_without_a_usable_boundary_is_refused(client: httpx.Client, content_type: str) -> None:
    response = send(client, form(ENVELOPE_PART, MESSAGE_HEAD + CLEAN), content_type)

    assert detail_of_problem(response, 400).startswith("multipart/form-data: ")


def test_an_envelope_part_that_cannot_be_read_is_refused(client: httpx.Client) -> None:
    envelope = b'Content-Disposition: form-data; name="envelope"\r\n\r\n{"sender": 1}'

    response = send(client, form(envelope, MESSAGE_HEAD + CLEAN))

    assert detail_of_problem(response, 400).startswith("envelope.")
