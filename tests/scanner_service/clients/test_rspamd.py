"""The score that rspamd gives, what it is told, and every way in which it does not answer."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from scanner_service.clients.rspamd import ANSWER_LIMIT_BYTES, RspamdClient, RspamdScore, RspamdUnavailableError
from tests.fakes.spam_daemons import Daemon, rspamd_answer
from verdict_api.envelope import Client, Envelope, Recipient

MESSAGE = b"Subject: hello\n\nbody \xe9\n"
ENVELOPE = Envelope(
    "anna@example.net",
    (Recipient("b@example.com"), Recipient("c\udce9\r\nIP: 127.0.0.1@example.com")),
    host="mx.example.com",
    queue_id="0001.ABC",
    client=Client("192.0.2.7", "out.example.net", "helo.example.net"),
    authenticated_user="anna",
)
SYMBOLS = {"GTUBE": {"score": 15.0}, "NOTED": {"score": 0.0}, "bad name\n": {"score": 1.0}, "HAM": {"score": -0.1}}
ANSWER = {"score": 14.9, "action": "reject", "symbols": SYMBOLS, "is_skipped": True, "unknown": [1]}


def ask(daemon: Daemon, folder: Path, envelope: Envelope = ENVELOPE) -> RspamdScore:
    async def run() -> RspamdScore:
        async with daemon.listening(folder) as path, asyncio.timeout(10):
            client = RspamdClient(f"unix:{path}", "secret word")
            try:
                return await client.score(MESSAGE, envelope)
            finally:
                await client.aclose()

    return asyncio.run(run())


def test_the_score_its_tests_and_the_action_come_back(tmp_path: Path) -> None:
    daemon = Daemon((rspamd_answer(json.dumps(ANSWER).encode()),))

    score = ask(daemon, tmp_path)

    assert score == RspamdScore(14.9, ("GTUBE", "HAM"), "reject")
    assert daemon.body == MESSAGE


def test_it_is_told_the_envelope_and_an_address_begins_no_header_of_its_own(tmp_path: Path) -> None:
    daemon = Daemon((rspamd_answer(json.dumps(ANSWER).encode()),))

    ask(daemon, tmp_path)

    lines = daemon.head.split(b"\r\n")
    assert lines[0] == b"POST /checkv2 HTTP/1.1"
    wanted = [
        b"From: anna@example.net",
        b"Rcpt: b@example.com",
        b"Rcpt: c\xe9??IP: 127.0.0.1@example.com",
        b"IP: 192.0.2.7",
        b"Helo: helo.example.net",
        b"Hostname: out.example.net",
        b"User: anna",
        b"Queue-Id: 0001.ABC",
        b"MTA-Name: mx.example.com",
        b"Password: secret word",
    ]
    assert [line for line in wanted if line not in lines] == []
    assert [line for line in lines if line.startswith(b"IP:")] == [b"IP: 192.0.2.7"]


@pytest.mark.parametrize("helo", [" helo", "helo ", "\thelo", " "])
def test_blanks_around_a_name_keep_no_message_from_its_score(tmp_path: Path, helo: str) -> None:
    daemon = Daemon((rspamd_answer(json.dumps(ANSWER).encode()),))

    score = ask(daemon, tmp_path, replace(ENVELOPE, client=Client("192.0.2.7", None, helo)))

    assert score.action == "reject"
    assert f"Helo: {helo.strip()}".encode() in daemon.head.split(b"\r\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "RemoteProtocolError"),
        (b"SPAMD/1.1 0 EX_OK\r\n\r\n", "RemoteProtocolError"),
        (rspamd_answer(b"{}"), "want score and action, got b'{}'"),
        (rspamd_answer(b"not JSON"), "want score and action, got b'not JSON'"),
        (rspamd_answer(b'{"score": NaN, "action": "reject"}'), "want score and action"),
        (rspamd_answer(b'{"score": 1, "action": null}'), "want score and action"),
        (rspamd_answer(b'{"score": 1, "action": "reject", "symbols": 7}'), "want score and action"),
        (rspamd_answer(b"[" * 100_000), "want score and action"),
        (rspamd_answer(b"busy", "503 Busy"), "answered 503"),
        (rspamd_answer(b"x" * (ANSWER_LIMIT_BYTES + 1)), "an answer of more than"),
        (rspamd_answer(b'{"score": 1, "action": "reject"}')[:-5], "RemoteProtocolError"),
    ],
)
def test_what_is_no_score_is_no_score(tmp_path: Path, answer: bytes, reason: str) -> None:
    with pytest.raises(RspamdUnavailableError) as error:
        ask(Daemon((answer,)), tmp_path)

    assert reason in str(error.value)
    assert len(str(error.value)) < 400


def test_nobody_there_is_no_score(tmp_path: Path) -> None:
    async def run() -> None:
        client = RspamdClient(f"unix:{tmp_path}/nobody.sock")
        try:
            await client.score(MESSAGE, ENVELOPE)
        finally:
            await client.aclose()

    with pytest.raises(RspamdUnavailableError, match="ConnectError"):
        asyncio.run(run())


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("added", "fields"),
    [
        ({"X-Spam": "Yes"}, (("X-Spam", "Yes"),)),
        ({"X-Spam": {"value": "Yes", "order": -1}}, (("X-Spam", "Yes"),)),
        ({"X-A": [{"value": "1"}, "2", 3, None]}, (("X-A", "1"), ("X-A", "2"))),
        ({"X-Spamd-Result": "default: False [9.80 / 15.00];\n\tA(1.0)[]"}, None),
        ({"X-Long": LONG}, (("X-Long", LONG),)),
        ({"X-Spam": {"order": 1}, "X-B": 7, "X-C": None}, ()),
        ([{"X-Spam": "Yes"}], ()),
        ("X-Spam: Yes", ()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_fields_that_it_would_add_come_as_it_wrote_them(
    tmp_path: Path, added: object, fields: tuple[tuple[str, str], ...] | None
) -> None:
    answer = {"score": 1.0, "action": "no action", "milter": {"add_headers": added, "remove_headers": {"X-Spam": 0}}}

    score = ask(Daemon((rspamd_answer(json.dumps(answer).encode()),)), tmp_path)

    assert score.fields == (tuple(added.items()) if fields is None and isinstance(added, dict) else fields)


def version_of(daemon: Daemon, folder: Path) -> str:
    async def run() -> str:
        async with daemon.listening(folder) as path, asyncio.timeout(10):
            client = RspamdClient(f"unix:{path}")
            try:
                return await client.version()
            finally:
                await client.aclose()

    return asyncio.run(run())


def pong(server: str, body: bytes = b"pong\r\n") -> bytes:
    return rspamd_answer(body).replace(b"\r\n\r\n", f"\r\nServer: {server}\r\n\r\n".encode(), 1)


@pytest.mark.parametrize(
    ("server", "version"), [("rspamd/3.4", "rspamd/3.4"), ("nginx", "rspamd"), ("rspamd/" + "9" * 100, "rspamd")]
)
def test_it_tells_its_version_where_no_proxy_hides_it(tmp_path: Path, server: str, version: str) -> None:
    daemon = Daemon((pong(server),))

    assert version_of(daemon, tmp_path) == version
    assert daemon.head.startswith(b"GET /ping HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer", [b"", b"\x00", rspamd_answer(b"busy", "503 Busy"), rspamd_answer(b"It works!"), rspamd_answer(b"")]
)
def test_what_is_no_pong_is_no_version(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(RspamdUnavailableError):
        version_of(Daemon((answer,)), tmp_path)


def test_an_endless_pong_ends(tmp_path: Path) -> None:
    assert version_of(Daemon((pong("rspamd/3.4", b"pong" * 2**20),)), tmp_path) == "rspamd/3.4"
