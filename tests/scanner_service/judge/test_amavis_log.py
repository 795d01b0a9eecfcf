"""Log lines in amavisd-new's form: what they say, and that strangers write none of them."""

import re
from dataclasses import replace

import pytest

from scanner_service.judge.amavis_log import amavis_lines
from scanner_service.model.message import Message
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from tests.scanner_service.verdicts_of_all_kinds import verdicts_of_all_kinds
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.verdict import (
    DecidedBy,
    Destiny,
    MessageFacts,
    QuarantineReport,
    RecipientVerdict,
    ReportedFinding,
    SpamReport,
    Verdict,
)

ENVELOPE = Envelope(
    "ann@example.net",
    (Recipient("bob@example.com", local=True),),
    queue_id="0016.6B03",
    client=Client("192.0.2.25"),
)
RAW = b"Received: from a ([8.8.8.8]) by b\r\nMessage-ID: <1@example.net>\r\n\r\n"
FORM = re.compile(
    r"(?:Passed|Blocked) (?:CLEAN|OVERSIZED|SPAM|SPAMMY|UNCHECKED|BAD-HEADER-[0-8]|"
    r"(?:BANNED|INFECTED) \([^()]*\))"
    r" \{[A-Za-z,]+\}, \S+ (?:LOCAL )?(?:\[[^]]+\] )?(?:\[[^]]+\] )?<[^<> ]*> -> <[^<> ]*>(?:,<[^<> ]*>)*,"
    r"(?: quarantine: \S+,)?(?: Queue-ID: \S+,)?(?: Message-ID: <[^<> ]*>,)?"
    r" mail_id: [\w-]{12}, Hits: (?:-|-?[\d.]+),"
    r" size: \d+,(?: Tests: \[\S*\],)?(?: unchecked: \S+,)?(?: would_be: \w+,)? \d+ ms"
)


def message_to(envelope: Envelope = ENVELOPE, raw: bytes = RAW) -> Message:
    return Message("b7kQ2sX9aLmP", envelope, raw, "")


def verdict_of(category: str, name: str = "", destiny: Destiny = Destiny.REJECT) -> Verdict:
    main, _, sub_category = category.partition(".")
    verdict = verdict_on(ENVELOPE, destiny, VIRUS_REPLY)
    recipients = tuple(replace(one, categories=(category,)) for one in verdict.recipients)
    return replace(
        verdict,
        decided_by=DecidedBy(category, None, "default", ""),
        recipients=recipients,
        findings=(ReportedFinding(main, sub_category or None, "x", name),) if name else (),
        message=MessageFacts(415, "", "<1@example.net>"),
        milliseconds={"total": 41.2},
    )


def test_a_refused_virus_has_the_line_that_people_know() -> None:
    verdict = replace(verdict_of("virus", "Eicar-Test-Signature"), quarantine=QuarantineReport(stored=True))

    lines = amavis_lines(message_to(), verdict)

    assert lines == (
        (
            "Blocked INFECTED (Eicar-Test-Signature) {RejectedInbound,Quarantined}, default [192.0.2.25] [8.8.8.8] "
            "<ann@example.net> -> <bob@example.com>, quarantine: b7kQ2sX9aLmP, Queue-ID: 0016.6B03, "
            "Message-ID: <1@example.net>, mail_id: b7kQ2sX9aLmP, Hits: -, size: 415, 41 ms"
        ),
    )


def test_clean_mail_of_an_own_user_has_little_to_tell() -> None:
    envelope = Envelope("bob@example.com", (Recipient("ann@example.net"),), authenticated_user="bob")

    lines = amavis_lines(message_to(envelope, b"\r\n"), verdict_on(envelope))

    assert lines == (
        (
            "Passed CLEAN {AcceptedOutbound}, default LOCAL <bob@example.com> -> <ann@example.net>, "
            "mail_id: b7kQ2sX9aLmP, Hits: -, size: 0, 1 ms"
        ),
    )


@pytest.mark.parametrize(
    ("category", "name", "shown"),
    [
        ("clean", "", "CLEAN"),
        ("oversized", "big", "OVERSIZED"),
        ("spammy", "score 6", "SPAMMY"),
        ("spam", "score 16", "SPAM"),
        ("unchecked.encrypted", "encrypted", "UNCHECKED"),
        ("unchecked.not_done", "clamd", "UNCHECKED"),
        ("banned", "program for Windows", "BANNED (program for Windows)"),
        ("virus", "A(1)", "INFECTED (A_1_)"),
        ("bad_header", "odd", "BAD-HEADER-0"),
        ("bad_header.mime", "odd", "BAD-HEADER-1"),
        ("bad_header.8bit", "odd", "BAD-HEADER-2"),
        ("bad_header.control", "odd", "BAD-HEADER-3"),
        ("bad_header.space", "odd", "BAD-HEADER-4"),
        ("bad_header.long", "odd", "BAD-HEADER-5"),
        ("bad_header.syntax", "odd", "BAD-HEADER-6"),
        ("bad_header.missing", "odd", "BAD-HEADER-7"),
        ("bad_header.duplicate", "odd", "BAD-HEADER-8"),
        ("of_tomorrow", "odd", "OTHER"),
    ],
)
@pytest.mark.parametrize(("destiny", "word"), [(Destiny.PASS, "Passed"), (Destiny.REJECT, "Blocked")])
def test_each_category_has_its_word(category: str, name: str, shown: str, destiny: Destiny, word: str) -> None:
    lines = amavis_lines(message_to(), verdict_of(category, name, destiny))

    assert len(lines) == 1
    assert lines[0].startswith(f"{word} {shown} {{")


@pytest.mark.parametrize(
    ("destiny", "local", "user", "action"),
    [
        (Destiny.PASS, True, None, "AcceptedInbound"),
        (Destiny.PASS, None, None, "AcceptedInbound"),
        (Destiny.PASS, False, None, "AcceptedOpenRelay"),
        (Destiny.PASS, True, "bob", "AcceptedInternal"),
        (Destiny.PASS, False, "bob", "AcceptedOutbound"),
        (Destiny.REJECT, True, None, "RejectedInbound"),
        (Destiny.BOUNCE, True, None, "BouncedInbound"),
        (Destiny.DISCARD, True, None, "DiscardedInbound"),
        (Destiny.TEMPFAIL, True, None, "TempFailedInbound"),
    ],
)
def test_the_action_says_what_was_done_and_which_way_the_mail_went(
    destiny: Destiny, local: bool | None, user: str | None, action: str
) -> None:
    envelope = replace(ENVELOPE, recipients=(Recipient("b@example.com", local=local),), authenticated_user=user)

    lines = amavis_lines(message_to(envelope), verdict_on(envelope, destiny))

    assert f" {{{action}}}, " in lines[0]


def test_mail_that_some_get_has_two_lines_and_the_quarantine_is_told_once() -> None:
    envelope = replace(
        ENVELOPE, recipients=(Recipient("a@x.example"), Recipient("b@x.example"), Recipient("c@x.example"))
    )
    fates = (Destiny.PASS, Destiny.DISCARD, Destiny.BOUNCE)
    verdict = replace(
        verdict_of("banned", "program"),
        recipients=tuple(
            RecipientVerdict(one.address, fate, ("banned",), "default", VIRUS_REPLY)
            for one, fate in zip(envelope.recipients, fates, strict=True)
        ),
        quarantine=QuarantineReport(stored=True),
    )

    passed, blocked = amavis_lines(message_to(envelope), verdict)

    assert passed.startswith("Passed BANNED (program) {AcceptedInbound}, default")
    assert "-> <a@x.example>, Queue-ID" in passed
    assert blocked.startswith("Blocked BANNED (program) {DiscardedInbound,BouncedInbound,Quarantined}, default")
    assert "-> <b@x.example>,<c@x.example>, quarantine: b7kQ2sX9aLmP, " in blocked


def test_a_test_message_has_no_line() -> None:
    assert amavis_lines(message_to(replace(ENVELOPE, probe=True)), verdict_of("virus", "Eicar")) == ()


def test_observe_mode_says_what_would_have_been() -> None:
    verdict = replace(verdict_of("clean", destiny=Destiny.PASS), would_be=verdict_of("virus", "Eicar"))

    assert ", would_be: reject, " in amavis_lines(message_to(), verdict)[0]


def test_score_and_tests_are_told() -> None:
    verdict = replace(verdict_of("spam", "score 7.4"), spam=SpamReport(7.4, ("BAYES_99", "a, b]")))

    assert ", Hits: 7.4, size: 415, Tests: [BAYES_99,a__b_], " in amavis_lines(message_to(), verdict)[0]


def test_many_recipients_are_counted_and_not_all_listed() -> None:
    envelope = replace(ENVELOPE, recipients=tuple(Recipient(f"r{one}@x.example") for one in range(25)))

    line = amavis_lines(message_to(envelope), verdict_on(envelope))[0]

    assert "<r9@x.example>,<+15>, Queue-ID" in line


def test_whatever_strangers_write_each_line_has_the_form() -> None:
    lines = [line for message, verdict in verdicts_of_all_kinds(1000) for line in amavis_lines(message, verdict)]

    assert len(lines) == 1250
    assert [line for line in lines if not FORM.fullmatch(line)] == []
    assert max(map(len, lines)) < 4000
