"""Mail that passes although nobody looked: only for those whom a setting names, and never unmarked."""

import os
from pathlib import Path

import pytest

from shim.settings import OnFailure, WithoutVerdict
from shim.unscanned import may_pass_without_verdict
from tests.fakes.courier_queue import MESSAGE, control_file
from tests.fakes.scanner import FakeScanner, answer, nobody_listening
from tests.fakes.shim_program import MailHost, ShimProgram
from tests.fakes.submit import submit
from verdict_api.envelope import Envelope

CLEAN = b"200 2.0.0 Ok\n"
NOT_CHECKED = b"451 4.3.0 Message could not be checked, try again later\n"
LOCAL = control_file().replace(b"usmtp\n", b"ulocal\n")
STRANGER = control_file()


@pytest.mark.parametrize(
    ("envelope", "sender_class"),
    [
        (Envelope("s", (), source="smtp"), "stranger"),
        (Envelope("s", (), source="smtp/dsn"), "stranger"),
        (Envelope("s", (), source="uucp"), "stranger"),
        (Envelope("s", (), source=""), "stranger"),
        (Envelope("s", (), source="authsmtp", relay_client=True), "authenticated"),
        (Envelope("s", (), source="authsmtp", authenticated_user="alice"), "authenticated"),
        (Envelope("s", (), source="local"), "local"),
        (Envelope("s", (), source="local", authenticated_user="alice"), "local"),
        (Envelope("s", (), source="local/dsn"), "local"),
    ],
)
def test_a_sender_has_one_class(envelope: Envelope, sender_class: str) -> None:
    passing = {"stranger": OnFailure(stranger=WithoutVerdict.PASS), "local": OnFailure(local=WithoutVerdict.PASS)}
    passing["authenticated"] = OnFailure(authenticated=WithoutVerdict.PASS)

    passes = {name for name, on_failure in passing.items() if may_pass_without_verdict(envelope, on_failure)}

    assert passes == {sender_class}


@pytest.mark.parametrize(("control", "reply"), [(LOCAL, CLEAN), (STRANGER, NOT_CHECKED)], ids=["local", "stranger"])
@pytest.mark.parametrize("status", [None, 401, 500])
def test_without_a_verdict_only_the_named_class_passes(
    mail_host: MailHost, status: int | None, control: bytes, reply: bytes
) -> None:
    with nobody_listening() as down, FakeScanner(usual=answer(status or 500)) as scanner:
        endpoint = scanner.endpoint if status else down
        mail_host.set_up([endpoint], retry_seconds=0.2, on_failure={"local": "pass"})
        with ShimProgram(mail_host) as shim:
            request = mail_host.queue.put(MESSAGE, control)

            assert submit(mail_host.filter_socket, request) == reply

    (line,) = [line for line in shim.log() if "queue_id" in line.fields]
    marked = b"X-Couriergate-Unscanned: no verdict\n" if reply == CLEAN else b""
    assert data_file_of(request).read_bytes() == marked + MESSAGE
    assert line.fields.get("unfiltered") == ("yes" if reply == CLEAN else None)
    assert line.level == ("WARN" if reply == CLEAN else "ERR")
    assert "no verdict" in line.fields["problem"] or "refused the question" in line.fields["problem"]


@pytest.mark.parametrize("told_by", ["limit", "scanner"])
def test_what_is_too_big_can_pass_marked(mail_host: MailHost, told_by: str) -> None:
    limit = len(MESSAGE) - 1 if told_by == "limit" else len(MESSAGE)
    with FakeScanner(usual=answer(413)) as scanner:
        mail_host.set_up([scanner.endpoint], max_message_bytes=limit, too_big="pass")
        with ShimProgram(mail_host):
            request = mail_host.queue.put()

            assert submit(mail_host.filter_socket, request) == CLEAN

    assert data_file_of(request).read_bytes() == b"X-Couriergate-Unscanned: too big\n" + MESSAGE


def test_a_mark_that_the_sender_made_is_replaced(mail_host: MailHost) -> None:
    with nobody_listening() as down:
        mail_host.set_up([down], retry_seconds=0.1, on_failure={"stranger": "pass"})
        with ShimProgram(mail_host):
            forged = b"X-Couriergate-Unscanned: never\nX-Couriergate-Id: b7kQ2sX9aLmP\nX-Spam-Flag: NO\n" + MESSAGE
            request = mail_host.queue.put(forged)

            submit(mail_host.filter_socket, request)

    assert data_file_of(request).read_bytes() == b"X-Couriergate-Unscanned: no verdict\n" + MESSAGE


def data_file_of(request: bytes) -> Path:
    return Path(os.fsdecode(request.split(b"\n")[0]))
