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


def test_a_verdict_on_other_recipients_makes_no_line_about_the_wrong_ones() -> None:
    two = replace(ENVELOPE, recipients=(*ENVELOPE.recipients, Recipient("eve@example.com")))

    with pytest.raises(ValueError, match="zip"):
        amavis_lines(message_to(two), verdict_of("clean"))


def test_observe_mode_says_what_would_have_been() -> None:
    verdict = replace(verdict_of("clean", destiny=Destiny.PASS), would_be=verdict_of("virus", "Eicar"))

    assert ", would_be: reject, " in amavis_lines(message_to(), verdict)[0]


def test_score_and_tests_are_told() -> None:
    verdict = replace(verdict_of("spam", "score 7.4"), spam=SpamReport(7.4, ("BAYES_99", "a, b]")))

    assert ", Hits: 7.4, size: 415, Tests: [BAYES_99,a__b_], " in amavis_lines(message_to(), verdict)[0]


@pytest.mark.parametrize(
    ("number", "end"), [(10, "<r9@x.example>"), (11, "<r9@x.example>,<+1>"), (25, "<r9@x.example>,<+15>")]
)
def test_many_recipients_are_counted_and_not_all_listed(number: int, end: str) -> None:
    envelope = replace(ENVELOPE, recipients=tuple(Recipient(f"r{one}@x.example") for one in range(number)))

    line = amavis_lines(message_to(envelope), verdict_on(envelope))[0]

    assert f",<r8@x.example>,{end}, Queue-ID" in line


def findings_of(category: str, *names: str, sub_category: str | None = None) -> tuple[ReportedFinding, ...]:
    return tuple(ReportedFinding(category, sub_category, "x", name) for name in names)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("A", "B", "A"), "A, B"),
        (("a[1]{b}<c>(d)",), "a_1__b__c__d_"),
        (("a\\b\r\n\xfc",), r"a\x5cb\x0d\x0a\xc3\xbc"),
        (("x" * 256,), "x" * 256),
        (("x" * 257,), "x" * 253 + "..."),
        (("A", "x" * 253), "A, " + "x" * 253),
        (("A", "x" * 254), "A, " + "x" * 250 + "..."),
        (tuple(str(number) for number in range(10, 60)), ", ".join(str(number) for number in range(10, 60))),
        (tuple(str(number) for number in range(10, 61)), ", ".join(str(number) for number in range(10, 60))),
    ],
)
def test_what_was_found_is_named_once_in_few_printable_characters(names: tuple[str, ...], shown: str) -> None:
    others = findings_of("banned", "not a virus")
    verdict = replace(verdict_of("virus"), findings=(*findings_of("virus", *names), *others))

    assert amavis_lines(message_to(), verdict)[0].startswith(f"Blocked INFECTED ({shown}) {{")


@pytest.mark.parametrize(
    ("categories", "shown"),
    [
        ((("oversized",), ("spam", "oversized")), "SPAM"),
        ((("bad_header.missing",), ("oversized",)), "BAD-HEADER-7"),
        ((("clean", "of_tomorrow"), ("clean",)), "CLEAN"),
        ((("of_tomorrow", "clean"),), "CLEAN"),
        (((), ()), "CLEAN"),
    ],
)
def test_what_passes_is_called_by_the_worst_that_anybody_gets(
    categories: tuple[tuple[str, ...], ...], shown: str
) -> None:
    envelope = replace(ENVELOPE, recipients=tuple(Recipient(f"r{one}@x.example") for one in range(len(categories))))
    verdict = verdict_on(envelope)
    recipients = tuple(replace(one, categories=own) for one, own in zip(verdict.recipients, categories, strict=True))

    line = amavis_lines(message_to(envelope), replace(verdict, recipients=recipients))[0]

    assert line.startswith(f"Passed {shown} {{")


@pytest.mark.parametrize(
    ("policies", "shown"),
    [
        (("",), "default"),
        (("own_users/partner",), "own_users/partner"),
        (("", "own_users"), "own_users"),
        (("odd [name] <x>",), "odd__name___x_"),
        (("x" * 257,), "x" * 253 + "..."),
    ],
)
def test_the_policy_is_one_word(policies: tuple[str, ...], shown: str) -> None:
    envelope = replace(ENVELOPE, recipients=tuple(Recipient(f"r{one}@x.example") for one in range(len(policies))))
    verdict = verdict_on(envelope)
    recipients = tuple(replace(one, policy=own) for one, own in zip(verdict.recipients, policies, strict=True))

    line = amavis_lines(message_to(envelope), replace(verdict, recipients=recipients))[0]

    assert f"}}, {shown} [192.0.2.25] [8.8.8.8] <" in line


def test_whoever_may_relay_is_an_own_user() -> None:
    envelope = replace(ENVELOPE, relay_client=True)

    assert "{AcceptedInternal}, default LOCAL [" in amavis_lines(message_to(envelope), verdict_on(envelope))[0]


def test_a_client_cannot_end_the_brackets_around_it() -> None:
    envelope = replace(ENVELOPE, client=Client("odd] <x>\n"))

    assert r", default [odd_ _x_\x0a] [8.8.8.8] <" in amavis_lines(message_to(envelope), verdict_on(envelope))[0]


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (float("inf"), "-"),
        (0.0, "0"),
        (-0.0001, "0"),
        (-3.25, "-3.25"),
        (7.1234, "7.123"),
        (7.1236, "7.124"),
        (10.0, "10"),
        (1e9, "1000000000"),
        (1e-9, "0"),
    ],
)
def test_a_score_has_three_decimals_at_the_most_and_no_exponent(score: float | None, shown: str) -> None:
    verdict = replace(verdict_of("clean"), spam=SpamReport(score))

    assert f", Hits: {shown}, size: 415, 41 ms" in amavis_lines(message_to(), verdict)[0]


@pytest.mark.parametrize(
    ("tests", "shown"),
    [
        (("x" * 61, "AV:a=0.1", "b\xfc"), "x" * 60 + ",AV:a=0.1,b_"),
        (tuple(f"T{number}" for number in range(51)), ",".join(f"T{number}" for number in range(50))),
    ],
)
def test_fifty_tests_are_listed_with_sixty_characters_of_each(tests: tuple[str, ...], shown: str) -> None:
    verdict = replace(verdict_of("spam"), spam=SpamReport(7.0, tests))

    assert f", Tests: [{shown}], 41 ms" in amavis_lines(message_to(), verdict)[0]


def test_why_mail_is_unchecked_is_told_once_for_each_reason() -> None:
    encrypted = findings_of("unchecked", "a.zip", "b.zip", sub_category="encrypted")
    odd = findings_of("unchecked", "c", sub_category="of tomorrow, {odd}")
    none = findings_of("unchecked", "d")
    other = findings_of("bad_header", "missing", sub_category="missing")
    verdict = replace(verdict_of("unchecked.encrypted"), findings=(*encrypted, *odd, *none, *other))

    assert ", size: 415, unchecked: encrypted/of_tomorrow___odd_, 41 ms" in amavis_lines(message_to(), verdict)[0]


@pytest.mark.parametrize(("milliseconds", "shown"), [({"total": 40.6}, "41"), ({"total": -3.0}, "0"), ({}, "0")])
def test_the_time_is_in_whole_milliseconds(milliseconds: dict[str, float], shown: str) -> None:
    verdict = replace(verdict_of("clean"), milliseconds=milliseconds)

    assert amavis_lines(message_to(), verdict)[0].endswith(f", size: 415, {shown} ms")


def test_the_copy_of_mail_that_all_get_is_told() -> None:
    verdict = replace(verdict_of("virus", "Eicar", Destiny.PASS), quarantine=QuarantineReport(stored=True))

    line = amavis_lines(message_to(), verdict)[0]

    assert line.startswith("Passed INFECTED (Eicar) {AcceptedInbound,Quarantined}, default")
    assert "-> <bob@example.com>, quarantine: b7kQ2sX9aLmP, Queue-ID: 0016.6B03, " in line


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", "<>"),
        ("<ann@example.net>", "<ann@example.net>"),
        ("a b<c>@x", r"<a\x20b\x3cc\x3e@x>"),
        ("a\n\\\udcff@x", r"<a\x0a\x5c\xff@x>"),
        ("x" * 256, f"<{'x' * 256}>"),
        ("x" * 257, f"<{'x' * 253}...>"),
    ],
)
def test_an_address_has_one_pair_of_angle_brackets_and_no_blank(address: str, shown: str) -> None:
    envelope = Envelope(address, (Recipient(address),), queue_id="odd, id (1)")
    verdict = replace(verdict_on(envelope), message=MessageFacts(415, "", address or None))

    line = amavis_lines(message_to(envelope, b"\r\n"), verdict)[0]

    told_id = f" Message-ID: {shown}," if address else ""
    assert f", default {shown} -> {shown}, Queue-ID: odd__id__1_,{told_id} mail_id: b7kQ2sX9aLmP, " in line


def test_whatever_strangers_write_each_line_has_the_form() -> None:
    lines = [line for message, verdict in verdicts_of_all_kinds(1000) for line in amavis_lines(message, verdict)]

    assert len(lines) == 1250
    assert [line for line in lines if not FORM.fullmatch(line)] == []
    assert max(map(len, lines)) < 4000
