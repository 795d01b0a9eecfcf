"""Virus names that are points toward spam."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.virus_spam_scores import VirusSpamScore, points_for
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.spam_points import SpamPoints

SCORES = (
    VirusSpamScore(re.compile(r"^A\.Bad\."), None),
    VirusSpamScore(re.compile(r"^A\."), 0.1),
    VirusSpamScore(re.compile(r"^B\."), 4),
    VirusSpamScore(re.compile(r"^A\.x$"), 9),
)


def found(*names: str) -> list[Finding]:
    return [Finding(ContentCategory.VIRUS, "clamd", name) for name in names]


@pytest.mark.parametrize(
    ("names", "points"),
    [
        (["A.x"], SpamPoints("AV:A.x=0.1", 0.1)),
        (["A.x", "B.y"], SpamPoints("AV:B.y=4", 4)),
        (["B.y", "A.x"], SpamPoints("AV:B.y=4", 4)),
        (["A.Bad.x"], None),
        (["A.x", "A.Bad.x"], None),
        (["A.x", "Win.Trojan"], None),
        (["xA.x"], None),
        ([], None),
    ],
    ids=[
        "one",
        "the highest",
        "in any order",
        "without a score",
        "one is bad",
        "one is another's",
        "none",
        "nothing",
    ],
)
def test_only_if_all_names_have_a_score_the_highest_counts(names: list[str], points: SpamPoints | None) -> None:
    assert points_for(found(*names), SCORES) == points


@given(st.lists(st.text(max_size=20), max_size=5))
def test_without_scores_every_name_is_an_infection(names: list[str]) -> None:
    assert points_for(found(*names), ()) is None


def test_the_points_of_two_inspectors_are_joined() -> None:
    one, other = SpamPoints("AV:a=1", 1), SpamPoints("AV:b=2", 2)

    joined = Inspection.joined((Inspection(spam_points=(one,)), Inspection(spam_points=(other,))))

    assert joined.spam_points == (one, other)
