"""Observe mode through the real program: nobody is refused or misses a mail; the log says what would have been."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from shim.carry_out import VerdictNotCarriedOutError, changes_nothing
from shim.observe import observed
from shim.pause import begin_pause, pause_path
from shim.probe import probe_file, probe_senders
from tests.fakes.courier_queue import MESSAGE, QUEUE_ID, control_file
from tests.fakes.scanner import Act, FakeScanner, Talk, answer, give_verdict, nobody_listening
from tests.fakes.shim_program import LogLine, MailHost, ShimProgram
from tests.fakes.submit import connect, read_reply, submit
from tests.fakes.verdicts import CLEAN_REPLY, VIRUS_REPLY, verdict_on
from tests.shim.verdict_changes import for_all, rejecting
from tests.verdict_api.wire_values import verdicts
from verdict_api.envelope import Envelope, Recipient
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit, Verdict

OK = b"200 2.0.0 Ok\n"
NOT_CHECKED = "451 4.3.0 Message could not be checked, try again later"
TOO_BIG = "552 5.3.4 Message too big for the mail filter"
LATER = SmtpReply(451, "4.7.1", "Content check not complete, id=b7kQ2sX9aLmP")
NO_VERDICT = b"X-Couriergate-Unscanned: no verdict\n"
TAG = HeaderEdit(HeaderAction.ADD, "X-Couriergate-Alert", "virus")
TAGGED = b"X-Couriergate-Alert: virus\n" + MESSAGE
TWO = control_file(recipients=(b"alice@test.example", b"bob@test.example"))
LIMIT_BYTES = 5000

Change = Callable[[Verdict], Verdict]


class ObservedHost:
    """A mail host whose shim observes, and a scanner that does as each test tells it."""

    def __init__(self, host: MailHost, shim: ShimProgram, scanner: FakeScanner) -> None:
        self.scanner = scanner
        self.pause_file = pause_path(host.filter_socket)
        self.probe_file = probe_file(host.filter_socket)
        self._host = host
        self._shim = shim
        self._seen = 0

    def start_over(self) -> None:
        self.scanner.usual = give_verdict()
        self.scanner.heard.clear()
        self.new_lines()

    def new_lines(self) -> list[LogLine]:
        lines = self._shim.log()
        new, self._seen = lines[self._seen :], len(lines)
        return new

    def send(self, message: bytes = MESSAGE, control: bytes = TWO) -> "Passed":
        request = self._host.queue.put(message, control)
        reply = submit(self._host.filter_socket, request)
        data, control_path = _paths(request)
        (line,) = self.new_lines()
        return Passed(reply, data.read_bytes(), control_path.read_bytes().removeprefix(control), line)

    def answer_to(self, request: bytes) -> bytes:
        return submit(self._host.filter_socket, request)

    def put(self) -> bytes:
        return self._host.queue.put()


class Passed:
    """What became of one message: the reply, its bytes, what was appended to its control file, and its log line."""

    def __init__(self, reply: bytes, message: bytes, records: bytes, line: LogLine) -> None:
        self.reply = reply
        self.message = message
        self.records = records
        self.level = line.level
        self.fields = line.fields


def _paths(request: bytes) -> tuple[Path, Path]:
    data, control = request.split(b"\n")[:2]
    return Path(os.fsdecode(data)), Path(os.fsdecode(control))


@pytest.fixture(scope="module")
def observed_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedHost]:
    host = MailHost(tmp_path_factory.mktemp("host"))
    with FakeScanner() as scanner:
        host.set_up([scanner.endpoint], observe=True, max_message_bytes=LIMIT_BYTES, retry_seconds=0.2)
        with ShimProgram(host) as shim:
            yield ObservedHost(host, shim, scanner)


@pytest.fixture
def host(observed_host: ObservedHost) -> ObservedHost:
    observed_host.start_over()
    return observed_host


def test_the_service_is_told_that_nothing_will_be_refused(host: ObservedHost) -> None:
    passed = host.send()

    (request,) = host.scanner.heard
    assert request.envelope().observe
    assert (passed.reply, passed.message, passed.records) == (OK, MESSAGE, b"")
    assert passed.fields["observe"] == "yes"
    assert not {"would_be", "unfiltered"} & set(passed.fields)


def _would_be(change: Change) -> Change:
    """Answer as a service does that knows observe mode."""
    return lambda verdict: replace(verdict, header_edits=(TAG,), would_be=change(verdict))


def _tagged(change: Change) -> Change:
    """Answer as a service does that has never heard of it."""
    return lambda verdict: replace(change(verdict), header_edits=(TAG,))


@pytest.mark.parametrize("service", [_would_be, _tagged], ids=["service that observes", "old service"])
@pytest.mark.parametrize("reply", [VIRUS_REPLY, SmtpReply(552, "5.3.4", "too big")])
def test_a_virus_is_delivered_tagged_and_logged_as_what_it_would_be(
    host: ObservedHost, service: Callable[[Change], Change], reply: SmtpReply
) -> None:
    host.scanner.usual = give_verdict(service(lambda verdict: for_all(verdict, Destiny.REJECT, reply)))

    passed = host.send()

    assert (passed.reply, passed.message, passed.records) == (OK, TAGGED, b"")
    assert passed.level == "INFO"
    assert passed.fields["would_be"] == str(reply)
    assert passed.fields["destiny"] == "pass"
    assert passed.fields["mail_id"] == "b7kQ2sX9aLmP"
    assert "unfiltered" not in passed.fields


def _mixed(verdict: Verdict) -> Verdict:
    first, second = verdict.recipients
    return replace(
        verdict,
        recipients=(
            replace(first, replaced_by="carol@test.example"),
            replace(second, destiny=Destiny.DISCARD),
        ),
        added_recipients=("dave@test.example",),
    )


def _discarding(verdict: Verdict) -> Verdict:
    return for_all(verdict, Destiny.DISCARD, CLEAN_REPLY)


def _bouncing(verdict: Verdict) -> Verdict:
    recipients = tuple(replace(one, destiny=Destiny.BOUNCE, reply=VIRUS_REPLY) for one in verdict.recipients)
    return replace(verdict, destiny=Destiny.BOUNCE, recipients=recipients)


@pytest.mark.parametrize("service", [_would_be, _tagged], ids=["service that observes", "old service"])
@pytest.mark.parametrize(
    ("change", "would_be"),
    [
        (_discarding, {"discarded": "<alice@test.example>,<bob@test.example>"}),
        (_bouncing, {"bounced": "<alice@test.example>,<bob@test.example>"}),
        (
            _mixed,
            {
                "discarded": "<bob@test.example>",
                "replaced": "<alice@test.example>",
                "added": "<carol@test.example>,<dave@test.example>",
            },
        ),
    ],
)
def test_no_recipient_is_taken_out_replaced_or_added(
    host: ObservedHost, service: Callable[[Change], Change], change: Change, would_be: dict[str, str]
) -> None:
    host.scanner.usual = give_verdict(service(change))

    passed = host.send()

    assert (passed.reply, passed.message, passed.records) == (OK, TAGGED, b"")
    assert passed.fields["would_be"] == str(CLEAN_REPLY)
    said = {name: value for name, value in passed.fields.items() if name.startswith("would_be_")}
    assert said == {f"would_be_{name}": value for name, value in would_be.items()}
    assert not {"discarded", "bounced", "replaced", "added"} & set(passed.fields)


_ONE_REJECTED: Change = lambda verdict: replace(  # noqa: E731
    verdict, recipients=(replace(verdict.recipients[0], destiny=Destiny.REJECT), verdict.recipients[1])
)
_NO_VERDICT: dict[str, tuple[Act, str]] = {
    "service that cannot look": (give_verdict(lambda verdict: for_all(verdict, Destiny.TEMPFAIL, LATER)), str(LATER)),
    "busy": (answer(503), NOT_CHECKED),
    "broken": (answer(500), NOT_CHECKED),
    "refuses the token": (answer(401), NOT_CHECKED),
    "speaks another language": (answer(200, b"{}"), NOT_CHECKED),
    "a would_be that is none": (
        answer(200, b'{"mail_id":"x","destiny":"pass","would_be":{"destiny":"pass"}}'),
        NOT_CHECKED,
    ),
    "other recipients": (give_verdict(lambda verdict: replace(verdict, recipients=())), NOT_CHECKED),
    "one rejected and 200": (give_verdict(_ONE_REJECTED), NOT_CHECKED),
    "pass and 550": (give_verdict(lambda verdict: for_all(verdict, Destiny.PASS, VIRUS_REPLY)), NOT_CHECKED),
    "pass and 451": (give_verdict(lambda verdict: for_all(verdict, Destiny.PASS, LATER)), NOT_CHECKED),
    "discard and 550": (give_verdict(lambda verdict: for_all(verdict, Destiny.DISCARD, VIRUS_REPLY)), NOT_CHECKED),
    "an edit that is none": (
        give_verdict(lambda verdict: replace(verdict, header_edits=(replace(TAG, value="a\nBcc: b"),))),
        NOT_CHECKED,
    ),
}


@pytest.mark.parametrize(("act", "would_be"), _NO_VERDICT.values(), ids=_NO_VERDICT)
def test_without_a_verdict_that_can_be_believed_mail_passes_marked(
    host: ObservedHost, act: Act, would_be: str
) -> None:
    host.scanner.usual = act

    passed = host.send()

    assert (passed.reply, passed.message, passed.records) == (OK, NO_VERDICT + MESSAGE, b"")
    assert passed.fields["would_be"] == would_be
    assert (passed.fields["observe"], passed.fields["unfiltered"]) == ("yes", "yes")
    assert not {"discarded", "bounced", "replaced", "added"} & set(passed.fields)


@pytest.mark.parametrize("told_by", ["limit", "scanner"])
def test_what_is_too_big_passes_marked(host: ObservedHost, told_by: str) -> None:
    host.scanner.usual = answer(413)
    message = MESSAGE + b"x" * LIMIT_BYTES if told_by == "limit" else MESSAGE

    passed = host.send(message)

    assert (passed.reply, passed.message) == (OK, b"X-Couriergate-Unscanned: too big\n" + message)
    assert passed.fields["would_be"] == TOO_BIG


@pytest.mark.parametrize(
    "control", [b"", b"garbage", random.Random(1).randbytes(3000)], ids=["empty", "word", "noise"]
)
def test_a_control_file_of_garbage_keeps_no_mail_back(host: ObservedHost, control: bytes) -> None:
    passed = host.send(control=control)

    assert (passed.reply, passed.message, passed.records) == (OK, NO_VERDICT + MESSAGE, b"")
    assert passed.fields["would_be"] == NOT_CHECKED
    assert passed.level == "ERR"


@pytest.mark.parametrize("request_bytes", [b"\n\n", b"tmp/D1\ntmp/C1\n\n", b"/nowhere/D\n/nowhere/C\n\n"])
def test_what_cannot_even_be_read_passes_unmarked(host: ObservedHost, request_bytes: bytes) -> None:
    reply = host.answer_to(request_bytes)

    assert reply == OK
    (line,) = host.new_lines()
    assert line.level == "ERR"
    assert line.fields["would_be"] == NOT_CHECKED
    assert line.fields["unfiltered"] == "yes"


def test_a_message_that_cannot_be_changed_passes_as_it_is(host: ObservedHost) -> None:
    host.scanner.usual = give_verdict(_tagged(rejecting))
    request = host.put()
    data, _ = _paths(request)
    Path(f"{data}.couriergate").mkdir()  # where the new file would be made

    reply = host.answer_to(request)

    assert (reply, data.read_bytes()) == (OK, MESSAGE)
    (line,) = host.new_lines()
    assert line.level == "ERR"
    assert "; not marked: " in line.fields["problem"]
    assert line.fields["would_be"] == NOT_CHECKED


def test_nobody_gets_a_probe_all_the_same(host: ObservedHost) -> None:
    host.scanner.usual = give_verdict(_would_be(rejecting))
    with probe_senders(host.probe_file, "mx.test.example", None) as new_sender:
        found = host.send(control=control_file(new_sender().encode()))
        host.scanner.usual = answer(500)
        not_asked = host.send(control=control_file(new_sender().encode()))

    prefix = b"450 4.7.0 Couriergate probe passed in observe mode, nobody gets it; it would be: "
    assert found.reply == prefix + f"{VIRUS_REPLY}\n".encode()
    assert not_asked.reply == f"{NOT_CHECKED}\n".encode()
    assert found.message == not_asked.message == MESSAGE


def test_during_a_pause_mail_passes_as_it_does_then(host: ObservedHost) -> None:
    begin_pause(host.pause_file, 60)
    try:
        passed = host.send()
    finally:
        host.pause_file.unlink()

    assert passed.message == b"X-Couriergate-Unscanned: paused\n" + MESSAGE
    assert "would_be" not in passed.fields


def test_what_a_scanner_says_of_it_writes_no_line_of_the_log(host: ObservedHost) -> None:
    reply = SmtpReply(550, "5.7.1", r'INFECTED: " observe=no \x0a queue_id=forged')
    host.scanner.usual = give_verdict(_would_be(lambda verdict: for_all(verdict, Destiny.REJECT, reply)))

    passed = host.send()

    assert passed.fields["would_be"] == r"550 5.7.1 INFECTED: \x22 observe=no \x5cx0a queue_id=forged"
    assert (passed.fields["queue_id"], passed.fields["observe"]) == (QUEUE_ID, "yes")


# Other hosts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken", ["scanners = 1", "observed = true", "["], ids=["wrong value", "unknown name", "no TOML"]
)
def test_settings_that_break_refuse_nothing_as_long_as_they_say_observe(mail_host: MailHost, broken: str) -> None:
    mail_host.set_up(["http://127.0.0.1:1"], observe=True)
    with mail_host.settings_file.open("a") as settings:
        settings.write(f"{broken}\n")
    with ShimProgram(mail_host) as shim:
        request = mail_host.queue.put()

        reply = submit(mail_host.filter_socket, request)

    data, _ = _paths(request)
    line = next(line for line in shim.log() if "queue_id" in line.fields)
    assert (reply, data.read_bytes()) == (OK, NO_VERDICT + MESSAGE)
    assert line.fields["would_be"] == NOT_CHECKED


def test_the_end_of_the_shim_refuses_no_mail_in_its_hands(mail_host: MailHost) -> None:
    async def never_answer(talk: Talk) -> None:
        await talk.hear()
        await asyncio.sleep(60)

    with FakeScanner(usual=never_answer) as scanner, ExitStack() as stack:
        mail_host.set_up([scanner.endpoint], observe=True)
        shim = stack.enter_context(ShimProgram(mail_host))
        connection = stack.enter_context(connect(mail_host.filter_socket))
        request = mail_host.queue.put()
        with ThreadPoolExecutor(1) as pool:
            connection.sendall(request)
            _wait_until_heard(scanner)
            shim.ask_to_stop()
            reply = pool.submit(read_reply, connection).result()
        shim.wait_for_end()

    data, _ = _paths(request)
    assert (reply, data.read_bytes()) == (OK, NO_VERDICT + MESSAGE)
    assert any(line.fields.get("would_be", "").startswith("432 4.3.2 ") for line in shim.log())


def _wait_until_heard(scanner: FakeScanner) -> None:
    end = time.monotonic() + 15
    while not scanner.heard:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_mail_that_would_have_been_refused_is_counted(mail_host: MailHost) -> None:
    file = mail_host.directory / "shim.prom"
    with FakeScanner([give_verdict(rejecting)], usual=answer(500)) as scanner:
        mail_host.set_up([scanner.endpoint], observe=True, retry_seconds=0.2, metrics_file=str(file))
        with ShimProgram(mail_host) as shim:
            replies = [submit(mail_host.filter_socket, mail_host.queue.put()) for _ in range(2)]
            shim.ask_to_stop()
            shim.wait_for_end()

    counted = file.read_text()
    assert replies == [OK, OK]
    assert 'would_be_total{code="5xx"} 1' in counted
    assert 'would_be_total{code="4xx"} 1' in counted
    assert 'unfiltered_total{reason="no verdict"} 1' in counted
    assert 'replies_total{code="2xx"} 2' in counted


@pytest.mark.parametrize(("on_failure", "would_be"), [({"stranger": "pass"}, None), ({}, NOT_CHECKED)])
def test_what_would_pass_in_any_case_is_not_told_as_a_refusal(
    mail_host: MailHost, on_failure: dict[str, str], would_be: str | None
) -> None:
    with nobody_listening() as down:
        mail_host.set_up([down], observe=True, retry_seconds=0.1, on_failure=on_failure)
        with ShimProgram(mail_host) as shim:
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    line = next(line for line in shim.log() if "queue_id" in line.fields)
    assert reply == OK
    assert line.fields.get("would_be") == would_be


def test_without_observe_mode_a_service_that_observes_is_told_in_the_log(mail_host: MailHost) -> None:
    with FakeScanner(usual=give_verdict(_would_be(rejecting))) as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim:
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert not scanner.heard[0].envelope().observe
    line = next(line for line in shim.log() if "queue_id" in line.fields)
    assert reply == OK
    assert line.fields["would_be"] == str(VIRUS_REPLY)
    assert "observe" not in line.fields


@given(verdicts)
def test_whatever_a_verdict_says_nobody_misses_the_mail_or_nobody_believes_it(verdict: Verdict) -> None:
    try:
        carried_out = observed(verdict)
    except VerdictNotCarriedOutError:
        return

    assert changes_nothing(replace(carried_out, header_edits=()))
    assert carried_out.header_edits == verdict.header_edits
    assert [one.address for one in carried_out.recipients] == [one.address for one in verdict.recipients]


def test_a_verdict_by_which_everybody_gets_the_mail_is_not_changed() -> None:
    verdict = verdict_on(Envelope("s@remote.example", (Recipient("alice@test.example"),)))

    assert observed(verdict) is verdict
    assert observed(rejecting(verdict)).would_be == rejecting(verdict)
