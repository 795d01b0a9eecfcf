"""The vocabulary of the dialogs: what a scenario can do to the mail host (`!`), and what it can see there (`?`)."""

import time
from collections.abc import Callable, Mapping
from difflib import unified_diff
from itertools import islice

from tests.scenarios.courier_mta import MAIL_DOMAIN
from tests.scenarios.delivered_mail import read_maildir
from tests.scenarios.dialog_format import Vocabulary, matches
from tests.scenarios.mail_users import MAILBOXES
from tests.scenarios.stage import MismatchError, Stage

_SHOWN_DIFFERENCE_LINES = 40
_LEAST_RESTARTS = 3


def _wait(_: Stage, seconds: str) -> None:
    time.sleep(float(seconds))


def _sendmail(stage: Stage, user: str, recipient: str, file: str) -> None:
    stage.send_locally(user, recipient, stage.message(file))


def _leave_service_alone(stage: Stage) -> None:
    count = stage.end_restarts()
    if count < _LEAST_RESTARTS:
        raise MismatchError(f"want {_LEAST_RESTARTS} restarts or more meanwhile, got {count}")


def _is_answered(stage: Stage, file: str, recipient: str, pattern: str) -> None:
    reply = stage.submit(recipient, stage.message(file))
    if not matches(pattern, reply):
        raise MismatchError(f"want reply {pattern!r}, got {reply!r}")


def _queue_is_empty(stage: Stage) -> None:
    stage.host.courier.wait_for_empty_queue()


def _maildir_is_empty(stage: Stage, mailbox: str) -> None:
    _expect_deliveries(stage, mailbox, [])


def _maildir_holds(stage: Stage, mailbox: str, file: str) -> None:
    _expect_deliveries(stage, mailbox, [stage.message(file)])


def _maildir_holds_often(stage: Stage, mailbox: str, count: str, file: str) -> None:
    _expect_deliveries(stage, mailbox, [stage.message(file)] * int(count))


def _same_queue_id(stage: Stage) -> None:
    stage.wait_for_equal_queue_ids()


def _same_queue_id_everywhere(stage: Stage) -> None:
    """Courier has an id for each control file; ours is the one of the first."""
    logged = stage.wait_for_equal_queue_ids()
    if not logged <= stage.accepted_queue_ids():
        raise MismatchError(f"want queue ids out of courierd's {stage.accepted_queue_ids()}, got {logged}")


def _sendmail_exits(stage: Stage, status: str) -> None:
    got = stage.sendmail_result().returncode
    if got != int(status):
        raise MismatchError(f"want exit status {status}, got {got}")


def _sendmail_prints(stage: Stage, pattern: str) -> None:
    got = stage.sendmail_result().stdout.decode().strip()
    if not matches(pattern, got):
        raise MismatchError(f"want output {pattern!r}, got {got!r}")


def _expect_deliveries(stage: Stage, mailbox: str, messages: list[bytes]) -> None:
    """Compare all that was delivered, once Courier has no more: each message once for each user of the mailbox."""
    stage.host.courier.wait_for_empty_queue()
    delivered = read_maildir(MAILBOXES[mailbox].maildir)
    want = sorted((f"{user}@{MAIL_DOMAIN}", message) for user in MAILBOXES[mailbox].users for message in messages)
    got = sorted((mail.recipient, mail.content) for mail in delivered)
    if got != want:
        difference = unified_diff(_listing(want), _listing(got), "want", "got", lineterm="")
        shown = "\n".join(islice(difference, _SHOWN_DIFFERENCE_LINES))
        raise MismatchError(f"want {len(want)} mails, got {len(got)}; the difference begins:\n{shown}")


def _listing(mails: list[tuple[str, bytes]]) -> list[str]:
    return [
        line
        for recipient, content in mails
        for line in (f"to {recipient}", *content.decode(errors="backslashreplace").splitlines())
    ]


# The words in capitals stand for what `dialog_format` says; they become the arguments, in this order.
ACTIONS: Mapping[str, Callable[..., None]] = {
    "connect from IP": Stage.connect,
    "disconnect": Stage.disconnect,
    "sendmail as USER to ADDRESS < FILE": _sendmail,
    "wait SECONDS seconds": _wait,
    "start PROGRAM": lambda stage, name: stage.program(name).start(),
    "stop PROGRAM": lambda stage, name: stage.program(name).stop(),
    "restart PROGRAM": lambda stage, name: stage.program(name).restart(),
    "kill PROGRAM": lambda stage, name: stage.program(name).kill(),
    "stall PROGRAM": lambda stage, name: stage.program(name).stall(),
    "resume PROGRAM": lambda stage, name: stage.program(name).resume(),
    "keep restarting the service": Stage.keep_restarting_service,
    "leave the service alone": _leave_service_alone,
    "restart the shim": lambda stage: stage.host.courier.restart_shim(),
    "kill the shim": lambda stage: stage.host.courier.kill_filter(),
    "run the shim standalone": lambda stage: stage.host.run_shim_standalone(),
    "run the shim standalone as USER": lambda stage, user: stage.host.run_shim_standalone(user),
    "start the shim": lambda stage: stage.host.start_standalone_shim(),
    "stop the shim": lambda stage: stage.host.standalone_shim.stop(),
    "kill the parent of the shim": lambda stage: stage.host.standalone_shim.kill(),
    "stop courierfilter": lambda stage: stage.host.courier.stop_filter(),
    "start courierfilter": lambda stage: stage.host.courier.start_filter(),
    "restart courierfilter": lambda stage: stage.host.courier.restart_filter(),
    "reload courierfilter": lambda stage: stage.host.courier.reload_filters(),
    "let the shim's settings say TEXT": lambda stage, line: stage.host.courier.add_filter_setting(line),
    "let recipient filters exit with COUNT": lambda stage, status: stage.host.courier.set_recipient_filters(status),
    "filter mail from SOURCES": lambda stage, sources: stage.host.courier.set_filtered_sources(sources),
}

CHECKS: Mapping[str, Callable[..., None]] = {
    "FILE to ADDRESS is answered TEXT": _is_answered,
    "queue is empty": _queue_is_empty,
    "maildir of MAILBOX is empty": _maildir_is_empty,
    "maildir of MAILBOX holds FILE": _maildir_holds,
    "maildir of MAILBOX holds COUNT times FILE": _maildir_holds_often,
    "LOG log has TEXT": Stage.wait_for_log,
    "queue id is the same in shim log and service log": _same_queue_id,
    "queue id is the same in mail log, shim log and service log": _same_queue_id_everywhere,
    "sendmail exits with COUNT": _sendmail_exits,
    "sendmail prints TEXT": _sendmail_prints,
}

VOCABULARY = Vocabulary(tuple(ACTIONS), tuple(CHECKS))
