"""Strange messages through the real Courier: what it gave to the filter arrives, but for the fields that are ours."""

from pathlib import Path
from random import Random

from tests.fakes.generated_messages import generate_message
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.delivered_mail import read_maildir
from tests.scenarios.mail_users import MAILBOXES
from tests.scenarios.stage import Stage
from verdict_api.verdict import HeaderAction, HeaderEdit

# With LF alone, which becomes CRLF: one more CR stays for Courier, and an empty line with it does not end the header.
MESSAGES = [generate_message(Random(seed), longest_value=998).whole.replace(b"\r\n", b"\n") for seed in range(30)]
OURS = HeaderEdit(HeaderAction.ADD, "X-Couriergate-Id", "b7kQ2sX9aLmP")


def test_generated_mail_arrives_as_the_filter_saw_it_with_our_fields_in_place_of_forged_ones(
    mail_host: CourierHost, tmp_path: Path
) -> None:
    stage = Stage(mail_host, tmp_path)
    try:
        verdicts = stage.verdicts()
        verdicts.header_edits += [HeaderEdit(HeaderAction.REMOVE, OURS.name), OURS]

        replies = [_send(stage, message) for message in MESSAGES]
        mail_host.courier.wait_for_empty_queue()
    finally:
        stage.close()

    assert [reply[:3] for reply in replies] == ["250"] * len(MESSAGES)
    delivered = [mail.whole for mail in read_maildir(MAILBOXES["alice"].maildir)]
    assert sorted(_without_couriers_own(whole) for whole in delivered) == sorted(
        verdicts.tag + _without_forged(request.body) for request in verdicts.scanner.heard
    )


def _send(stage: Stage, message: bytes) -> str:
    """Send one message in a session of its own; return the reply to it."""
    stage.disconnect()
    connection = stage.connection()
    connection.read_reply()
    for command in (
        b"EHLO client.example",
        b"MAIL FROM:<s@remote.example>",
        b"RCPT TO:<alice@test.example>",
        b"DATA",
    ):
        connection.send_commands((command,))
        connection.read_reply()
    connection.send_message(message)
    return connection.read_reply()


def _without_couriers_own(whole: bytes) -> bytes:
    delivered_to, return_path, rest = whole.split(b"\n", 2)
    assert delivered_to.startswith(b"Delivered-To:")
    assert return_path.startswith(b"Return-Path:")
    return rest


def _without_forged(message: bytes) -> bytes:
    """Leave the forged fields out, line by line."""
    header, empty_line, body = message.partition(b"\n\n")
    kept, is_forged = [], False
    for line in header.split(b"\n"):
        if not line.startswith((b" ", b"\t")):
            is_forged = line.partition(b":")[0].strip().lower() == b"x-couriergate-id"
        if not is_forged:
            kept.append(line)
    return b"\n".join(kept) + empty_line + body
