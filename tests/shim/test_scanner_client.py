"""The client against scanners that are down, silent, overloaded, broken or lying."""

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shim.http_transport import CONTINUE_ABOVE_BYTES
from shim.patience import PATIENCE_SECONDS
from shim.scanner_client import MOST_IN_HAND, TooBusyError
from shim.scanner_endpoint import READ_WHOLE_BELOW_BYTES, Asking
from shim.scanner_health import FAILURES_BEFORE_REST
from shim.scanner_question import MessageTooBigError, QuestionRefusedError, ScannerUnavailableError
from shim.settings import Send
from tests.fakes.descriptors import open_descriptors
from tests.fakes.scanner import (
    Act,
    FakeScanner,
    Talk,
    answer,
    answer_before_the_body,
    babble,
    be_silent,
    give_verdict,
    hang_up_after_the_request,
    hang_up_at_once,
    hang_up_on_the_head,
    http_answer,
    never_read,
    nobody_listening,
    refuse_the_header_form,
)
from tests.fakes.verdicts import verdict_on
from tests.shim.asking import (
    ENVELOPE,
    LONG_ENVELOPE,
    MESSAGE,
    ask,
    client_of,
    envelope_of_bytes,
    judge,
    judge_in_turn,
)
from verdict_api.json_codec import decode_decision, encode_envelope, encode_envelope_header, encode_verdict
from verdict_api.verdict import Decision, Verdict

VERDICT_JSON = encode_verdict(verdict_on(ENVELOPE))
DECISION = decode_decision(VERDICT_JSON)

# What a scanner that took the question may do instead of answering it.
FAILURES: dict[str, Act] = {
    "hangs up at once": hang_up_at_once,
    "hangs up on the head": hang_up_on_the_head,
    "hangs up after the request": hang_up_after_the_request,
    "garbage": babble(b"\x00garbage\r\n\r\n"),
    "half a head": babble(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": babble(http_answer(200, VERDICT_JSON)[:-1]),
    "half a chunked body": babble(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
    "10 MB": answer(200, b" " * 10_000_000),
    "endless head": babble(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
    "packed": answer(200, b"\x1f\x8b", Content_Encoding="gzip"),
    "500": answer(500),
    "502": answer(502),
    "504": answer(504),
    "a redirect": answer(302, Location="http://127.0.0.1:1/"),
    "a redirect to nowhere": answer(302, Location="http://[::1"),
    "201": answer(201, VERDICT_JSON),
    "204": answer(204),
    "no JSON": answer(200, b"<html>clean</html>"),
    "nothing": answer(200, b""),
    "{}": answer(200, b"{}"),
    "half a verdict": answer(200, VERDICT_JSON[:-1]),
    "deep JSON": answer(200, b'{"would_be":' * 100_000),
}
OVERLOADS: dict[str, Act] = {"429": answer(429), "503": answer(503)}


@pytest.fixture(params=["tcp", "unix"])
def unix_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    return tmp_path_factory.mktemp("scanner") / "socket" if request.param == "unix" else None


def test_a_verdict_comes_back_with_the_scanner_that_gave_it(unix_path: Path | None) -> None:
    with FakeScanner(unix_path=unix_path) as scanner:
        given_answer = judge(scanner.endpoint)

    assert given_answer.verdict == DECISION
    assert given_answer.scanner == scanner.endpoint


def test_the_question_is_asked_as_the_interface_says() -> None:
    with FakeScanner() as scanner:
        judge(scanner.endpoint, deadline_seconds=9.0)

    request = scanner.heard[0]
    assert request.line == "POST /v1/verdicts HTTP/1.1"
    assert request.headers["content-type"] == "message/rfc822"
    assert request.headers["content-length"] == str(len(MESSAGE))
    assert request.headers["host"] == scanner.endpoint.removeprefix("http://")
    assert 8000 < int(request.headers["couriergate-deadline-ms"]) <= 9000
    assert re.fullmatch(r"[0-9a-f]{32}", request.headers["idempotency-key"])
    assert "authorization" not in request.headers
    assert "transfer-encoding" not in request.headers
    assert request.envelope() == ENVELOPE
    assert request.message() == MESSAGE


@pytest.mark.parametrize("envelope", [ENVELOPE, LONG_ENVELOPE], ids=["header", "form"])
def test_the_token_goes_with_the_question(envelope: Any) -> None:
    with FakeScanner() as scanner:
        judge(scanner.endpoint, envelope=envelope, asking=Asking(token="s3cret"))

    assert scanner.heard[0].headers["authorization"] == "Bearer s3cret"


def test_each_question_has_a_key_of_its_own() -> None:
    with FakeScanner() as scanner:
        judge_in_turn(scanner.endpoint, messages=[MESSAGE, MESSAGE])

    assert scanner.heard[0].headers["idempotency-key"] != scanner.heard[1].headers["idempotency-key"]


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        READ_WHOLE_BELOW_BYTES - 1,
        READ_WHOLE_BELOW_BYTES,
        CONTINUE_ABOVE_BYTES,
        CONTINUE_ABOVE_BYTES + 1,
        3_000_000,
    ],
)
@pytest.mark.parametrize("envelope", [ENVELOPE, LONG_ENVELOPE], ids=["header", "form"])
def test_the_bytes_of_the_message_arrive_as_they_are(unix_path: Path | None, envelope: Any, size: int) -> None:
    message = os.urandom(size)

    with FakeScanner(unix_path=unix_path) as scanner:
        judge(scanner.endpoint, message=message, envelope=envelope)

    (request,) = scanner.heard
    assert request.message() == message
    assert request.envelope() == envelope
    assert ("expect" in request.headers) == (int(request.headers["content-length"]) > CONTINUE_ABOVE_BYTES)


@pytest.mark.parametrize(
    "message", [b"\r\n", b"\r\n--", b"a\r\n--boundary--\r\n", b"\0\x0c\x85\r\r\n\xff", b"no line feed"]
)
def test_a_form_carries_bytes_that_look_like_its_own(message: bytes) -> None:
    with FakeScanner() as scanner:
        judge(scanner.endpoint, message=message, envelope=LONG_ENVELOPE)

    assert scanner.heard[0].message() == message


@pytest.mark.parametrize(("json_bytes", "is_form"), [(6143, False), (6144, False), (6145, True)])
def test_an_envelope_goes_in_the_header_as_long_as_it_fits(json_bytes: int, is_form: bool) -> None:
    envelope = envelope_of_bytes(json_bytes)

    with FakeScanner() as scanner:
        judge(scanner.endpoint, envelope=envelope)

    assert (len(encode_envelope_header(envelope)) > 8192) == is_form
    assert [request.is_form for request in scanner.heard] == [is_form]
    assert scanner.heard[0].envelope() == envelope


@pytest.mark.parametrize("status", [400, 431])
def test_a_header_that_is_refused_on_the_way_goes_as_a_form(status: int) -> None:
    with FakeScanner(usual=refuse_the_header_form(status)) as scanner:
        verdict = judge(scanner.endpoint).verdict

    assert verdict == DECISION
    assert [request.is_form for request in scanner.heard] == [False, True]
    assert len({request.headers["idempotency-key"] for request in scanner.heard}) == 1


@pytest.mark.parametrize("status", [400, 431])
def test_a_form_that_is_refused_too_is_not_asked_again(status: int) -> None:
    with (
        FakeScanner(usual=answer(status, b"bad envelope")) as scanner,
        pytest.raises(QuestionRefusedError) as refusal,
    ):
        judge(scanner.endpoint, scanner.endpoint)

    assert str(refusal.value) == f"{scanner.endpoint}: {status} bad envelope"
    assert len(scanner.heard) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 405, 409, 415, 422])
def test_a_refused_question_is_asked_once(status: int) -> None:
    with (
        FakeScanner(usual=answer(status, b"no \x1b[31mtoken")) as scanner,
        pytest.raises(QuestionRefusedError) as refusal,
    ):
        judge(scanner.endpoint, scanner.endpoint)

    assert str(refusal.value) == rf"{scanner.endpoint}: {status} no \x1b[31mtoken"
    assert len(scanner.heard) == 1


def test_too_big_is_told_and_asked_once() -> None:
    with (
        FakeScanner(usual=answer(413, b"want at most 5 bytes")) as scanner,
        pytest.raises(MessageTooBigError, match="413 want at most 5 bytes"),
    ):
        judge(scanner.endpoint, scanner.endpoint)

    assert len(scanner.heard) == 1


@pytest.mark.parametrize("failure", (FAILURES | OVERLOADS).values(), ids=FAILURES | OVERLOADS)
def test_the_next_scanner_is_asked_when_one_fails(failure: Act) -> None:
    with FakeScanner(usual=failure) as broken, FakeScanner() as good:
        given_answer = judge(broken.endpoint, good.endpoint)

    assert given_answer.scanner == good.endpoint
    assert given_answer.verdict == DECISION
    keys = {request.headers["idempotency-key"] for request in [*broken.heard, *good.heard]}
    assert len(keys) == 1
    assert broken.connections == 1


def test_the_next_scanner_is_asked_when_one_is_down() -> None:
    with nobody_listening() as down, FakeScanner() as good:
        assert judge(down, good.endpoint).scanner == good.endpoint


def test_the_next_scanner_is_asked_when_a_socket_is_missing(tmp_path: Path) -> None:
    with FakeScanner() as good:
        assert judge(f"unix:{tmp_path}/none", good.endpoint).scanner == good.endpoint


@pytest.mark.parametrize("failure", ["hangs up at once", "hangs up after the request", "half a body", "500", "{}"])
def test_the_only_scanner_is_asked_again(failure: str) -> None:
    with FakeScanner([FAILURES[failure], hang_up_at_once]) as scanner:
        given_answer = judge(scanner.endpoint)

    assert given_answer.verdict == DECISION
    assert len({request.headers["idempotency-key"] for request in scanner.heard}) == 1


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_question_that_failed_twice_is_given_up_for_it_may_be_what_breaks_the_scanners(failure: Act) -> None:
    with (
        FakeScanner(usual=failure) as one,
        FakeScanner(usual=failure) as other,
        FakeScanner() as never_asked,
        pytest.raises(ScannerUnavailableError) as refusal,
    ):
        judge(one.endpoint, other.endpoint, never_asked.endpoint)

    assert (one.connections, other.connections, never_asked.connections) == (1, 1, 0)
    assert str(refusal.value).startswith(f"{one.endpoint}: ")
    assert f"; {other.endpoint}: " in str(refusal.value)


def test_a_question_that_failed_twice_is_given_up_by_the_only_scanner_too() -> None:
    with FakeScanner(usual=hang_up_after_the_request) as scanner, pytest.raises(ScannerUnavailableError) as refusal:
        judge(scanner.endpoint, retry_seconds=5.0)

    assert len(scanner.heard) == 2
    assert str(refusal.value) == f"{scanner.endpoint}: connection closed by the scanner"


def test_a_message_that_breaks_the_scanner_is_asked_twice_also_on_a_kept_connection() -> None:
    breaks = [hang_up_after_the_request]

    with (
        FakeScanner([give_verdict(), *breaks], breaks, breaks, breaks) as scanner,
        pytest.raises(ScannerUnavailableError),
    ):
        judge_in_turn(scanner.endpoint, messages=[MESSAGE, b"breaks the scanner"])

    assert [request.body for request in scanner.heard] == [MESSAGE] + [b"breaks the scanner"] * 2


@pytest.mark.parametrize("overload", OVERLOADS.values(), ids=OVERLOADS)
def test_a_question_that_nobody_took_is_asked_until_somebody_does(overload: Act) -> None:
    with FakeScanner([overload] * 3) as scanner:
        given_answer = judge(scanner.endpoint, retry_seconds=5.0)

    assert given_answer.verdict == DECISION
    assert len(scanner.heard) == 4
    assert len({request.headers["idempotency-key"] for request in scanner.heard}) == 1


def test_a_scanner_that_comes_up_in_time_is_waited_for(tmp_path: Path) -> None:
    async def ask_before_it_is_up() -> Decision:
        async with client_of(f"unix:{tmp_path}/late", retry_seconds=5.0) as client:
            question = asyncio.create_task(ask(client))
            await asyncio.sleep(0.2)
            with FakeScanner(unix_path=tmp_path / "late"):
                return (await question).verdict

    assert asyncio.run(ask_before_it_is_up()) == DECISION


def test_nobody_taking_the_question_is_told_after_retry_seconds() -> None:
    with nobody_listening() as one, nobody_listening() as other:
        seconds, error = _time_to_fail(ScannerUnavailableError, one, other, retry_seconds=0.5)

    assert 0.05 < seconds < 1.5
    assert error == f"{one}: {_refused(one)}; {other}: {_refused(other)}"


def test_the_pause_that_the_scanner_asks_for_is_kept_and_taken_off_the_deadline() -> None:
    with FakeScanner([answer(429, Retry_After="1")]) as scanner:
        started = time.monotonic()
        judge(scanner.endpoint, deadline_seconds=5.0, retry_seconds=3.0)

    assert 0.9 < time.monotonic() - started < 3.0
    first, second = (int(request.headers["couriergate-deadline-ms"]) for request in scanner.heard)
    assert second < first - 900


@pytest.mark.parametrize("wait", ["30", "99999"])
def test_a_pause_beyond_the_patience_is_not_waited_for(wait: str) -> None:
    with FakeScanner(usual=answer(503, Retry_After=wait)) as scanner:
        seconds, _ = _time_to_fail(ScannerUnavailableError, scanner.endpoint, retry_seconds=5.0)

    assert seconds < 1.5
    assert len(scanner.heard) == 1


@pytest.mark.parametrize("wait", ["", "soon", "-1", "1e9", "9" * 100, "Sun, 22 Nov 2026 17:00:00 GMT"])
def test_a_pause_that_cannot_be_read_is_ours(wait: str) -> None:
    with FakeScanner([answer(503, Retry_After=wait)]) as scanner:
        started = time.monotonic()
        judge(scanner.endpoint)

    assert time.monotonic() - started < 1.0


def test_the_other_scanner_does_not_wait_for_the_pause_of_the_first() -> None:
    with FakeScanner(usual=answer(503, Retry_After="5")) as busy, FakeScanner() as good:
        started = time.monotonic()
        judge(busy.endpoint, good.endpoint)

    assert time.monotonic() - started < 2.0


def test_questions_go_round_the_scanners() -> None:
    with FakeScanner() as one, FakeScanner() as other:
        answers = judge_in_turn(one.endpoint, other.endpoint, messages=[MESSAGE] * 4)

    assert [given.scanner for given in answers] == [one.endpoint, other.endpoint] * 2


@pytest.mark.parametrize("hanging", [be_silent, never_read])
def test_a_scanner_that_hangs_is_given_up_when_there_is_another(hanging: Act) -> None:
    with FakeScanner(usual=hanging) as hung, FakeScanner() as good:
        started = time.monotonic()
        given_answer = judge(hung.endpoint, good.endpoint, deadline_seconds=60.0)

    assert given_answer.scanner == good.endpoint
    assert PATIENCE_SECONDS < time.monotonic() - started < 20.0


def test_a_scanner_that_takes_long_and_lives_is_waited_for() -> None:
    async def work_long(talk: Talk) -> None:
        head = await talk.hear_head()
        if head.line.startswith("GET /livez"):
            await answer(200)(talk)
            return
        await asyncio.sleep(2.5 * PATIENCE_SECONDS)
        await give_verdict()(talk)

    with FakeScanner(usual=work_long) as busy, FakeScanner() as other:
        given_answer = judge(busy.endpoint, other.endpoint, deadline_seconds=60.0)

    assert given_answer.scanner == busy.endpoint
    assert not other.heard


def test_a_scanner_that_fails_again_and_again_is_spared() -> None:
    with FakeScanner(usual=answer(500)) as sick, FakeScanner() as good:
        answers = judge_in_turn(sick.endpoint, good.endpoint, messages=[MESSAGE] * 20)

    assert {given.scanner for given in answers} == {good.endpoint}
    assert len(sick.heard) == FAILURES_BEFORE_REST


def test_a_scanner_that_rests_is_asked_when_there_is_no_other() -> None:
    async def run(endpoint: str) -> None:
        async with client_of(endpoint) as client:
            for _ in range(FAILURES_BEFORE_REST):
                with pytest.raises(ScannerUnavailableError):
                    await ask(client)
            assert (await ask(client)).verdict == DECISION

    with FakeScanner([answer(500)] * 2 * FAILURES_BEFORE_REST) as scanner:
        asyncio.run(run(scanner.endpoint))


def test_the_least_busy_scanner_is_asked() -> None:
    async def run(slow: str, quick: str) -> list[str]:
        async with client_of(slow, quick) as client, asyncio.TaskGroup() as group:
            held = [group.create_task(ask(client)) for _ in range(2)]
            await asyncio.sleep(0.3)  # one is answered, the other one waits
            quickly = [(await ask(client)).scanner for _ in range(5)]
            assert sum(task.done() for task in held) == 1
            return quickly

    async def take_a_while(talk: Talk) -> None:
        await talk.hear_head()
        await asyncio.sleep(1.5)
        await give_verdict()(talk)

    with FakeScanner(usual=take_a_while) as slow, FakeScanner() as quick:
        assert set(asyncio.run(run(slow.endpoint, quick.endpoint))) == {quick.endpoint}


def test_one_message_more_than_can_be_in_hand_is_too_many() -> None:
    async def run(endpoint: str) -> None:
        async with client_of(endpoint) as client:
            asking = [asyncio.create_task(ask(client, deadline_seconds=1.0)) for _ in range(MOST_IN_HAND)]
            await asyncio.sleep(0)
            with pytest.raises(TooBusyError):
                await ask(client)
            await asyncio.wait(asking)
            for task in asking:
                assert isinstance(task.exception(), ScannerUnavailableError)

    with nobody_listening() as endpoint:
        asyncio.run(run(endpoint))


def test_a_message_can_be_named_by_its_path() -> None:
    with FakeScanner() as scanner:
        scanner.usual = _answer_by_path
        given_answer = judge(scanner.endpoint, asking=Asking(send=Send.PATH))

    request = json.loads(scanner.heard[0].body)
    assert given_answer.verdict == DECISION
    assert scanner.heard[0].headers["content-type"] == "application/json"
    assert list(request) == ["message_path", "envelope"]
    assert request["message_path"].startswith("/")
    assert request["envelope"] == json.loads(encode_envelope(ENVELOPE))


async def _answer_by_path(talk: Talk) -> None:
    await answer(200, VERDICT_JSON)(talk)


def test_a_peer_that_knows_no_100_continue_gets_the_body_at_once() -> None:
    async def refuse_to_expect(talk: Talk) -> None:
        head = await talk.hear_head()
        if "expect" in head.headers:
            await talk.say(http_answer(417, b"", Connection="close"))
            talk.hang_up()
        else:
            await give_verdict()(talk)

    with FakeScanner(usual=refuse_to_expect) as scanner:
        answers = judge_in_turn(scanner.endpoint, messages=[bytes(CONTINUE_ABOVE_BYTES + 1)] * 2)

    assert [given.verdict for given in answers] == [DECISION] * 2
    assert scanner.connections == 2  # one for the refusal, and one that carries both messages


@pytest.mark.parametrize("size", [10, 20_000_000])
@pytest.mark.parametrize("silence", [be_silent, never_read])
def test_the_deadline_is_kept_when_the_scanner_is_silent(silence: Act, size: int) -> None:
    with FakeScanner([silence], [silence]) as scanner:
        seconds, error = _time_to_fail(
            ScannerUnavailableError, scanner.endpoint, message=bytes(size), deadline_seconds=0.2
        )

    assert 0.2 <= seconds < 1.5
    assert "no verdict before the deadline" in error


def test_the_deadline_is_kept_while_an_answer_drips() -> None:
    async def drip(talk: Talk) -> None:
        await talk.hear()
        for byte in http_answer(200, VERDICT_JSON):
            await talk.say(bytes([byte]))
            await asyncio.sleep(0.05)

    with FakeScanner(usual=drip) as scanner:
        seconds, _ = _time_to_fail(ScannerUnavailableError, scanner.endpoint, deadline_seconds=0.2)

    assert seconds < 1.5


def test_the_deadline_is_kept_while_retrying() -> None:
    with nobody_listening() as down:
        seconds, error = _time_to_fail(ScannerUnavailableError, down, deadline_seconds=0.2, retry_seconds=20.0)

    assert 0.2 <= seconds < 1.5
    assert "Connect call failed" in error or "refused" in error


def test_a_deadline_that_has_passed_is_told_at_once() -> None:
    with FakeScanner() as scanner:
        seconds, _ = _time_to_fail(ScannerUnavailableError, scanner.endpoint, deadline_seconds=-1.0)

    assert seconds < 0.5


def _with_recipients(*addresses: str) -> Callable[[Verdict], Verdict]:
    def change(verdict: Verdict) -> Verdict:
        like = verdict.recipients[0]
        return replace(verdict, recipients=tuple(replace(like, address=address) for address in addresses))

    return change


@pytest.mark.parametrize(
    "addresses",
    [
        (),
        ("alice@test.example",),
        ("bob@test.example", "alice@test.example"),
        ("alice@test.example", "bob@test.example", "bob@test.example"),
        ("alice@test.example", "Bob@test.example"),
        ("alice@test.example", "eve@test.example"),
    ],
)
def test_a_verdict_on_other_recipients_is_none(addresses: tuple[str, ...]) -> None:
    with (
        FakeScanner(usual=give_verdict(_with_recipients(*addresses))) as scanner,
        pytest.raises(ScannerUnavailableError, match="its recipients are not those of the envelope"),
    ):
        judge(scanner.endpoint, scanner.endpoint)

    assert len(scanner.heard) == 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("destiny",), "quarantine"),
        (("destiny",), None),
        (("recipients", 1, "destiny"), "accept"),
        (("reply", "code"), 50),
        (("reply", "code"), "200"),
        (("reply", "text"), "Ok\n"),
        (("mail_id",), 7),
        (("decided_by",), None),
        (("added_recipients",), [7]),
        (("header_edits",), [{"action": "replace", "name": "Subject"}]),
    ],
)
def test_a_verdict_that_is_not_understood_is_none(path: tuple[str | int, ...], value: object) -> None:
    fields = json.loads(VERDICT_JSON)
    holder = fields
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value

    with (
        FakeScanner(usual=answer(200, json.dumps(fields).encode())) as scanner,
        pytest.raises(ScannerUnavailableError, match="malformed verdict"),
    ):
        judge(scanner.endpoint, scanner.endpoint)

    assert len(scanner.heard) == 2


@pytest.mark.parametrize("size", [1_000, 400_000, 600_000, 5_000_000])
@pytest.mark.parametrize("envelope", [ENVELOPE, LONG_ENVELOPE], ids=["header", "form"])
def test_an_answer_before_the_body_is_sent_counts(envelope: Any, size: int) -> None:
    with FakeScanner(usual=answer_before_the_body(413, read_on=True)) as scanner, pytest.raises(MessageTooBigError):
        judge(scanner.endpoint, message=bytes(size), envelope=envelope)

    assert scanner.connections == 1


# Between these sizes the body is under way when the scanner closes, and what it said may be lost with it.
@pytest.mark.parametrize("size", [1_000, CONTINUE_ABOVE_BYTES + 1, 5_000_000])
def test_an_answer_before_the_body_is_read_counts_though_the_scanner_closes(size: int) -> None:
    with FakeScanner(usual=answer_before_the_body(413, read_on=False)) as scanner, pytest.raises(MessageTooBigError):
        judge(scanner.endpoint, message=bytes(size))

    assert scanner.connections == 1


def test_one_connection_carries_one_question_after_another(unix_path: Path | None) -> None:
    with FakeScanner(unix_path=unix_path) as scanner:
        answers = judge_in_turn(scanner.endpoint, messages=[MESSAGE, b"", bytes(600_000), bytes(300_000), MESSAGE])

    assert [given.verdict for given in answers] == [DECISION] * 5
    assert [len(request.body) for request in scanner.heard] == [len(MESSAGE), 0, 600_000, 300_000, len(MESSAGE)]
    assert scanner.connections == 1


@pytest.mark.parametrize("closing", [hang_up_at_once, hang_up_on_the_head], ids=["between", "on the next request"])
def test_a_kept_connection_that_the_scanner_closes_costs_no_verdict(closing: Act) -> None:
    with FakeScanner([give_verdict(), closing]) as scanner:
        answers = judge_in_turn(scanner.endpoint, messages=[MESSAGE, MESSAGE])

    assert [given.verdict for given in answers] == [DECISION] * 2
    assert scanner.connections == 2


def test_an_answer_that_nobody_asked_for_is_never_a_verdict_on_another_mail() -> None:
    twice = http_answer(200, VERDICT_JSON) + http_answer(200, VERDICT_JSON)

    async def answer_twice(talk: Talk) -> None:
        await talk.hear()
        await talk.say(twice)

    with FakeScanner([answer_twice, be_silent]) as scanner:
        judge_in_turn(scanner.endpoint, messages=[b"one", b"another"])

    assert [request.body for request in scanner.heard] == [b"one", b"another"]
    assert scanner.connections == 2


def test_a_scanner_whose_backlog_is_full_is_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "full"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(str(path))
        listener.listen(0)
        waiting.connect(str(path))

        seconds, _ = _time_to_fail(ScannerUnavailableError, f"unix:{path}", deadline_seconds=1.0)

    assert seconds < 2.0


def test_a_plain_scanner_asked_over_tls_is_no_verdict() -> None:
    async def not_http(talk: Talk) -> None:
        await talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        talk.hang_up()

    with FakeScanner(*[[not_http]] * 99) as scanner:
        secure = scanner.endpoint.replace("http://", "https://")
        seconds, error = _time_to_fail(ScannerUnavailableError, secure, deadline_seconds=2.0)

    assert seconds < 1.5
    assert error.startswith(f"{secure}: [SSL")


_heads = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 0",
            b"Content-Length: 2",
            b"Content-Type: \xff; charset=\x80",
            b"Content-Encoding: gzip",
            b"Location: //\xff:x",
            b"Location: http://[",
            b"Location: ",
            b"Set-Cookie: a=\xff; expires=never; domain=[",
            b"Retry-After: \xb2",
            b"Retry-After: 0",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
        ]
    ),
    unique=True,
)


@settings(max_examples=60)
@given(st.sampled_from([200, 204, 301, 302, 307, 400, 401, 413, 429, 431, 500, 503, 599, 999]), _heads, st.binary())
def test_whatever_is_answered_is_a_refusal_that_the_shim_knows(status: int, head: list[bytes], body: bytes) -> None:
    said = b"\r\n".join([b"HTTP/1.1 %d X" % status, *head, b"", body])

    with (
        FakeScanner(usual=babble(said)) as scanner,
        pytest.raises((ScannerUnavailableError, QuestionRefusedError, MessageTooBigError)) as refusal,
    ):
        judge(scanner.endpoint, scanner.endpoint, retry_seconds=0.05)

    assert str(refusal.value).isprintable()


def test_no_connection_and_no_descriptor_is_left_after_many_mixed_exchanges(tmp_path: Path) -> None:
    async def ask_all(*scanners: str) -> int:
        verdicts = 0
        async with client_of(*scanners, retry_seconds=0.05) as client:
            for turn in range(25):
                questions = [
                    ask(
                        client,
                        bytes(1000 if number % 2 else 600_000),
                        LONG_ENVELOPE if number % 3 else ENVELOPE,
                        deadline_seconds=0.02 if turn % 5 == 4 else 5.0,
                    )
                    for number in range(8)
                ]
                for outcome in await asyncio.gather(*questions, return_exceptions=True):
                    if isinstance(outcome, BaseException):
                        assert isinstance(outcome, (ScannerUnavailableError, MessageTooBigError)), outcome
                    else:
                        verdicts += 1
            assert len(open_descriptors()) < before + 80
        return verdicts

    failures = [*FAILURES.values(), *OVERLOADS.values(), answer_before_the_body(413, read_on=False)]
    scripts = [[give_verdict(), failure] for failure in failures]
    asyncio.run(asyncio.sleep(0))
    before = len(open_descriptors())

    with FakeScanner(*scripts) as one, FakeScanner(*scripts, unix_path=tmp_path / "scanner") as other:
        verdicts = asyncio.run(ask_all(one.endpoint, other.endpoint))

    assert 100 < verdicts < 200
    assert len(open_descriptors()) == before


def _time_to_fail(kind: type[Exception], *scanners: str, **question: Any) -> tuple[float, str]:
    """Ask, and return the seconds that the refusal took, and what it said."""
    started = time.monotonic()
    with pytest.raises(kind) as refusal:
        judge(*scanners, **question)
    return time.monotonic() - started, str(refusal.value)


def _refused(endpoint: str) -> str:
    return f"Connect call failed ('127.0.0.1', {endpoint.rpartition(':')[2]})"
