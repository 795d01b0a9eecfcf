"""What becomes of one recipient's mail, by what was found and what the policy says."""

import pytest

from scanner_service.judge.facts import Facts
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.scanner_service.judge.policies import (
    BANNED,
    EIGHT_BIT,
    ENCRYPTED,
    NOT_DONE,
    TOO_BIG,
    VIRUS,
    book_of,
    envelope_to,
    judged,
)
from verdict_api.envelope import Recipient
from verdict_api.verdict import Destiny

POLICY = book_of(
    """
lovers.virus = ["lover@example.com"]
bypass.virus = ["bypass@example.com"]
bypass.banned = ["bypass@example.com"]
bypass.spam = ["bypass@example.com"]
white_senders = ["good.example"]
black_senders = ["bad.example"]
sender_scores = { "dubious.example" = 3, "friendly.example" = -3 }
banned_rule_set = { "dev@example.com" = "lenient" }
spam_levels.tag3 = 8
spam_levels.kill = { "strict@example.com" = 6, "." = 12 }
message_size_limit = { "small@example.com" = 70000 }
""",
    rule_sets=("default", "lenient"),
)
LENIENT = Finding(ContentCategory.BANNED, "banned", "x.iso", rule="lenient: images")
OTHERS_BANNED = Finding(ContentCategory.BANNED, "third", "x.iso")
SPAM, SPAMMY = ("spam",), ("spammy",)


def scored(score: float, category: ContentCategory | None = None) -> SpamScore:
    """What an engine with our own scale says, unless it has its own opinion."""
    levels = SpamLevels()
    return SpamScore("spamd", score, ("A",), category or levels.category_of(score), levels, levels.tag2)


@pytest.mark.parametrize(
    ("findings", "address", "destiny", "categories"),
    [
        ((), "bob", Destiny.PASS, ()),
        ((EIGHT_BIT,), "bob", Destiny.PASS, ("bad_header.8bit",)),
        ((BANNED, VIRUS), "bob", Destiny.REJECT, ("virus", "banned")),
        ((VIRUS,), "lover", Destiny.PASS, ("virus",)),
        ((VIRUS, BANNED), "lover", Destiny.REJECT, ("virus", "banned")),
        ((VIRUS, EIGHT_BIT), "bypass", Destiny.PASS, ("bad_header.8bit",)),
        ((NOT_DONE,), "bob", Destiny.TEMPFAIL, ("unchecked.not_done",)),
        ((NOT_DONE,), "lover", Destiny.TEMPFAIL, ("unchecked.not_done",)),
        ((NOT_DONE,), "bypass", Destiny.PASS, ()),
        ((TOO_BIG,), "bypass", Destiny.PASS, ()),
        ((NOT_DONE, TOO_BIG), "bob", Destiny.REJECT, ("unchecked.not_done", "unchecked.too_big_for_engine")),
        ((ENCRYPTED,), "bob", Destiny.PASS, ("unchecked.encrypted",)),
        ((BANNED,), "dev", Destiny.PASS, ()),
        ((LENIENT,), "dev", Destiny.REJECT, ("banned",)),
        ((LENIENT,), "bob", Destiny.PASS, ()),
        ((OTHERS_BANNED,), "dev", Destiny.REJECT, ("banned",)),
    ],
)
def test_what_is_found_and_whose_mail_it_is_decide(
    findings: tuple[Finding, ...], address: str, destiny: Destiny, categories: tuple[str, ...]
) -> None:
    judgement = judged(POLICY, *findings, to=envelope_to(f"{address}@example.com"))

    assert judgement.destiny is destiny
    assert judgement.recipients[0].categories == categories


@pytest.mark.parametrize(
    ("address", "sender", "score", "destiny", "categories"),
    [
        ("bob", "x@y.example", 4.9, Destiny.PASS, ()),
        ("bob", "x@y.example", 5.0, Destiny.PASS, SPAMMY),
        ("bob", "x@y.example", 7.9, Destiny.PASS, SPAMMY),
        ("bob", "x@y.example", 8.0, Destiny.PASS, ("spammy.tag3",)),
        ("bob", "x@y.example", 11.9, Destiny.PASS, ("spammy.tag3",)),
        ("bob", "x@y.example", 12.0, Destiny.REJECT, SPAM),
        ("strict", "x@y.example", 5.9, Destiny.PASS, SPAMMY),
        ("strict", "x@y.example", 6.0, Destiny.REJECT, SPAM),
        ("bypass", "x@y.example", 99.0, Destiny.PASS, ()),
        ("bob", "x@bad.example", 0.0, Destiny.REJECT, SPAM),
        ("bob", "x@bad.example", None, Destiny.REJECT, SPAM),
        ("bypass", "x@bad.example", 0.0, Destiny.PASS, ()),
        ("bob", "x@good.example", 99.0, Destiny.PASS, ()),
        ("bob", "x@dubious.example", 8.9, Destiny.PASS, ("spammy.tag3",)),
        ("bob", "x@dubious.example", 9.0, Destiny.REJECT, SPAM),
        ("bob", "x@dubious.example", None, Destiny.PASS, ()),
        ("bob", "x@friendly.example", 14.9, Destiny.PASS, ("spammy.tag3",)),
    ],
)
def test_scores_senders_and_levels_decide(
    address: str, sender: str, score: float | None, destiny: Destiny, categories: tuple[str, ...]
) -> None:
    spam = None if score is None else scored(score)

    judgement = judged(POLICY, to=envelope_to(f"{address}@example.com", sender=sender), spam=spam)

    assert judgement.destiny is destiny
    assert judgement.recipients[0].categories == categories


@pytest.mark.parametrize(
    ("policy", "category", "score", "found"),
    [
        ("", ContentCategory.SPAM, 1.0, ("spam",)),
        ("", ContentCategory.SPAMMY, 1.0, ("spammy",)),
        ("spam_levels.tag = 1", ContentCategory.SPAM, 1.0, ("spam",)),
        ("spam_levels.kill = 15", ContentCategory.SPAM, 1.0, ()),
        ("spam_levels.tag2 = 1", ContentCategory.SPAM, 1.0, ("spammy",)),
        ("spam_levels.tag2 = 1", ContentCategory.SPAM, 12.0, ("spam",)),
    ],
)
def test_an_engine_decides_by_itself_until_the_policy_names_a_level(
    policy: str, category: ContentCategory, score: float, found: tuple[str, ...]
) -> None:
    assert judged(policy, spam=scored(score, category)).recipients[0].categories == found


@pytest.mark.parametrize(
    ("sender", "authors", "is_black"),
    [
        ("x@bad.example", (), True),
        ("x@y.example", ("x@bad.example",), True),
        ("x@y.example", ("z@y.example",), False),
        ("", ("x@bad.example",), True),
        ("", (), False),
    ],
)
def test_the_author_is_a_sender_as_well(sender: str, authors: tuple[str, ...], is_black: bool) -> None:
    judgement = judged(POLICY, to=envelope_to(sender=sender), authors=authors)

    assert (judgement.recipients[0].categories == SPAM) is is_black


@pytest.mark.parametrize("key", ["", "@"])
def test_a_list_may_name_the_null_sender(key: str) -> None:
    policy = f'black_senders = ["!{key}", "!good.example", "."]'

    assert judged(policy, to=envelope_to(sender="")).destiny is Destiny.PASS
    assert judged(policy, to=envelope_to(sender="x@good.example")).destiny is Destiny.PASS
    assert judged(policy, to=envelope_to(sender="x@y.example")).destiny is Destiny.REJECT


@pytest.mark.parametrize(
    ("recipient", "sender", "destiny"),
    [
        ("ann", "x@hers.example", Destiny.REJECT),
        ("ann", "x@common.example", Destiny.PASS),
        ("bob", "x@common.example", Destiny.REJECT),
        ("bob", "x@hers.example", Destiny.PASS),
    ],
)
def test_one_list_of_senders_holds_for_a_recipient(recipient: str, sender: str, destiny: Destiny) -> None:
    policy = 'black_senders = { "ann@example.com" = ["hers.example"], "." = ["common.example"] }'

    judgement = judged(policy, to=envelope_to(f"{recipient}@example.com", sender=sender))

    assert judgement.destiny is destiny


def test_points_of_a_sender_stand_among_the_tests() -> None:
    judgement = judged(POLICY, to=envelope_to(sender="x@dubious.example"), spam=scored(1.5))

    assert (judgement.spam.score, judgement.spam.tests) == (4.5, ("A", "SENDER=3"))


def test_a_black_list_says_which_entry_it_was() -> None:
    (finding,) = judged(POLICY, to=envelope_to(sender="x@bad.example")).findings

    assert (finding.inspector, finding.name, finding.detail) == ("policy", "black list", "black_senders: bad.example")


@pytest.mark.parametrize(("size", "destiny"), [(70_000, Destiny.PASS), (70_001, Destiny.REJECT)])
def test_a_message_may_be_as_large_as_its_recipient_has_it(size: int, destiny: Destiny) -> None:
    judgement = judged(POLICY, to=envelope_to("small@example.com"), size=size)

    assert judgement.destiny is destiny
    assert judged(POLICY, size=size).destiny is Destiny.PASS


def test_a_size_limit_says_whose_it_is() -> None:
    (finding,) = judged(POLICY, to=envelope_to("small@example.com"), size=70_001).findings

    assert finding.detail == "70001 bytes, and the limit of small@example.com is 70000"
    assert (finding.category, finding.inspector, finding.name) == (
        ContentCategory.OVERSIZED,
        "policy",
        "message too big",
    )


def test_the_entry_that_decided_is_told() -> None:
    policy = 'destinies.virus = { "bob@example.com" = "discard", "." = "reject" }'

    assert judged(policy, VIRUS).recipients[0].rule == "destinies.virus bob@example.com"
    assert judged(policy, VIRUS, to=envelope_to("eve@example.com")).recipients[0].rule == "destinies.virus"


BOUNCED = 'destinies.banned = "bounce"\nbounces = true'


@pytest.mark.parametrize(
    ("policy", "findings", "notify", "facts", "note"),
    [
        (BOUNCED, (BANNED,), "", {}, ""),
        (BOUNCED, (BANNED,), "F", {}, ""),
        ('destinies.banned = "bounce"', (BANNED,), "", {}, "no bounce: the sender is a stranger"),
        ('destinies.banned = "bounce"\nbounces = false', (BANNED,), "", {}, "no bounce: the sender is a stranger"),
        (BOUNCED, (BANNED,), "N", {}, "no bounce: the sender wants no notice"),
        (BOUNCED, (BANNED,), "", {"bulk": "List-Id"}, "no bounce: nobody waits for an answer: List-Id"),
        ('destinies.virus = "bounce"\nbounces = true', (VIRUS,), "", {}, "no bounce: a virus forges its sender"),
        (f"{BOUNCED}\nspam_levels.dsn_cutoff = 5", (BANNED,), "", {"spam": scored(4.9)}, ""),
        (
            f"{BOUNCED}\nspam_levels.dsn_cutoff = 5",
            (BANNED,),
            "",
            {"spam": scored(5.0)},
            "no bounce: the score is above dsn_cutoff",
        ),
        (f"{BOUNCED}\nspam_levels.dsn_cutoff = 5", (BANNED,), "", {}, ""),
    ],
)
def test_only_a_known_sender_who_waits_for_an_answer_is_told_by_mail(
    policy: str, findings: tuple[Finding, ...], notify: str, facts: dict[str, object], note: str
) -> None:
    judgement = judged(policy, *findings, to=envelope_to(Recipient("b@x.example", notify=notify)), **facts)

    assert judgement.recipients[0].destiny is (Destiny.REJECT if note else Destiny.BOUNCE)
    assert judgement.recipients[0].note == note


def test_nobody_is_told_by_mail_about_a_notice() -> None:
    judgement = judged(f"{BOUNCED}\n[banks.null_sender]\nbounces = true", BANNED, to=envelope_to(sender=""))

    assert judgement.recipients[0].note == "no bounce: null sender"


@pytest.mark.parametrize(
    ("policy", "finding", "destiny"),
    [
        ("", VIRUS, Destiny.DISCARD),
        ("", BANNED, Destiny.DISCARD),
        ("", TOO_BIG, Destiny.PASS),
        ('mixed.virus = "softest"', VIRUS, Destiny.PASS),
        ('mixed.virus = "strictest"', VIRUS, Destiny.REJECT),
        ('mixed.unchecked = "discard"', TOO_BIG, Destiny.DISCARD),
        ('mixed."unchecked.too_big_for_engine" = "discard"\nmixed.unchecked = "strictest"', TOO_BIG, Destiny.DISCARD),
    ],
)
def test_what_a_refusal_becomes_amid_others_is_by_category_unless_the_policy_says(
    policy: str, finding: Finding, destiny: Destiny
) -> None:
    others = 'bypass.virus = ["other@"]\nbypass.banned = ["other@"]\n'

    judgement = judged(others + policy, finding, to=envelope_to("bob@example.com", "other@example.com"))

    assert judgement.recipients[0].destiny is destiny


def test_facts_hold_nothing_that_was_not_said() -> None:
    facts = Facts("id", envelope_to())

    assert (facts.findings, facts.spam, facts.authors, facts.bulk, facts.size) == ((), None, (), "", 0)
    assert SpamPoints("A", 1.0) not in facts.spam_points
