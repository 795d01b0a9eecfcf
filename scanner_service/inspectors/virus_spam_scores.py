"""Names of databases that call spam a virus: a hit by them alone gives points and is no infection.

Signatures of third parties against spam and phishing come as virus names, and are wrong more often than those
against programs. A port of an idea of amavisd-new, ``@virus_name_to_spam_score_maps``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scanner_service.model.finding import Finding
from scanner_service.model.spam_points import SpamPoints


@dataclass(frozen=True, slots=True)
class VirusSpamScore:
    """The points of virus names in which the pattern is found; None: such a name is an infection."""

    names: re.Pattern[str]
    score: float | None


def points_for(findings: Iterable[Finding], scores: Sequence[VirusSpamScore]) -> SpamPoints | None:
    """Return the highest points for what one engine found; None if it found nothing, or one name is an infection."""
    weighed = [(_score_of(finding.name, scores), finding.name) for finding in findings]
    points = [SpamPoints(f"AV:{name}={score:g}", score) for score, name in weighed if score is not None]
    if not points or len(points) < len(weighed):
        return None
    return max(points, key=lambda one: one.score)


def _score_of(name: str, scores: Sequence[VirusSpamScore]) -> float | None:
    return next((one.score for one in scores if one.names.search(name)), None)
