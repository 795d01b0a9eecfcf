"""From findings to a destiny, a rule and the words of the reply."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.destiny import DESTINIES, POLICY_VERSION, judge
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from verdict_api.verdict import Destiny

MAIL_ID = "b7kQ2sX9aLmP"
SMTP_LINE_LIMIT = 512  # RFC 5321 §4.5.3.1.5, with its CRLF


def virus(name: str = "Eicar-Test-Signature", part: str | None = None) -> Finding:
    return Finding(ContentCategory.VIRUS, "clamd", name, part=part)


NOT_DONE = Finding(ContentCategory.UNCHECKED, "virus", "not done", SubCategory.NOT_DONE)
OVER_LIMITS = Finding(ContentCategory.UNCHECKED, "decode", "over limits", SubCategory.OVER_LIMITS)
TOO_BIG = Finding(ContentCategory.UNCHECKED, "clamd", "too big for engine", SubCategory.TOO_BIG_FOR_ENGINE)
OVERSIZED = Finding(ContentCategory.OVERSIZED, "oversized", "message too big")
SPAMMY = Finding(ContentCategory.SPAMMY, "spam", "score 5")

OK = f"200 2.0.0 Ok, id={MAIL_ID}"
LATER = f"451 4.7.1 Content check not complete, id={MAIL_ID}"
REJECTED = f"550 5.7.1 Message content rejected, id={MAIL_ID} - "


@pytest.mark.parametrize(
    ("findings", "destiny", "reply", "rule"),
    [
        ([], Destiny.PASS, OK, ""),
        ([SPAMMY], Destiny.PASS, OK, ""),
        ([virus()], Destiny.REJECT, REJECTED + "INFECTED: Eicar-Test-Signature", "destinies.virus"),
        ([virus("B"), virus("A"), virus("B")], Destiny.REJECT, REJECTED + "INFECTED: B, A", "destinies.virus"),
        ([NOT_DONE], Destiny.TEMPFAIL, LATER, "destinies.unchecked.not_done"),
        ([OVER_LIMITS], Destiny.REJECT, REJECTED + "UNCHECKED: over limits", "destinies.unchecked.over_limits"),
        (
            [TOO_BIG],
            Destiny.REJECT,
            REJECTED + "UNCHECKED: too big for engine",
            "destinies.unchecked.too_big_for_engine",
        ),
        ([NOT_DONE, virus("A")], Destiny.REJECT, REJECTED + "INFECTED: A", "destinies.virus"),
        ([OVER_LIMITS, virus("A"), SPAMMY], Destiny.REJECT, REJECTED + "INFECTED: A", "destinies.virus"),
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
        ([SPAMMY, NOT_DONE], Destiny.TEMPFAIL, LATER, "destinies.unchecked.not_done"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_highest_category_that_does_not_pass_decides(
    findings: list[Finding], destiny: Destiny, reply: str, rule: str
) -> None:
    judgement = judge(findings, MAIL_ID)

    assert judgement.destiny is destiny
    assert str(judgement.reply) == reply
    assert judgement.rule == rule


@pytest.mark.parametrize("findings", [[], [SPAMMY]])
def test_nothing_decides_where_nothing_stands_against(findings: list[Finding]) -> None:
    assert judge(findings, MAIL_ID).decisive is None


def test_the_finding_that_decided_is_told() -> None:
    assert judge([SPAMMY, NOT_DONE, virus("A"), virus("B")], MAIL_ID).decisive == virus("A")


def test_an_ambiguity_passes_unless_it_hides_something() -> None:
    plain = Finding(ContentCategory.UNCHECKED, "decode", "ambiguous", SubCategory.AMBIGUOUS)

    assert judge([plain], MAIL_ID).destiny is Destiny.PASS
    assert str(judge([replace(plain, hides=True)], MAIL_ID).reply) == f"{REJECTED}UNCHECKED: ambiguous"


def test_each_kind_of_unchecked_has_a_destiny() -> None:
    kinds = ("ambiguous", "encrypted", "not_done", "over_limits", "too_big_for_engine", "undecodable")

    assert {f"unchecked.{SubCategory(kind)}" for kind in kinds} <= set(DESTINIES)


def test_the_policy_has_a_version() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", POLICY_VERSION)


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
    assert str(judge([virus(name)], MAIL_ID).reply) == f"{REJECTED}INFECTED: {shown}"


def test_very_many_names_and_very_long_ones_are_cut() -> None:
    many = judge([virus(f"Virus-{number}") for number in range(1000)], MAIL_ID)
    long = judge([virus("x" * 10_000)], MAIL_ID)

    assert many.reply.text.startswith(f"Message content rejected, id={MAIL_ID} - INFECTED: Virus-0, Virus-1, ")
    assert many.reply.text.endswith("...")
    assert long.reply.text.endswith("x...")
    assert max(len(str(many.reply)), len(str(long.reply))) < 300


names = st.text(max_size=40) | st.text(st.characters(codec=None), max_size=40) | st.just("\x1b" * 10_000)


@given(st.lists(names, min_size=1, max_size=30))
def test_no_name_breaks_the_reply(hostile: list[str]) -> None:
    reply = str(judge([virus(name) for name in hostile], MAIL_ID).reply)

    assert reply.startswith(REJECTED + "INFECTED: ")
    assert reply.isascii()
    assert reply.isprintable()
    assert len(reply) + 2 <= SMTP_LINE_LIMIT
