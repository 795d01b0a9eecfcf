"""From findings to a destiny, a rule and the words of the reply, under the policy that nobody has changed."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.judgement import Judgement
from scanner_service.model.spam_points import SpamPoints
from tests.scanner_service.judge.policies import (
    AMBIGUOUS,
    BANNED,
    EIGHT_BIT,
    ENCRYPTED,
    HIDING,
    MAIL_ID,
    NOT_DONE,
    OVER_LIMITS,
    TOO_BIG,
    book_of,
    judged,
)
from verdict_api.verdict import Destiny

SMTP_LINE_LIMIT = 512  # RFC 5321 §4.5.3.1.5, with its CRLF
BOOK = book_of()


def virus(name: str = "Eicar-Test-Signature", part: str | None = None) -> Finding:
    return Finding(ContentCategory.VIRUS, "clamd", name, part=part)


OK = f"200 2.0.0 Ok, id={MAIL_ID}"
LATER = f"451 4.7.1 Content check not complete, id={MAIL_ID}"
REJECTED = f"550 5.7.1 Message content rejected, id={MAIL_ID} - "
OVERSIZED = Finding(ContentCategory.OVERSIZED, "third", "message too big")


@pytest.mark.parametrize(
    ("findings", "destiny", "reply", "rule"),
    [
        ([], Destiny.PASS, OK, ""),
        ([EIGHT_BIT], Destiny.PASS, OK, ""),
        ([ENCRYPTED], Destiny.PASS, OK, ""),
        ([virus()], Destiny.REJECT, REJECTED + "INFECTED: Eicar-Test-Signature", "destinies.virus"),
        ([virus("B"), virus("A"), virus("B")], Destiny.REJECT, REJECTED + "INFECTED: B, A", "destinies.virus"),
        ([BANNED], Destiny.REJECT, REJECTED + "BANNED: setup.exe", "destinies.banned"),
        ([BANNED, virus("A")], Destiny.REJECT, REJECTED + "INFECTED: A", "destinies.virus"),
        ([NOT_DONE], Destiny.TEMPFAIL, LATER, "destinies.unchecked.not_done"),
        ([OVER_LIMITS], Destiny.REJECT, REJECTED + "UNCHECKED: over limits", "destinies.unchecked.over_limits"),
        (
            [TOO_BIG],
            Destiny.REJECT,
            REJECTED + "UNCHECKED: too big for engine",
            "destinies.unchecked.too_big_for_engine",
        ),
        ([NOT_DONE, virus("A")], Destiny.REJECT, REJECTED + "INFECTED: A", "destinies.virus"),
        ([OVER_LIMITS, virus("A"), EIGHT_BIT], Destiny.REJECT, REJECTED + "INFECTED: A", "destinies.virus"),
        (
            [NOT_DONE, OVER_LIMITS],
            Destiny.REJECT,
            REJECTED + "UNCHECKED: over limits",
            "destinies.unchecked.over_limits",
        ),
        (
            [OVERSIZED],
            Destiny.REJECT,
            f"552 5.3.4 Message content rejected, id={MAIL_ID} - message too big",
            "destinies.oversized",
        ),
        ([OVERSIZED, virus("A")], Destiny.REJECT, REJECTED + "INFECTED: A", "destinies.virus"),
        ([OVERSIZED, NOT_DONE], Destiny.TEMPFAIL, LATER, "destinies.unchecked.not_done"),
        ([EIGHT_BIT, NOT_DONE], Destiny.TEMPFAIL, LATER, "destinies.unchecked.not_done"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_highest_category_that_does_not_pass_decides(
    findings: list[Finding], destiny: Destiny, reply: str, rule: str
) -> None:
    judgement = judged(BOOK, *findings)

    assert judgement.destiny is destiny
    assert str(judgement.reply) == reply
    assert judgement.decided_by.rule == rule


@pytest.mark.parametrize(
    ("policy", "finding", "reply"),
    [
        ('destinies."bad_header.8bit" = "reject"', EIGHT_BIT, REJECTED + "BAD HEADER: 8bit"),
        (
            'destinies.bad_header = "tempfail"',
            EIGHT_BIT,
            f"451 4.7.1 Message content refused for now, id={MAIL_ID} - BAD HEADER: 8bit",
        ),
        ('destinies."unchecked.encrypted" = "reject"', ENCRYPTED, REJECTED + "UNCHECKED: encrypted"),
        ('destinies.virus = "discard"', virus(), OK),
        ('destinies.virus = "bounce"', virus(), REJECTED + "INFECTED: Eicar-Test-Signature"),
        (
            'destinies.virus = "tempfail"',
            virus("A"),
            f"451 4.7.1 Message content refused for now, id={MAIL_ID} - INFECTED: A",
        ),
        ("soft_bounce = true", virus("A"), f"451 4.7.1 Message content refused for now, id={MAIL_ID} - INFECTED: A"),
    ],
)
def test_a_policy_that_wants_otherwise_has_its_words(policy: str, finding: Finding, reply: str) -> None:
    assert str(judged(policy, finding).reply) == reply


@pytest.mark.parametrize("score", [12.0, 1000.0])
def test_a_sender_of_spam_learns_nothing_of_its_score(score: float) -> None:
    judgement = judged(BOOK, spam_points=(SpamPoints("A", score),))

    assert str(judgement.reply) == REJECTED + "spam"


def test_nobody_decides_where_nothing_stands_against() -> None:
    assert judged(BOOK).decided_by.inspector is None
    assert judged(BOOK).decided_by.category == "clean"


def test_who_decided_is_told() -> None:
    decided_by = judged(BOOK, EIGHT_BIT, NOT_DONE, virus("A"), virus("B")).decided_by

    assert (decided_by.category, decided_by.inspector, decided_by.policy) == ("virus", "clamd", "default")


def test_an_ambiguity_passes_unless_it_hides_something() -> None:
    assert judged(BOOK, AMBIGUOUS).destiny is Destiny.PASS
    assert str(judged(BOOK, HIDING).reply) == f"{REJECTED}UNCHECKED: ambiguous"
    assert judged(BOOK, HIDING).decided_by.rule == "a reading that hides a program or an archive"
    assert judged('lovers."unchecked.ambiguous" = ["."]', HIDING).destiny is Destiny.PASS
    assert judged('destinies."unchecked.ambiguous" = "discard"', HIDING).destiny is Destiny.DISCARD


def test_a_policy_has_a_version_that_changes_with_it() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", BOOK.version)
    assert book_of().version == BOOK.version
    assert book_of('destinies.virus = "reject"').version != BOOK.version


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\r\nb", r"a\x0d\x0ab"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\0\x7f", r"\x00\x7f"),
        ("Grüße", r"Gr\xc3\xbc\xc3\x9fe"),
        ("\udcff", r"\xff"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}", r"\xe2\x80\xae"),
        ("back\\slash", r"back\x5cslash"),
        ("", ""),
    ],
)
def test_a_strange_name_is_shown_as_printable_ascii(name: str, shown: str) -> None:
    assert str(judged(BOOK, virus(name)).reply) == f"{REJECTED}INFECTED: {shown}"


def test_very_many_names_and_very_long_ones_are_cut() -> None:
    many = judged(BOOK, *(virus(f"Virus-{number}") for number in range(1000)))
    long = judged(BOOK, virus("x" * 10_000))

    assert many.reply.text.startswith(f"Message content rejected, id={MAIL_ID} - INFECTED: Virus-0, Virus-1, ")
    assert many.reply.text.endswith("...")
    assert long.reply.text.endswith("x...")
    assert max(len(str(many.reply)), len(str(long.reply))) < 300


findings = st.builds(
    Finding,
    st.sampled_from([one for one in ContentCategory if one is not ContentCategory.CLEAN]),
    st.text(max_size=20),
    st.text(max_size=300),
    st.one_of(st.none(), st.sampled_from(SubCategory)),
    hides=st.booleans(),
)


@given(st.lists(findings, max_size=8))
def test_whatever_is_found_there_is_one_short_reply(found: list[Finding]) -> None:
    judgement: Judgement = judged(BOOK, *found)

    assert len(str(judgement.reply).encode("ascii")) <= SMTP_LINE_LIMIT - 2
    assert judgement.reply.code // 100 == {Destiny.PASS: 2, Destiny.REJECT: 5, Destiny.TEMPFAIL: 4}[judgement.destiny]
    assert (judgement.decided_by.inspector is None) is (judgement.destiny is Destiny.PASS)


@given(st.lists(findings, max_size=8))
def test_a_finding_more_never_makes_a_refusal_a_delivery(found: list[Finding]) -> None:
    before = judged(BOOK, *found)

    after = judged(BOOK, *found, replace(EIGHT_BIT, inspector="another"))

    assert (before.destiny is Destiny.PASS) == (after.destiny is Destiny.PASS)
