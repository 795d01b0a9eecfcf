"""From scores to a category: what the spam engine says, and the points that others add to it.

The engine decides over its own score: rspamd may let pass a message with many points, or refuse one with few, for
reasons of its own. Points move its decision as far as they move the score on the engine's scale. Where the policy
names a level, the score alone decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scanner_service.model.finding import ContentCategory
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamLevels, SpamScore
from verdict_api.verdict import SpamReport

NAME = "spam"
_DIGITS = 3  # a sum of tenths is to reach the level that it reaches on paper
_RISING = (None, ContentCategory.SPAMMY, ContentCategory.SPAM)


@dataclass(frozen=True, slots=True)
class SpamLevel:
    """The score in all, its category, None if it is no spam, and from which score on it would be spammy."""

    report: SpamReport
    category: ContentCategory | None
    required: float
    inspector: str

    @property
    def score(self) -> float:
        """The score as a number."""
        return self.report.score or 0.0


def weigh_spam(
    told: SpamScore | None, points: Sequence[SpamPoints], *, tag2: float | None = None, kill: float | None = None
) -> SpamLevel | None:
    """Return what score and points come to, None if there are none.

    ``tag2`` and ``kill`` are the policy's levels, None where it leaves them to the engine. A test counts once,
    however many engines and readings it fits.
    """
    points = tuple(dict.fromkeys(points))
    if told is None and not points:
        return None
    if told is None:
        told = SpamScore(NAME, 0.0, (), None, SpamLevels(), SpamLevels().tag2)
    total = round(told.score + sum(one.score for one in points), _DIGITS)
    report = SpamReport(total, (*told.tests, *(one.name for one in points)))
    if tag2 is None and kill is None:
        return SpamLevel(report, _category(told, total), told.required, told.engine)
    levels = SpamLevels(told.levels.tag2 if tag2 is None else tag2, told.levels.kill if kill is None else kill)
    return SpamLevel(report, levels.category_of(total), levels.tag2, told.engine)


def _category(told: SpamScore, total: float) -> ContentCategory | None:
    steps = _RISING.index(told.levels.category_of(total)) - _RISING.index(told.levels.category_of(told.score))
    rank = _RISING.index(told.category) + steps
    return _RISING[max(0, min(rank, len(_RISING) - 1))]
