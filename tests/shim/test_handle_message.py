"""One message after another through the real program: what Courier is answered, and what the log says."""

import asyncio
import os
import random
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from shim.filter_reply import LINE_LIMIT_BYTES
from shim.filter_request import REQUEST_LIMIT_BYTES
from tests.fakes.courier_queue import MESSAGE, QUEUE_ID, control_file, request_for
from tests.fakes.descriptors import open_descriptors
from tests.fakes.scanner import Act, FakeScanner, Talk, answer, give_verdict
from tests.fakes.shim_program import LogLine, MailHost, ShimProgram
from tests.fakes.submit import connect, read_reply, submit
from tests.fakes.verdicts import CLEAN_REPLY, VIRUS_REPLY
from tests.shim.verdict_changes import for_all, rejecting
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit, Verdict

NOT_CHECKED = b"451 4.3.0 Message could not be checked, try again later\n"
TOO_BIG = b"552 5.3.4 Message too big for the mail filter\n"
LIMIT_BYTES = 5000
LATER_REPLY = SmtpReply(451, "4.7.1", "Content check not complete, id=b7kQ2sX9aLmP")
TWO = control_file(recipients=(b"alice@test.example", b"bob@test.example"))


Change = Callable[[Verdict], Verdict]


class FilteredHost:
    """A mail host with a running shim that asks a scanner which does as each test tells it."""

    def __init__(self, host: MailHost, shim: ShimProgram, scanner: FakeScanner) -> None:
        self.queue = host.queue
        self.directory = host.directory
        self.socket = host.filter_socket
        self.scanner = scanner
        self.shim = shim
        self._seen = 0

    def start_over(self) -> None:
        self.scanner.usual = give_verdict()
        self.scanner.heard.clear()
        self.new_log()

    def answer_to(self, request: bytes) -> bytes:
        return submit(self.socket, request)

    def new_log(self) -> list[LogLine]:
        """Return the lines that came since they were asked for last."""
        lines = self.shim.log()
        new, self._seen = lines[self._seen :], len(lines)
        return new


@pytest.fixture(scope="module")
def running_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilteredHost]:
    host = MailHost(tmp_path_factory.mktemp("host"))
    with FakeScanner() as scanner:
        host.set_up([scanner.endpoint], max_message_bytes=LIMIT_BYTES, deadline_seconds=10, retry_seconds=0.3)
        with ShimProgram(host) as shim:
            yield FilteredHost(host, shim, scanner)


@pytest.fixture
def host(running_host: FilteredHost) -> FilteredHost:
    running_host.start_over()
    return running_host


def test_clean_mail_is_answered_200(host: FilteredHost) -> None:
    reply = host.answer_to(host.queue.put())

    assert reply == b"200 2.0.0 Ok\n"


def test_the_scanner_gets_the_message_and_what_courier_knows_about_it(host: FilteredHost) -> None:
    host.answer_to(host.queue.put())

    (request,) = host.scanner.heard
    assert request.message() == MESSAGE
    assert request.envelope() == Envelope(
        sender="s@remote.example",
        recipients=(Recipient("alice@test.example", local=False),),
        host="mx.test.example",
        queue_id=QUEUE_ID,
        queue_ids=(QUEUE_ID,),
        client=Client("127.0.0.2", None, "client.example"),
        source="smtp",
        message_size=len(MESSAGE),
    )


def test_one_line_of_the_log_tells_the_story_of_one_mail(host: FilteredHost) -> None:
    host.scanner.usual = give_verdict(rejecting)

    host.answer_to(host.queue.put())

    (line,) = host.new_log()
    steps = [float(line.fields.pop(step)) for step in ("read_ms", "scan_ms", "write_ms")]
    assert 0 < sum(steps) <= float(line.fields.pop("ms")) + 0.3 < 10_000
    assert line.level == "INFO"
    assert line.fields == {
        "queue_id": QUEUE_ID,
        "mail_id": "b7kQ2sX9aLmP",
        "sender": "<s@remote.example>",
        "recipients": "<alice@test.example>",
        "client": "127.0.0.2",
        "size": str(len(MESSAGE)),
        "destiny": "reject",
        "category": "clean",
        "reply": str(VIRUS_REPLY),
        "scanner": host.scanner.endpoint,
    }


@pytest.mark.parametrize(
    ("destiny", "reply"),
    [
        (Destiny.PASS, SmtpReply(250, "2.6.0", "fine")),
        (Destiny.REJECT, VIRUS_REPLY),
        (Destiny.REJECT, SmtpReply(552, "5.3.4", "message too big")),
        (Destiny.TEMPFAIL, LATER_REPLY),
    ],
)
@pytest.mark.parametrize("control", [control_file(), TWO], ids=["one recipient", "two recipients"])
def test_the_reply_of_the_verdict_is_what_courier_gets(
    host: FilteredHost, control: bytes, destiny: Destiny, reply: SmtpReply
) -> None:
    host.scanner.usual = give_verdict(lambda verdict: for_all(verdict, destiny, reply))

    assert host.answer_to(host.queue.put(MESSAGE, control)) == f"{reply}\n".encode()


def test_a_long_reply_is_wrapped(host: FilteredHost) -> None:
    reply = SmtpReply(550, "5.7.1", "INFECTED: " + "Eicar-Test-Signature, " * 60)
    host.scanner.usual = give_verdict(lambda verdict: for_all(verdict, Destiny.REJECT, reply))

    *lines, last = host.answer_to(host.queue.put()).splitlines()

    assert len(lines) >= 2
    assert all(line.startswith(b"550-5.7.1 ") and len(line) <= LINE_LIMIT_BYTES for line in lines)
    assert last.startswith(b"550 5.7.1 ")


_NOT_CARRIED_OUT: dict[str, Change] = {
    "one tempfails": lambda verdict: replace(
        verdict, recipients=(replace(verdict.recipients[0], destiny=Destiny.TEMPFAIL), verdict.recipients[1])
    ),
    "all but the verdict reject": lambda verdict: replace(
        rejecting(verdict), destiny=Destiny.PASS, reply=CLEAN_REPLY
    ),
    "discard with 550": lambda verdict: for_all(verdict, Destiny.DISCARD, VIRUS_REPLY),
    "bounce": lambda verdict: for_all(verdict, Destiny.BOUNCE, CLEAN_REPLY),
    "pass with 550": lambda verdict: for_all(verdict, Destiny.PASS, VIRUS_REPLY),
    "pass with 451": lambda verdict: for_all(verdict, Destiny.PASS, LATER_REPLY),
    "reject with 200": lambda verdict: for_all(verdict, Destiny.REJECT, CLEAN_REPLY),
    "reject with 451": lambda verdict: for_all(verdict, Destiny.REJECT, LATER_REPLY),
    "tempfail with 200": lambda verdict: for_all(verdict, Destiny.TEMPFAIL, CLEAN_REPLY),
    "tempfail with 550": lambda verdict: for_all(verdict, Destiny.TEMPFAIL, VIRUS_REPLY),
}


@pytest.mark.parametrize("change", _NOT_CARRIED_OUT.values(), ids=_NOT_CARRIED_OUT)
def test_a_verdict_that_cannot_be_carried_out_lets_no_mail_pass(host: FilteredHost, change: Change) -> None:
    host.scanner.usual = give_verdict(change)

    reply = host.answer_to(host.queue.put(MESSAGE, TWO))

    assert reply == NOT_CHECKED
    (line,) = host.new_log()
    assert line.level == "ERR"
    assert line.fields["queue_id"] == QUEUE_ID
    assert line.fields["problem"].startswith("verdict ")


def test_a_verdict_that_tags_and_keeps_back_changes_the_files_before_the_reply(host: FilteredHost) -> None:
    def tag_and_discard_second(verdict: Verdict) -> Verdict:
        return replace(
            verdict,
            header_edits=(HeaderEdit(HeaderAction.ADD, "X-Spam-Flag", "YES"),),
            recipients=(verdict.recipients[0], replace(verdict.recipients[1], destiny=Destiny.DISCARD)),
        )

    host.scanner.usual = give_verdict(tag_and_discard_second)

    request = host.queue.put(MESSAGE, TWO)
    reply = host.answer_to(request)

    data_path, control_path = (Path(os.fsdecode(one)) for one in request.split(b"\n")[:2])
    assert reply == b"200 2.0.0 Ok\n"
    assert data_path.read_bytes() == b"X-Spam-Flag: YES\n" + MESSAGE
    assert re.search(rb"\nI1 R 250 [ -~]+\nS1 \d+\n\Z", control_path.read_bytes())
    (line,) = host.new_log()
    assert line.level == "INFO"
    assert line.fields["discarded"] == "<bob@test.example>"
    assert not {"bounced", "replaced", "added"} & set(line.fields)


def test_everybody_who_gets_a_mail_or_not_against_its_envelope_is_in_the_log(host: FilteredHost) -> None:
    def redirect_and_bounce(verdict: Verdict) -> Verdict:
        first, second = verdict.recipients
        return replace(
            verdict,
            recipients=(
                replace(first, replaced_by="carol@test.example"),
                replace(second, destiny=Destiny.BOUNCE, reply=VIRUS_REPLY),
            ),
            added_recipients=("dave@test.example",),
        )

    host.scanner.usual = give_verdict(redirect_and_bounce)

    host.answer_to(host.queue.put(MESSAGE, TWO))

    (line,) = host.new_log()
    assert line.fields["replaced"] == "<alice@test.example>"
    assert line.fields["bounced"] == "<bob@test.example>"
    assert line.fields["added"] == "<carol@test.example>,<dave@test.example>"
    assert "discarded" not in line.fields


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (answer(401, b"no token"), "scanner refused the question: http://127.0.0.1:{port}: 401 no token"),
        (answer(503), "no verdict: http://127.0.0.1:{port}: 503 "),
        (answer(200, b"{}"), "no verdict: http://127.0.0.1:{port}: malformed verdict: verdict."),
        (
            give_verdict(lambda verdict: replace(verdict, recipients=())),
            "no verdict: http://127.0.0.1:{port}: malformed verdict: its recipients",
        ),
    ],
)
def test_no_verdict_is_answered_451_and_told_in_one_line(host: FilteredHost, act: Act, problem: str) -> None:
    host.scanner.usual = act

    reply = host.answer_to(host.queue.put())

    assert reply == NOT_CHECKED
    (line,) = host.new_log()
    assert line.level == "ERR"
    assert line.fields["queue_id"] == QUEUE_ID
    assert line.fields["problem"].startswith(problem.format(port=host.scanner.endpoint.rpartition(":")[2]))


@pytest.mark.parametrize(
    ("size", "reply"),
    [
        (0, b"200 2.0.0 Ok\n"),
        (LIMIT_BYTES - 1, b"200 2.0.0 Ok\n"),
        (LIMIT_BYTES, b"200 2.0.0 Ok\n"),
        (LIMIT_BYTES + 1, TOO_BIG),
    ],
)
def test_a_message_beyond_the_limit_is_refused_unasked(host: FilteredHost, size: int, reply: bytes) -> None:
    message = os.urandom(size)

    assert host.answer_to(host.queue.put(message)) == reply

    assert [request.message() for request in host.scanner.heard] == ([message] if size <= LIMIT_BYTES else [])
    (line,) = host.new_log()
    assert line.fields["size"] == str(size)
    assert line.level == ("INFO" if size <= LIMIT_BYTES else "WARN")


def test_a_message_too_big_for_the_scanner_is_refused(host: FilteredHost) -> None:
    host.scanner.usual = answer(413, b"want at most 10 bytes")

    assert host.answer_to(host.queue.put()) == TOO_BIG

    (line,) = host.new_log()
    assert line.fields["problem"] == f"too big: {host.scanner.endpoint}: 413 want at most 10 bytes"


def test_too_big_can_be_a_refusal_for_now(mail_host: MailHost) -> None:
    with FakeScanner(usual=answer(413)) as scanner:
        mail_host.set_up([scanner.endpoint], max_message_bytes=10, too_big="tempfail")
        with ShimProgram(mail_host):
            replies = [submit(mail_host.filter_socket, mail_host.queue.put(bytes(size))) for size in (10, 11)]

    assert replies == [b"451 4.3.4 Message too big for the mail filter\n"] * 2


def _missing(path: Path) -> None:
    del path


def _loop_of_links(path: Path) -> None:
    path.symlink_to(path)


_NO_FILES: dict[str, Callable[[Path], None]] = {
    "missing": _missing,
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "loop of links": _loop_of_links,
}


@pytest.mark.parametrize("make", _NO_FILES.values(), ids=_NO_FILES)
@pytest.mark.parametrize("which", [0, 1, 2], ids=["data", "first control", "second control"])
def test_a_file_that_cannot_be_read_is_answered_451_at_once(
    host: FilteredHost, tmp_path: Path, which: int, make: Callable[[Path], None]
) -> None:
    paths = [tmp_path / name for name in ("D1", "C1.1", "C1.2")]
    for path in paths:
        path.write_bytes(control_file())
    paths[which].unlink()
    make(paths[which])
    started = time.monotonic()

    reply = host.answer_to(request_for(*paths))

    assert reply == NOT_CHECKED
    assert time.monotonic() - started < 2.0
    (line,) = host.new_log()
    assert line.level == "ERR"
    assert line.fields["problem"].startswith(f"{paths[which]}: ")
    assert host.scanner.heard == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\n" * 1000, b"garbage", random.Random(1).randbytes(5000), b"ss@remote.example\nralice@test.example\n"],
    ids=["empty", "empty lines", "a word", "noise", "no queue id"],
)
def test_a_control_file_of_garbage_is_answered_451(host: FilteredHost, content: bytes) -> None:
    reply = host.answer_to(host.queue.put(MESSAGE, content))

    assert reply == NOT_CHECKED
    (line,) = host.new_log()
    assert line.level == "ERR"
    assert "want a " in line.fields["problem"]
    assert host.scanner.heard == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\n\n",
        b"tmp/D1\ntmp/C1\n\n",
        b"/D1\n\n",
        b"/D\x00\n/C\n\n",
        b"/D\x1b[2J\nC\n\n",
        b"x" * (REQUEST_LIMIT_BYTES + 1),
    ],
)
def test_what_is_no_request_is_answered_451(host: FilteredHost, request_bytes: bytes) -> None:
    reply = host.answer_to(request_bytes)

    assert reply == NOT_CHECKED
    (line,) = host.new_log()
    assert line.level == "ERR"
    assert line.fields["problem"].startswith("filter request: ")


def test_half_a_request_is_answered_451(host: FilteredHost) -> None:
    with connect(host.socket) as connection:
        connection.sendall(b"/D1\n")
        connection.shutdown(socket.SHUT_WR)
        reply = read_reply(connection)

    assert reply == NOT_CHECKED
    (line,) = host.new_log()
    assert line.fields["problem"] == "filter request: end of file after 4 bytes"


def test_a_request_may_come_byte_by_byte(host: FilteredHost) -> None:
    with connect(host.socket) as connection:
        for byte in host.queue.put():
            connection.sendall(bytes([byte]))
        reply = read_reply(connection)

    assert reply == b"200 2.0.0 Ok\n"


def test_several_control_files_are_one_question(host: FilteredHost) -> None:
    controls = [
        control_file(recipients=[b"r%d.%d@test.example" % (part, number) for number in range(6)], queue_id=f"M{part}")
        for part in range(3)
    ]

    reply = host.answer_to(host.queue.put(MESSAGE, *controls))

    assert reply == b"200 2.0.0 Ok\n"
    (request,) = host.scanner.heard
    assert request.envelope().queue_ids == ("M0", "M1", "M2")
    assert len(request.envelope().recipients) == 18
    (line,) = host.new_log()
    assert line.fields["queue_id"] == "M0"
    assert line.fields["recipients"].endswith("<r1.3@test.example>,+8")


def test_a_message_whose_recipients_are_all_done_is_passed_unasked(host: FilteredHost) -> None:
    reply = host.answer_to(host.queue.put(MESSAGE, control_file() + b"I0 R 250 Ok\nS0 1795360470 r\n"))

    assert reply == b"200 2.0.0 Ok\n"
    assert host.scanner.heard == []
    (line,) = host.new_log()
    assert line.fields["queue_id"] == QUEUE_ID


_STRANGE_SENDERS = {
    "escape sequence": b"\x1b[2J\x1b]0;x\x07@remote.example",
    "carriage return": b"a\rERR:couriergate: queue_id=forged reply=200",
    "other line ends": b"a\x0b\x0c\x1c\x85\xe2\x80\xa8ERR:couriergate:",
    "quotes": b'"a b" reply="200 2.0.0 Ok',
    "NUL": b"a\x00b",
    "Latin-1": b"caf\xe9@remote.example",
    "backslash": rb"\x0aERR:couriergate: x",
    "endless": b"\xff" * 100_000,
}


@pytest.mark.parametrize("sender", _STRANGE_SENDERS.values(), ids=_STRANGE_SENDERS)
def test_a_stranger_writes_no_line_of_the_log(host: FilteredHost, sender: bytes) -> None:
    host.answer_to(host.queue.put(MESSAGE, control_file(sender, [sender])))

    (line,) = host.new_log()
    assert line.text.startswith(f"INFO:couriergate: queue_id={QUEUE_ID} mail_id=b7kQ2sX9aLmP sender=")
    assert line.fields["queue_id"] == QUEUE_ID
    assert line.fields.get("reply", "200 2.0.0 Ok") == "200 2.0.0 Ok"
    assert host.scanner.heard[0].envelope().sender.encode("utf-8", "surrogateescape") == sender


def test_a_connection_that_is_opened_and_closed_leaves_no_line(host: FilteredHost) -> None:
    for _ in range(20):
        connect(host.socket).close()

    assert host.answer_to(host.queue.put()) == b"200 2.0.0 Ok\n"
    assert len(host.new_log()) == 1


def test_a_submit_that_is_gone_before_the_answer_harms_nobody(host: FilteredHost) -> None:
    async def slow(talk: Talk) -> None:
        await talk.hear_head()
        await asyncio.sleep(0.3)
        await give_verdict()(talk)

    host.scanner.usual = slow
    with connect(host.socket) as connection:
        connection.sendall(host.queue.put())

    host.shim.wait_for_log('problem="submit is gone"')

    (line,) = host.new_log()
    assert line.fields["reply"] == "200 2.0.0 Ok"
    assert (line.level, line.fields["queue_id"]) == ("INFO", QUEUE_ID)
    assert host.answer_to(host.queue.put()) == b"200 2.0.0 Ok\n"


def test_many_messages_are_asked_about_at_once(host: FilteredHost) -> None:
    async def slow(talk: Talk) -> None:
        await talk.hear_head()
        await asyncio.sleep(0.3)
        await give_verdict()(talk)

    host.scanner.usual = slow
    requests = [host.queue.put() for _ in range(50)]
    started = time.monotonic()

    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(host.answer_to, requests))

    assert replies == [b"200 2.0.0 Ok\n"] * 50
    assert time.monotonic() - started < 5.0  # one after another they would take 15
    assert len(host.new_log()) == 50


def test_no_descriptor_is_left(host: FilteredHost) -> None:
    good = host.queue.put()
    host.answer_to(good)
    before = len(open_descriptors(host.shim.process.pid))

    for _ in range(10):
        for request in (good, host.queue.put(MESSAGE, b"garbage"), b"/none\n/none\n\n", b"\n\n"):
            host.answer_to(request)

    assert len(open_descriptors(host.shim.process.pid)) <= before
