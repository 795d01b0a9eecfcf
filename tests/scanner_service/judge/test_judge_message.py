"""From facts to a judgement: each recipient's own fate, and one answer for all of them."""

from dataclasses import replace

import pytest

from scanner_service.judge.judge_message import bypassed_by_all
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.judgement import Judgement, TagFacts
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.scanner_service.judge.policies import (
    BANNED,
    EIGHT_BIT,
    ENCRYPTED,
    HIDING,
    MAIL_ID,
    NOT_DONE,
    VIRUS,
    book_of,
    envelope_to,
    judged,
)
from verdict_api.envelope import Envelope, Recipient
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import DecidedBy, Destiny, RecipientVerdict, SpamReport

PASS, REJECT, DISCARD, TEMPFAIL = Destiny.PASS, Destiny.REJECT, Destiny.DISCARD, Destiny.TEMPFAIL
ON_TRIAL = replace(BANNED, observed=True)
OK = SmtpReply(200, "2.0.0", f"Ok, id={MAIL_ID}")
TAG_LEVEL = "spam_levels.tag = 1\n"
HAM = SpamScore("spamd", 1.5, ("BAYES_00",), None, SpamLevels(), 5.0)


def marks_of(judgement: Judgement) -> TagFacts:
    """Return what the header is marked with, without the facts that it tells (test_told_in_the_header)."""
    return replace(judgement.tags, findings=(), spam=SpamReport())


def test_everybody_gets_a_message_in_which_nothing_was_found() -> None:
    to = envelope_to("bob@example.com", "carol@example.com")

    judgement = judged(TAG_LEVEL, to=to, spam=HAM)

    assert judgement == Judgement(
        destiny=Destiny.PASS,
        reply=OK,
        decided_by=DecidedBy("clean", None, "default", ""),
        recipients=tuple(
            RecipientVerdict(address, Destiny.PASS, (), "default", OK)
            for address in ("bob@example.com", "carol@example.com")
        ),
        spam=SpamReport(1.5, ("BAYES_00",)),
        tags=TagFacts(spam=SpamReport(1.5, ("BAYES_00",)), required=5.0, tag_level=1.0),
    )


def test_a_finding_that_nothing_follows_from_changes_nothing_else() -> None:
    clean = judged(TAG_LEVEL, spam=HAM)

    passed = judged(TAG_LEVEL, EIGHT_BIT, spam=HAM)

    assert passed.findings == (EIGHT_BIT,)
    assert [one.categories for one in passed.recipients] == [("bad_header.8bit",)]
    assert (passed.destiny, passed.reply, passed.decided_by, passed.spam, passed.tags) == (
        clean.destiny,
        clean.reply,
        clean.decided_by,
        clean.spam,
        replace(clean.tags, findings=(EIGHT_BIT,)),
    )


BOB, CAROL = "bob@example.com", "carol@example.com"
BOTH = envelope_to(BOB, CAROL)
REMOTE = envelope_to(Recipient("eve@remote.example", local=False))


def sent(judgement: Judgement) -> list[tuple[Destiny, str | None]]:
    """What becomes of each recipient's mail, and who gets it instead."""
    return [(one.destiny, one.replaced_by) for one in judgement.recipients]


def spam(score: float = 20.0) -> SpamScore:
    levels = SpamLevels()
    return SpamScore("spamd", score, (), levels.category_of(score), levels, levels.tag2)


@pytest.mark.parametrize(
    ("policy", "to", "wanted"),
    [
        ('redirect.virus = "abuse@{domain}"', envelope_to(BOB), [(PASS, "abuse@example.com")]),
        ('redirect.virus = ""', envelope_to(BOB), [(REJECT, None)]),
        ('redirect.banned = "abuse@{domain}"', envelope_to(BOB), [(REJECT, None)]),
        ('redirect.virus = "abuse@{domain}"', REMOTE, [(REJECT, None)]),
        ('redirect.virus = "abuse@{domain}"\nlovers.virus = true', envelope_to(BOB), [(PASS, None)]),
        (
            'redirect.virus = "abuse@{domain}"\ndestinies.virus = "pass"',
            envelope_to(BOB),
            [(PASS, "abuse@example.com")],
        ),
        ('redirect.virus = "abuse@{domain}"\ndestinies.virus = "tempfail"', envelope_to(BOB), [(TEMPFAIL, None)]),
        ('redirect.virus = "abuse@{domain}"\nsoft_bounce = true', envelope_to(BOB), [(TEMPFAIL, None)]),
        ('redirect.virus = "abuse@{domain}"', BOTH, [(PASS, "abuse@example.com"), (DISCARD, None)]),
        ('redirect.virus = "x-{local}@{domain}"', BOTH, [(PASS, f"x-{BOB}"), (PASS, f"x-{CAROL}")]),
        (
            f'redirect.virus = {{ "{BOB}" = "{CAROL}" }}\nlovers.virus = ["{CAROL}"]',
            BOTH,
            [(DISCARD, None), (PASS, None)],
        ),
        (f'redirect.virus = "{BOB}"', envelope_to(BOB), [(PASS, None)]),
        (
            'lovers.virus = true\naddress_extension.virus = "+virus"',
            envelope_to(BOB),
            [(PASS, "bob+virus@example.com")],
        ),
        ('lovers.virus = true\naddress_extension.virus = "+virus"', REMOTE, [(PASS, None)]),
        ('lovers.virus = true\naddress_extension.virus = ""', envelope_to(BOB), [(PASS, None)]),
        ('address_extension.virus = "+virus"', envelope_to(BOB), [(REJECT, None)]),
        (
            'lovers.virus = true\nrecipient_delimiter = "-"\naddress_extension.virus = "-virus"',
            envelope_to("bob-list@example.com"),
            [(PASS, "bob-virus@example.com")],
        ),
        (
            'lovers.virus = true\naddress_extension.virus = "+virus"\nlocal_domains = ["elsewhere.example"]',
            envelope_to(BOB),
            [(PASS, None)],
        ),
        (
            'lovers.virus = true\naddress_extension.virus = "+virus"\nlocal_domains = ["remote.example"]',
            REMOTE,
            [(PASS, "eve+virus@remote.example")],
        ),
    ],
)
def test_what_is_found_may_go_elsewhere(policy: str, to: Envelope, wanted: list[tuple[Destiny, str | None]]) -> None:
    assert sent(judged(policy, VIRUS, to=to)) == wanted


def test_a_recipient_whose_mail_goes_where_it_is_anyway_is_told_so() -> None:
    judgement = judged('redirect.virus = "abuse@{domain}"', VIRUS, to=BOTH)

    assert [one.note for one in judgement.recipients] == ["", "abuse@example.com gets it already"]
    assert (judgement.destiny, judgement.notice_due) == (PASS, False)


def test_a_redirect_is_of_the_finding_that_decided() -> None:
    policy = 'redirect.bad_header = "low@example.com"\nredirect.virus = "high@example.com"\n'

    assert sent(judged(policy, VIRUS, EIGHT_BIT)) == [(PASS, "high@example.com")]
    assert sent(judged(policy + 'destinies.bad_header = "reject"', VIRUS, EIGHT_BIT)) == [(PASS, "high@example.com")]
    assert sent(judged('redirect.bad_header = "low@example.com"', VIRUS, EIGHT_BIT)) == [(REJECT, None)]
    assert sent(judged(policy, EIGHT_BIT)) == [(PASS, "low@example.com")]


@pytest.mark.parametrize(
    ("policy", "findings", "copies"),
    [
        ('copy_to.virus = "abuse@example.com"', [VIRUS], ()),  # refused: nobody gets it
        ('copy_to.virus = "abuse@example.com"\ndestinies.virus = "tempfail"', [VIRUS], ()),
        ('copy_to.virus = "abuse@example.com"\ndestinies.virus = "discard"', [VIRUS], ("abuse@example.com",)),
        ('copy_to.virus = "abuse@example.com"\ndestinies.virus = "pass"', [VIRUS], ("abuse@example.com",)),
        ('copy_to.virus = ""\ndestinies.virus = "pass"', [VIRUS], ()),
        ('copy_to.virus = "abuse@example.com"\ndestinies.virus = "pass"', [EIGHT_BIT], ()),
        ('copy_to.bad_header = "carol@example.com"', [EIGHT_BIT], ()),  # a recipient already
        (
            'copy_to.bad_header = "a@example.com"\ncopy_to."unchecked.encrypted" = "b@example.com"',
            [EIGHT_BIT, ENCRYPTED],
            ("b@example.com", "a@example.com"),
        ),
    ],
)
def test_somebody_may_get_a_copy_of_what_is_taken(
    policy: str, findings: list[Finding], copies: tuple[str, ...]
) -> None:
    assert judged(policy, *findings, to=BOTH).added_recipients == copies


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("", False),
        ('destinies.virus = "discard"', False),
        ("refuse = false", True),
        ("refuse = true", False),
        ('refuse = false\ndestinies.virus = "discard"', True),
        ('refuse = false\ndestinies.virus = "pass"', False),
        ('refuse = false\ndestinies.virus = "tempfail"', False),
    ],
)
def test_an_administrator_is_told_of_what_nobody_else_is_told_of(policy: str, *, wanted: bool) -> None:
    assert judged(policy, VIRUS).notice_due is wanted


@pytest.mark.parametrize(
    ("policy", "findings", "message", "would_be"),
    [
        ('observe = ["virus"]', [VIRUS], PASS, REJECT),
        ("observe = true", [VIRUS, BANNED], PASS, REJECT),
        ("observe = false", [VIRUS], REJECT, None),
        ("observe = []", [VIRUS], REJECT, None),
        ('observe = ["banned"]', [VIRUS], REJECT, None),
        ('observe = ["virus"]', [VIRUS, BANNED], REJECT, REJECT),
        ('observe = ["unchecked"]', [NOT_DONE], PASS, TEMPFAIL),
        ('observe = ["unchecked.not_done"]', [NOT_DONE], PASS, TEMPFAIL),
        ('observe = ["unchecked.encrypted"]', [NOT_DONE], TEMPFAIL, None),
        ('observe = ["bad_header"]', [EIGHT_BIT], PASS, None),
        ("", [ON_TRIAL], PASS, REJECT),
        ("", [ON_TRIAL, BANNED], REJECT, None),
    ],
)
def test_what_is_only_observed_has_no_consequences(
    policy: str, findings: list[Finding], message: Destiny, would_be: Destiny | None
) -> None:
    judgement = judged(policy, *findings)

    assert judgement.destiny is message
    assert (judgement.would_be and judgement.would_be.destiny) is would_be
    assert set(judgement.findings) == set(findings)


def test_what_observing_changes_is_what_would_have_been() -> None:
    wanted = judged("", VIRUS)

    observed = judged('observe = ["virus"]', VIRUS)

    assert observed.would_be == replace(wanted, would_be=None)
    assert observed.reply == OK
    assert observed.recipients[0].categories == ("virus",)


def test_one_host_may_observe_everything() -> None:
    judgement = judged("", VIRUS, to=envelope_to(BOB, observe=True))

    assert (judgement.destiny, judgement.would_be and judgement.would_be.destiny) == (PASS, REJECT)


def test_observed_findings_mark_copy_redirect_and_extend_nothing() -> None:
    policy = """
observe = ["spam"]
copy_to.spam = "abuse@example.com"
redirect.spam = "spam@example.com"
address_extension.spam = "+spam"
subject_tags.spam = "[SPAM] "
"""
    judgement = judged(policy, spam=spam())

    assert sent(judgement) == [(PASS, None)]
    assert judgement.added_recipients == ()
    assert marks_of(judgement) == TagFacts(required=5.0)
    assert judgement.spam.score == 20.0


def test_what_passes_anyway_is_not_tagged_where_it_is_only_observed() -> None:
    judgement = judged('observe = ["spammy"]\nsubject_tags.spammy = "[S] "', spam=spam(7.0))

    assert marks_of(judgement) == TagFacts(required=5.0)
    assert judgement.would_be is None


@pytest.mark.parametrize(
    ("policy", "to", "score", "tags"),
    [
        ("", BOTH, 20.0, TagFacts(wanted=False)),  # nobody gets it
        ("tags = false", BOTH, 7.0, TagFacts(wanted=False)),
        ("", BOTH, 7.0, TagFacts(is_spam=True, required=5.0)),
        ("lovers.spam = true", BOTH, 20.0, TagFacts(is_spam=True, required=5.0)),
        ("", BOTH, 1.0, TagFacts(required=5.0)),
        (f'bypass.spam = ["{BOB}"]', BOTH, 7.0, TagFacts(required=5.0)),  # not all of them want it marked
        (f'spam_levels.tag2 = {{ "{BOB}" = 2, "{CAROL}" = 3 }}', BOTH, 7.0, TagFacts(is_spam=True, required=3.0)),
        (f'spam_levels.tag = {{ "{BOB}" = 2, "{CAROL}" = 3 }}', BOTH, 1.0, TagFacts(required=5.0, tag_level=2.0)),
        ('subject_tags.spammy = "[S] "', BOTH, 7.0, TagFacts(is_spam=True, required=5.0, subject_tag="[S] ")),
        (f'subject_tags.spammy = {{ "{BOB}" = "[S] " }}', BOTH, 7.0, TagFacts(is_spam=True, required=5.0)),
        (
            f'subject_tags.spammy = {{ "{BOB}" = "[S] " }}\nlovers.spam = ["{BOB}"]',
            BOTH,
            20.0,
            TagFacts(is_spam=True, required=5.0),
        ),
        (
            f'subject_tags.spam = {{ "{BOB}" = "[S] " }}\nlovers.spam = ["{BOB}"]\nmixed.spam = "discard"',
            BOTH,
            20.0,
            TagFacts(is_spam=True, required=5.0, subject_tag="[S] "),
        ),
    ],
)
def test_the_header_tells_what_holds_for_all_who_get_the_message(
    policy: str, to: Envelope, score: float, tags: TagFacts
) -> None:
    assert marks_of(judged(policy, to=to, spam=spam(score))) == tags


@pytest.mark.parametrize(
    ("policy", "decided_by", "reply"),
    [
        ("", DecidedBy("banned", "banned", "default", "destinies.banned"), "BANNED: setup.exe"),
        (
            f'lovers.banned = ["{BOB}"]',
            DecidedBy("banned", "banned", "default", "destinies.banned"),  # carol's is discarded
            "",
        ),
        (
            f'destinies.banned = {{ "{BOB}" = "tempfail" }}',
            DecidedBy("banned", "banned", "default", f"destinies.banned {BOB}"),
            "BANNED: setup.exe",
        ),
        (
            f'bypass.banned = ["{CAROL}"]\ndestinies.bad_header = "reject"\nmixed.banned = "strictest"',
            DecidedBy("banned", "banned", "default", "destinies.banned"),
            "BANNED: setup.exe",
        ),
        (
            f'lovers.banned = ["{BOB}"]\nmixed.banned = "strictest"',
            DecidedBy("banned", "banned", "default", "destinies.banned"),
            "BANNED: setup.exe",
        ),
        (
            f'bypass.banned = ["{BOB}"]\ndestinies.bad_header = "tempfail"',
            DecidedBy("bad_header.8bit", "bad_header", "default", "destinies.bad_header"),
            "BAD HEADER: 8bit",
        ),
    ],
)
def test_who_is_refused_the_hardest_speaks_for_the_message(policy: str, decided_by: DecidedBy, reply: str) -> None:
    judgement = judged(policy, EIGHT_BIT, BANNED, to=BOTH)

    assert judgement.reply.text.partition(" - ")[2] == reply
    assert judgement.decided_by == decided_by


@pytest.mark.parametrize(
    ("policy", "bypassed"),
    [
        ("", set()),
        ("bypass.virus = true", {"virus"}),
        (f'bypass.virus = ["{BOB}"]', set()),
        (f'bypass.virus = ["{BOB}", "{CAROL}"]\nbypass.spam = ["{BOB}"]', {"virus"}),
        ("bypass.virus = true\nbypass.bad_header = true", {"virus", "bad_header"}),
    ],
)
def test_what_no_recipient_wants_looked_for_is_told(policy: str, bypassed: set[str]) -> None:
    found = bypassed_by_all(BOTH.recipients, book_of(policy).base)

    assert {category.word for category in found} == bypassed


def test_senders_are_looked_at_where_a_policy_has_tables_of_them() -> None:
    by_list = judged('black_senders = ["evil.example"]', authors=("eve@evil.example",))
    by_score = judged('sender_scores = { "evil.example" = 9 }', authors=("eve@evil.example",))

    assert [one.category.word for one in by_list.findings] == ["spam"]
    assert [one.category.word for one in by_score.findings] == ["spammy"]


def test_soft_bounce_is_told_as_the_reason() -> None:
    refused, later = judged("soft_bounce = true", VIRUS), judged("soft_bounce = true", NOT_DONE)

    assert (refused.destiny, refused.recipients[0].note) == (TEMPFAIL, "soft_bounce")
    assert (later.destiny, later.recipients[0].note) == (TEMPFAIL, "")


def test_a_reading_that_hides_something_is_the_rule_that_is_told() -> None:
    assert judged("", HIDING).recipients[0].rule == "a reading that hides a program or an archive"


def test_the_rules_of_other_inspectors_are_in_no_set() -> None:
    other = Finding(BANNED.category, "third", "x.iso", rule="its: own rule")
    unnamed = Finding(BANNED.category, "banned", "x.iso")

    assert judged("", other).findings == (other,)
    assert judged("", unnamed).findings == (unnamed,)


def test_what_one_of_two_bypasses_is_refused_to_the_other() -> None:
    assert sent(judged(f'bypass.virus = ["{BOB}"]', VIRUS, to=BOTH)) == [(PASS, None), (DISCARD, None)]


def test_who_bypasses_spam_has_no_score_and_hears_of_no_spam() -> None:
    third = Finding(ContentCategory.SPAMMY, "third", "dubious")

    judgement = judged("bypass.spam = true", third, spam=spam())

    assert (judgement.findings, judgement.spam) == ((), SpamReport())


@pytest.mark.parametrize(
    ("policy", "message", "each"),
    [
        ("", 550, [550, 550]),
        ('destinies.virus = "tempfail"', 451, [451, 451]),
        ('destinies.virus = "discard"', 200, [200, 200]),
        ('destinies.banned = "bounce"\nbypass.virus = true\nbounces = true', 200, [550, 550]),
        (f'lovers = {{ virus = ["{BOB}"], banned = ["{BOB}"] }}', 200, [200, 200]),
    ],
)
def test_each_recipient_has_a_reply_of_its_own(policy: str, message: int, each: list[int]) -> None:
    judgement = judged(policy, VIRUS, BANNED, to=BOTH)

    assert judgement.reply.code == message
    assert [one.reply.code for one in judgement.recipients] == each


def test_no_rule_is_named_where_nothing_stands_against_the_mail() -> None:
    judgement = judged("", EIGHT_BIT)

    assert (judgement.recipients[0].rule, judgement.decided_by.rule) == ("", "")


def test_a_recipient_who_does_not_get_the_mail_may_get_that_of_another() -> None:
    policy = f'redirect.virus = {{ "{BOB}" = "{CAROL}" }}\ndestinies.virus = "discard"'

    assert sent(judged(policy, VIRUS, to=BOTH)) == [(PASS, CAROL), (DISCARD, None)]


def test_a_bounce_speaks_for_the_message_before_a_discard() -> None:
    policy = f'bounces = true\ndestinies = {{ virus = "discard", banned = "bounce" }}\nbypass.virus = ["{CAROL}"]'

    judgement = judged(policy, VIRUS, BANNED, to=BOTH)

    assert (judgement.destiny, judgement.decided_by.category) == (Destiny.BOUNCE, "banned")


def test_who_wanted_it_and_is_refused_with_the_others_reads_of_a_policy() -> None:
    policy = f'mixed.virus = "strictest"\nlovers.virus = ["{BOB}"]'

    judgement = judged(policy, VIRUS, to=BOTH)

    assert [one.reply.text.partition(" - ")[2] for one in judgement.recipients] == ["policy", "INFECTED: Eicar"]


def test_a_long_list_of_names_is_cut_to_its_limit() -> None:
    names = [Finding(ContentCategory.VIRUS, "clamd", f"Virus{number}") for number in range(99)]

    why = judged("", *names).reply.text.partition(" - INFECTED: ")[2]

    assert len(why) == 200
    assert why.endswith("...")


def test_what_is_spammy_and_refused_is_called_spam() -> None:
    assert judged('destinies.spammy = "reject"', spam=spam(7.0)).reply.text.endswith(" - spam")
