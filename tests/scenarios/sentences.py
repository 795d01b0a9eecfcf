"""The vocabulary of the dialogs: what a scenario can do to the mail host (`!`), and what it can see there (`?`)."""

import time
from collections.abc import Callable, Mapping
from difflib import unified_diff
from functools import partial
from itertools import islice
from pathlib import Path

import dkim

from tests.scenarios.courier_mta import MAIL_DOMAIN
from tests.scenarios.delivered_mail import (
    DeliveredMail,
    delivered_mail,
    our_fields,
    read_maildir,
    split_at_signature,
)
from tests.scenarios.dialog_format import Vocabulary, matches
from tests.scenarios.how_to import blocks_under, follow_as_administrator, follow_as_user
from tests.scenarios.mail_users import MAILBOXES
from tests.scenarios.mailing_list import keep_mailing_list
from tests.scenarios.quarantine import fill_disk, free_disk, kept_mails
from tests.scenarios.stage import MismatchError, Stage
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit

_SHOWN_DIFFERENCE_LINES = 40
_LEAST_RESTARTS = 3
_SPAM_ENGINE_SECONDS = 10.0  # enough on a busy machine
_OTHER_FILTER = Path(__file__).parents[1] / "fakes/other_filter.py"


def _wait(_: Stage, seconds: str) -> None:
    time.sleep(float(seconds))


def _sendmail(stage: Stage, user: str, recipient: str, file: str) -> None:
    stage.send_locally(user, [recipient], stage.message(file))


def _sendmail_from_nobody(stage: Stage, user: str, recipient: str, file: str) -> None:
    stage.send_locally(user, ["-f", "", recipient], stage.message(file))


def _leave_service_alone(stage: Stage) -> None:
    count = stage.end_restarts()
    if count < _LEAST_RESTARTS:
        raise MismatchError(f"want {_LEAST_RESTARTS} restarts or more meanwhile, got {count}")


def _ask_spam_engine(stage: Stage, name: str, limit_seconds: str | None = None) -> None:
    stage.host.ask_spam_engine(name, float(limit_seconds or _SPAM_ENGINE_SECONDS))


def _service_follows(stage: Stage, heading: str) -> None:
    """Add what the page has for the service's settings; the domain of the pages stands for the one of this host."""
    for block in blocks_under(heading):
        stage.host.add_service_settings(block.text.replace("example.com", MAIL_DOMAIN))


def _keep_mailing_list(_: Stage, owner: str, name: str, members: str) -> None:
    keep_mailing_list(MAILBOXES[owner], name, members.split())


def _verdict_on(stage: Stage, address: str, destiny: str) -> None:
    stage.verdicts().destinies[address] = Destiny(destiny)


def _verdict_replaces(stage: Stage, address: str, other: str) -> None:
    stage.verdicts().replacements[address] = other


def _verdict_adds(stage: Stage, address: str) -> None:
    stage.verdicts().added_recipients.append(address)


def _verdict_adds_field(stage: Stage, name: str, value: str) -> None:
    stage.verdicts().header_edits.append(HeaderEdit(HeaderAction.ADD, name, value))


def _verdict_removes_field(stage: Stage, name: str) -> None:
    stage.verdicts().header_edits.append(HeaderEdit(HeaderAction.REMOVE, name))


def _verdict_refuses(stage: Stage, *, yes: bool) -> None:
    stage.verdicts().refuses = yes


def _next_verdict_waits(stage: Stage) -> None:
    stage.verdicts().next_waits = True


def _is_answered(stage: Stage, file: str, recipients: str, pattern: str) -> None:
    _expect_reply(pattern, stage.submit(recipients.split(), stage.message(file)))


def _client_is_answered(stage: Stage, file: str, client: str, recipients: str, pattern: str) -> None:
    _expect_reply(pattern, stage.submit(recipients.split(), stage.message(file), client))


def _user_is_answered(stage: Stage, file: str, user: str, recipients: str, pattern: str) -> None:
    _expect_reply(pattern, stage.submit(recipients.split(), stage.message(file), user=user))


def _every_client_is_answered(stage: Stage, least: str, pattern: str) -> None:
    replies = stage.end_sending()
    if len(replies) < int(least):
        raise MismatchError(f"want {least} answers or more, got {len(replies)}")
    for reply in replies:
        _expect_reply(pattern, reply)


def _expect_reply(pattern: str, reply: str) -> None:
    if not matches(pattern, reply):
        raise MismatchError(f"want reply {pattern!r}, got {reply!r}")


def _is_answered_in_time(stage: Stage, file: str, recipients: str, limit_seconds: str, pattern: str) -> None:
    began = time.monotonic()
    _is_answered(stage, file, recipients, pattern)
    took = time.monotonic() - began
    if took > float(limit_seconds):
        raise MismatchError(f"want an answer within {limit_seconds} s, got it after {took:.1f} s")


def _queue_is_empty(stage: Stage) -> None:
    stage.host.courier.wait_for_empty_queue()


def _maildir_is_empty(stage: Stage, mailbox: str) -> None:
    _expect_deliveries(stage, mailbox, [])


def _maildir_holds(stage: Stage, mailbox: str, file: str) -> None:
    _expect_deliveries(stage, mailbox, [stage.message(file)])


def _maildir_holds_often(stage: Stage, mailbox: str, count: str, file: str) -> None:
    _expect_deliveries(stage, mailbox, [stage.message(file)] * int(count))


def _folder_holds(stage: Stage, folder: str, mailbox: str, file: str) -> None:
    _folder_holds_for(stage, folder, mailbox, file, f"{mailbox}@{MAIL_DOMAIN}")


def _folder_holds_for(stage: Stage, folder: str, mailbox: str, file: str, address: str) -> None:
    """Compare a folder of the Maildir with the message as it was tagged."""
    tag = stage.verdicts().tag
    _expect_mails(
        [(address, tag + stage.message(file))],
        [(mail.recipient, mail.content) for mail in _mails_in_folder(stage, folder, mailbox, tag)],
    )


def _folder_holds_under_ours(stage: Stage, folder: str, mailbox: str, file: str) -> None:
    """Compare a folder of the Maildir with the message, on top of which is something of ours, whatever that says."""
    mail = _only_one(_mails_in_folder(stage, folder, mailbox))
    _expect_mails([(mail.recipient, stage.message(file))], [(mail.recipient, _below_ours(mail))])


def _only_got_under_ours(stage: Stage, addresses: str, file: str) -> None:
    _expect_mails(
        [(address, stage.message(file)) for address in addresses.split()],
        [(mail.recipient, _below_ours(mail)) for mail in _all_mail(stage) if not mail.dsn_reports()],
    )


def _below_ours(mail: DeliveredMail) -> bytes:
    """Return the message that stands under fields of ours."""
    ours = our_fields(mail.whole)
    if not ours:
        raise MismatchError(f"want fields of ours on top, got none for {mail.recipient}")
    return delivered_mail(mail.whole, ours).content.removeprefix(ours)


def _folder_is_empty(stage: Stage, folder: str, mailbox: str) -> None:
    _expect_mails([], [(mail.recipient, mail.content) for mail in _mails_in_folder(stage, folder, mailbox)])


def _folder_has_line(stage: Stage, folder: str, mailbox: str, pattern: str) -> None:
    lines = _lines_of_only(_mails_in_folder(stage, folder, mailbox))
    if not any(matches(pattern, line) for line in lines):
        raise MismatchError(f"want a line {pattern!r}, got {lines}")


def _folder_has_one_line(stage: Stage, folder: str, mailbox: str, pattern: str) -> None:
    lines = [line for line in _lines_of_only(_mails_in_folder(stage, folder, mailbox)) if matches(pattern, line)]
    if len(lines) != 1:
        raise MismatchError(f"want one line {pattern!r}, got {lines}")


def _folder_lacks_line(stage: Stage, folder: str, mailbox: str, pattern: str) -> None:
    lines = [line for line in _lines_of_only(_mails_in_folder(stage, folder, mailbox)) if matches(pattern, line)]
    if lines:
        raise MismatchError(f"want no line {pattern!r}, got {lines}")


def _mails_in_folder(stage: Stage, folder: str, mailbox: str, tag: bytes = b"") -> list[DeliveredMail]:
    stage.host.courier.wait_for_empty_queue()
    maildir = MAILBOXES[mailbox].maildir
    return read_maildir(maildir if folder == "Inbox" else maildir / f".{folder}", tag)


def _lines_of_only(mails: list[DeliveredMail]) -> list[str]:
    return _only_one(mails).whole.decode(errors="backslashreplace").splitlines()


def _only_one(mails: list[DeliveredMail]) -> DeliveredMail:
    if len(mails) != 1:
        raise MismatchError(f"want one mail, got {len(mails)}")
    return mails[0]


def _only_got(stage: Stage, addresses: str, file: str) -> None:
    _expect_everywhere(stage, addresses, stage.message(file), b"")


def _only_got_tagged(stage: Stage, addresses: str, file: str) -> None:
    tag = stage.verdicts().tag
    _expect_everywhere(stage, addresses, tag + stage.message(file), tag)


def _reached_signed(stage: Stage, file: str, mailbox: str, *, with_tag: bool) -> None:
    """Check that the signing filter saw the mail with our tag or without it, and that all it saw is as it saw it."""
    tag = stage.verdicts().tag
    above, covered = split_at_signature(_only_mail_of(stage, mailbox).whole)
    if (tag in above, covered.startswith(tag)) != (not with_tag, with_tag):
        raise MismatchError(f"want a tag {'in' if with_tag else 'above'} what is signed, got {above!r} above it")
    mail = delivered_mail(above + covered, tag)
    _expect_mails([(mail.recipient, tag + stage.message(file))], [(mail.recipient, mail.content)])


def _dkim_holds(stage: Stage, mailbox: str, file: str) -> None:
    key = stage.message(file).replace(b"\n", b"")
    if not dkim.verify(_only_mail_of(stage, mailbox).whole, dnsfunc=lambda *_, **__: key):
        raise MismatchError("want a DKIM signature that verifies, got one that does not")


def _mail_has(stage: Stage, mailbox: str, line: str) -> None:
    lines = _only_mail_of(stage, mailbox).whole.decode(errors="backslashreplace").splitlines()
    if line not in lines:
        raise MismatchError(f"want a line {line!r}, got {lines}")


def _dns_was_asked_once(stage: Stage, question: str) -> None:
    if stage.dns_questions().count(question) != 1:
        raise MismatchError(f"want one question for {question}, got {stage.dns_questions()}")


def _only_mail_of(stage: Stage, mailbox: str) -> DeliveredMail:
    stage.host.courier.wait_for_empty_queue()
    return _only_one(read_maildir(MAILBOXES[mailbox].maildir))


def _quarantine_holds_count(_: Stage, count: str) -> None:
    kept = kept_mails()
    if len(kept) != int(count):
        raise MismatchError(f"want {count} mails in quarantine, got {len(kept)}: {kept}")


def _quarantine_holds(stage: Stage, file: str) -> None:
    _expect_kept(stage, file, is_notice_due=False)


def _quarantine_holds_with_notice(stage: Stage, file: str) -> None:
    _expect_kept(stage, file, is_notice_due=True)


def _expect_kept(stage: Stage, file: str, *, is_notice_due: bool) -> None:
    """Compare the only mail that was kept: below the line that Courier puts on top it is as it was sent."""
    _quarantine_holds_count(stage, "1")
    (kept,) = kept_mails()
    want = stage.message(file)
    got = delivered_mail(kept.raw, b"").content
    if (got, kept.is_notice_due) != (want, is_notice_due):
        raise MismatchError(f"want {want!r}, notice due: {is_notice_due}; got {got!r}, {kept.is_notice_due}")


def _dsns_say(stage: Stage, sender: str, addresses: str, action: str) -> None:
    _expect_dsns(stage, [(sender, address, action) for address in addresses.split()])


def _no_dsns(stage: Stage) -> None:
    _expect_dsns(stage, [])


def _expect_dsns(stage: Stage, want: list[tuple[str, str, str]]) -> None:
    got = sorted((mail.recipient, *report) for mail in _all_mail(stage) for report in mail.dsn_reports())
    if got != sorted(want):
        raise MismatchError(f"want DSNs {sorted(want)}, got {got}")


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


def _shim_exits(stage: Stage, status: str) -> None:
    got = stage.shim_result().returncode
    if got != int(status):
        raise MismatchError(f"want exit status {status}, got {got}")


def _shim_prints(stage: Stage, pattern: str) -> None:
    lines = stage.shim_result().stdout.splitlines()
    if not any(matches(pattern, line) for line in lines):
        raise MismatchError(f"want a line {pattern!r}, got {lines}")


def _shim_prints_not(stage: Stage, pattern: str) -> None:
    lines = [line for line in stage.shim_result().stdout.splitlines() if matches(pattern, line)]
    if lines:
        raise MismatchError(f"want no line {pattern!r}, got {lines}")


def _maildir_holds_probe(stage: Stage, mailbox: str) -> None:
    stage.host.courier.wait_for_empty_queue()
    contents = [mail.content for mail in read_maildir(MAILBOXES[mailbox].maildir)]
    if len(contents) != 1 or b"\nSubject: Couriergate probe\n" not in contents[0]:
        raise MismatchError(f"want one probe, got {contents}")


def _expect_deliveries(stage: Stage, mailbox: str, messages: list[bytes]) -> None:
    """Compare all that was delivered, once Courier has no more: each message once for each user of the mailbox."""
    stage.host.courier.wait_for_empty_queue()
    delivered = read_maildir(MAILBOXES[mailbox].maildir)
    _expect_mails(
        [(f"{user}@{MAIL_DOMAIN}", message) for user in MAILBOXES[mailbox].users for message in messages],
        [(mail.recipient, mail.content) for mail in delivered],
    )


def _expect_everywhere(stage: Stage, addresses: str, message: bytes, tag: bytes) -> None:
    """Compare all that was delivered to anybody, but for DSNs."""
    _expect_mails(
        [(address, message) for address in addresses.split()],
        [(mail.recipient, mail.content) for mail in _all_mail(stage, tag) if not mail.dsn_reports()],
    )


def _all_mail(stage: Stage, tag: bytes = b"") -> list[DeliveredMail]:
    stage.host.courier.wait_for_empty_queue()
    return [mail for mailbox in MAILBOXES.values() for mail in read_maildir(mailbox.maildir, tag)]


def _expect_mails(want: list[tuple[str, bytes]], got: list[tuple[str, bytes]]) -> None:
    want, got = sorted(want), sorted(got)
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
    "sendmail as USER with the null sender to ADDRESS < FILE": _sendmail_from_nobody,
    "wait SECONDS seconds": _wait,
    "start PROGRAM": lambda stage, name: stage.program(name).start(),
    "stop PROGRAM": lambda stage, name: stage.program(name).stop(),
    "restart PROGRAM": lambda stage, name: stage.program(name).restart(),
    "kill PROGRAM": lambda stage, name: stage.program(name).kill(),
    "stall PROGRAM": lambda stage, name: stage.program(name).stall(),
    "resume PROGRAM": lambda stage, name: stage.program(name).resume(),
    "the service has the policy of FILE": lambda stage, file: stage.host.set_policy(stage.message(file).decode()),
    "the service reloads the policy of FILE": lambda stage, file: stage.host.reload_policy(
        stage.message(file).decode()
    ),
    "the service follows the how-to: TEXT": _service_follows,
    "the service listens on a unix socket": Stage.listen_on_unix_socket,
    "the shim shows the service a token called NAME": Stage.show_token,
    "the disk of the quarantine is full": lambda _: fill_disk(),
    "the disk of the quarantine has room again": lambda _: free_disk(),
    "COUNT clients keep sending FILE to ADDRESS": Stage.keep_sending,
    "MAILBOX keeps a mailing list called NAME for ADDRESSES": _keep_mailing_list,
    "let the service ask ENGINE": _ask_spam_engine,
    "let the service ask ENGINE for SECONDS seconds": _ask_spam_engine,
    "let the service ask a clamd that BEHAVES": Stage.ask_fake_clamd,
    "let the service ask clamd and one that BEHAVES for SECONDS seconds": Stage.ask_fake_clamd_too,
    "let clamd lose its signatures": lambda stage: stage.host.clamd.lose_signatures(),
    "let users ask spamd": lambda stage: stage.host.start_spam_engine("spamd"),
    "the administrator follows the how-to: TEXT": lambda _, heading: follow_as_administrator(heading),
    "MAILBOX follows the how-to: TEXT": lambda _, name, heading: follow_as_user(MAILBOXES[name], heading),
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
    "run couriergate-shim COMMAND": Stage.run_shim,
    "leave a stray file with the filters": lambda stage: stage.host.courier.leave_stray_file(),
    "start courier-pythonfilter": Stage.start_pythonfilter,
    "start another filter called NAME": lambda stage, name: stage.host.courier.add_filter(name, _OTHER_FILTER),
    "reload courierfilter": lambda stage: stage.host.courier.reload_filters(),
    "let the shim's settings say TEXT": lambda stage, line: stage.host.courier.add_filter_setting(line),
    "let recipient filters exit with COUNT": lambda stage, status: stage.host.courier.set_recipient_filters(status),
    "verdict on ADDRESS is DESTINY": _verdict_on,
    "verdict replaces ADDRESS by ADDRESS": _verdict_replaces,
    "verdict adds ADDRESS": _verdict_adds,
    "verdict adds field NAME: TEXT": _verdict_adds_field,
    "verdict removes field NAME": _verdict_removes_field,
    "verdict refuses a virus": partial(_verdict_refuses, yes=True),
    "verdict refuses nothing": partial(_verdict_refuses, yes=False),
    "next verdict waits for another": _next_verdict_waits,
    "control files have room for COUNT recipients": lambda stage, count: stage.host.courier.set_batch_size(
        int(count)
    ),
    "the service asks the DNS of FILE who sent a mail": Stage.ask_dns,
    "Courier looks at SPF itself": lambda stage: stage.host.courier.check_spf(yes=True),
    "filter mail from SOURCES": lambda stage, sources: stage.host.courier.set_filtered_sources(sources),
}

CHECKS: Mapping[str, Callable[..., None]] = {
    "FILE to ADDRESSES is answered within SECONDS seconds: TEXT": _is_answered_in_time,
    "FILE to ADDRESSES is answered TEXT": _is_answered,
    "FILE from IP to ADDRESSES is answered TEXT": _client_is_answered,
    "FILE by MAILBOX to ADDRESSES is answered TEXT": _user_is_answered,
    "all of COUNT mails or more were answered TEXT": _every_client_is_answered,
    "queue is empty": _queue_is_empty,
    "maildir of MAILBOX is empty": _maildir_is_empty,
    "maildir of MAILBOX holds FILE": _maildir_holds,
    "maildir of MAILBOX holds COUNT times FILE": _maildir_holds_often,
    "only ADDRESSES got FILE under fields of ours": _only_got_under_ours,
    "only ADDRESSES got FILE": _only_got,
    "only ADDRESSES got FILE tagged": _only_got_tagged,
    "FILE reached MAILBOX tagged, then signed": partial(_reached_signed, with_tag=True),
    "FILE reached MAILBOX signed, then tagged": partial(_reached_signed, with_tag=False),
    "DKIM signature in mail of MAILBOX holds with FILE": _dkim_holds,
    "mail of MAILBOX has TEXT": _mail_has,
    "DNS was asked once for TEXT": _dns_was_asked_once,
    "FOLDER of MAILBOX holds FILE tagged": _folder_holds,
    "FOLDER of MAILBOX holds FILE tagged for ADDRESS": _folder_holds_for,
    "FOLDER of MAILBOX holds FILE under fields of ours": _folder_holds_under_ours,
    "FOLDER of MAILBOX is empty": _folder_is_empty,
    "FOLDER of MAILBOX has no line TEXT": _folder_lacks_line,
    "FOLDER of MAILBOX has one line TEXT": _folder_has_one_line,
    "FOLDER of MAILBOX has a line TEXT": _folder_has_line,
    "quarantine is empty": lambda stage: _quarantine_holds_count(stage, "0"),
    "quarantine holds COUNT mails": _quarantine_holds_count,
    "quarantine holds FILE": _quarantine_holds,
    "quarantine holds FILE, and a notice is due": _quarantine_holds_with_notice,
    "there are no DSNs": _no_dsns,
    "DSNs to ADDRESS say ADDRESSES ACTION": _dsns_say,
    "LOG log has TEXT": Stage.wait_for_log,
    "queue id is the same in shim log and service log": _same_queue_id,
    "queue id is the same in mail log, shim log and service log": _same_queue_id_everywhere,
    "sendmail exits with COUNT": _sendmail_exits,
    "sendmail prints TEXT": _sendmail_prints,
    "couriergate-shim exits with COUNT": _shim_exits,
    "couriergate-shim prints no TEXT": _shim_prints_not,
    "couriergate-shim prints TEXT": _shim_prints,
    "maildir of MAILBOX holds a probe": _maildir_holds_probe,
}

VOCABULARY = Vocabulary(tuple(ACTIONS), tuple(CHECKS))
