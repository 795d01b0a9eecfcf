"""What a score and the points of others come to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.spam_level import SpamLevel, weigh_spam
from scanner_service.model.finding import ContentCategory
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamLevels, SpamScore
from verdict_api.verdict import SpamReport

SPAMMY, SPAM = ContentCategory.SPAMMY, ContentCategory.SPAM
OURS = SpamLevels(5.0, 12.0)
RSPAMDS = SpamLevels(6.0, 15.0)
TAGS_ONLY = SpamLevels(5.0, math.inf)


def spamd(score: float) -> SpamScore:
    return SpamScore("spamd", score, ("A", "B"), OURS.category_of(score), OURS, OURS.tag2)


def rspamd(score: float, category: ContentCategory | None, levels: SpamLevels = RSPAMDS) -> SpamScore:
    return SpamScore("rspamd", score, (), category, levels, levels.tag2)


def points(*scores: float) -> tuple[SpamPoints, ...]:
    return tuple(SpamPoints(f"AV:Phishing.{number}={score:g}", score) for number, score in enumerate(scores, 1))


@pytest.mark.parametrize(
    ("told", "added", "total", "category"),
    [
        (spamd(4.9), (), 4.9, None),
        (spamd(4.9), (0.1,), 5.0, SPAMMY),
        (spamd(4.7), (0.1, 0.1, 0.1), 5.0, SPAMMY),  # 4.999999999999999 by machine arithmetic
        (spamd(4.9), (0.0994,), 4.999, None),
        (spamd(4.9), (0.0995001,), 5.0, SPAMMY),
        (spamd(11.9), (0.1,), 12.0, SPAM),
        (spamd(1.0), (11.0,), 12.0, SPAM),
        (spamd(12.0), (-0.1,), 11.9, SPAMMY),
        (spamd(5.0), (-5.0,), 0.0, None),
        (rspamd(5.9, None), (0.1,), 6.0, SPAMMY),
        (rspamd(14.9, SPAMMY), (0.1,), 15.0, SPAM),
        (rspamd(1.0, None), (20.0,), 21.0, SPAM),
        (rspamd(3.0, SPAM), (0.1,), 3.1, SPAM),  # rspamd has its reasons
        (rspamd(30.0, None), (0.1,), 30.1, None),
        (rspamd(4.9, None, TAGS_ONLY), (0.1,), 5.0, SPAMMY),
        (rspamd(4.9, None, TAGS_ONLY), (1000.0,), 1004.9, SPAMMY),
        (rspamd(20.0, SPAM, TAGS_ONLY), (0.1,), 20.1, SPAM),
        (None, (0.1,), 0.1, None),
        (None, (5.0,), 5.0, SPAMMY),
        (None, (6.0, 6.0), 12.0, SPAM),
    ],
)
def test_points_move_what_the_engine_says_as_far_as_its_scale_goes(
    told: SpamScore | None, added: tuple[float, ...], total: float, category: ContentCategory | None
) -> None:
    level = weigh_spam(told, points(*added))

    assert level is not None
    assert level.report.score == total
    assert level.category is category


def test_nobody_scored_where_there_is_no_engine_and_are_no_points() -> None:
    assert weigh_spam(None, ()) is None


@pytest.mark.parametrize(("score", "number"), [(4.9, 4.9), (-0.1, -0.1), (0.0, 0.0), (None, 0.0)])
def test_what_nobody_scored_counts_as_nothing(score: float | None, number: float) -> None:
    assert SpamLevel(SpamReport(score), None, 5.0, "spamd").score == number


def test_a_test_that_fits_twice_counts_once() -> None:
    (one,) = points(3.0)

    level = weigh_spam(spamd(1.0), (one, one))

    assert level is not None
    assert level.report == SpamReport(4.0, ("A", "B", one.name))


def test_points_stand_among_the_tests_with_what_they_gave() -> None:
    level = weigh_spam(spamd(1.5), points(0.1, 2))

    assert level is not None
    assert level.report == SpamReport(3.6, ("A", "B", "AV:Phishing.1=0.1", "AV:Phishing.2=2"))


def test_who_gave_the_score_is_told() -> None:
    by_engine = weigh_spam(spamd(7.5), ())
    by_points = weigh_spam(None, points(7.5))

    assert by_engine is not None
    assert (by_engine.inspector, by_engine.required) == ("spamd", 5.0)
    assert by_points is not None
    assert (by_points.inspector, by_points.required) == ("spam", 5.0)


@pytest.mark.parametrize(
    ("score", "tag2", "kill", "category", "required"),
    [
        (3.9, 4.0, None, None, 4.0),
        (4.0, 4.0, None, SPAMMY, 4.0),
        (15.0, 4.0, None, SPAM, 4.0),
        (8.0, None, 8.0, SPAM, 6.0),
        (7.9, None, 8.0, SPAMMY, 6.0),
        (5.9, None, 8.0, None, 6.0),
        (0.0, 0.0, 0.0, SPAM, 0.0),
    ],
)
def test_a_level_of_the_policy_makes_the_score_decide(
    score: float, tag2: float | None, kill: float | None, category: ContentCategory | None, required: float
) -> None:
    level = weigh_spam(rspamd(score, SPAM), (), tag2=tag2, kill=kill)

    assert level is not None
    assert (level.category, level.required) == (category, required)


scores = st.floats(-1e6, 1e6)
categories = st.sampled_from([None, SPAMMY, SPAM])


@given(score=scores, category=categories, more=st.lists(st.floats(0, 100), max_size=5))
def test_points_never_make_a_message_better(
    score: float, category: ContentCategory | None, more: list[float]
) -> None:
    level = weigh_spam(rspamd(score, category), points(*more))

    assert level is not None
    assert (level.category or 0) >= (category or 0)


@given(score=scores, more=st.lists(scores, max_size=5))
def test_on_our_own_scale_the_total_decides(score: float, more: list[float]) -> None:
    level = weigh_spam(spamd(round(score, 3)), points(*more))

    assert level is not None
    assert level.report.score is not None
    assert level.category is OURS.category_of(level.report.score)
