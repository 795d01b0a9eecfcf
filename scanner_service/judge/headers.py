"""What is written into the header of a message that is delivered, and what is taken out of it.

Clean mail stays as it is. Mail that is changed gets all of our facts, on top: a forged field that a signature covers
stays where it is, below ours (docs/decisions/0009). What goes into a value is printable ASCII, in one line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scanner_service.judge.own_fields import (
    ALERT,
    MAIL_ID,
    SPAM_FIELDS,
    SPAM_FLAG,
    SPAM_LEVEL,
    SPAM_SCORE,
    SPAM_STATUS,
    VIRUS_SCANNED,
    own_fields_in,
)
from scanner_service.judge.spam_level import SpamLevel
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import Message
from verdict_api.printable import printable
from verdict_api.verdict import HeaderAction, HeaderEdit

LONGEST_LEVEL = 64
OFFERED_FIELDS = 10
VALUE_LIMIT_CHARACTERS = 2000
ALERT_LIMIT_CHARACTERS = 400
LISTED_TESTS = 100

_OFFERED_NAME = re.compile(r"x-(?:spam|rspamd)[a-z0-9-]{0,60}", re.IGNORECASE)
_NO_TEST_NAME = re.compile(r"[^!-+\--Z^-~]")  # neither blank nor comma nor bracket: they part the tests
_ALERTS = {
    ContentCategory.VIRUS: "INFECTED",
    ContentCategory.BANNED: "BANNED",
    ContentCategory.UNCHECKED: "UNCHECKED",
    ContentCategory.BAD_HEADER: "BAD HEADER",
    ContentCategory.OVERSIZED: "TOO BIG",
}


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What is known of a message that is delivered.

    ``spam`` is None where nobody scored. ``offered`` are the fields that the spam engine would have written.
    ``virus_scanned``: an engine that protects has looked, to the end.
    """

    findings: tuple[Finding, ...] = ()
    spam: SpamLevel | None = None
    offered: tuple[tuple[str, str], ...] = ()
    virus_scanned: bool = False


def header_edits(
    message: Message, facts: HeaderFacts, *, on_clean: bool, scores: bool = True
) -> tuple[HeaderEdit, ...]:
    """Return the changes, none for clean mail that has no forged field of ours, unless ``on_clean``.

    ``scores``: whether we score mail; where we do not, the spam fields are those of a filter before us.
    """
    present = tuple(name for name in own_fields_in(message.raw) if scores or name not in SPAM_FIELDS)
    # X-Virus-Scanned of other hosts is in much honest mail: alone it is no reason to write a file anew.
    if not (on_clean or facts.findings or any(name != VIRUS_SCANNED for name in present)):
        return ()
    offered = _offered(facts.offered) if facts.spam else {}
    return (
        *(HeaderEdit(HeaderAction.REMOVE, name) for name in (*present, *offered)),
        *(HeaderEdit(HeaderAction.ADD, name, value) for name, value in _added(message, facts)),
        *(HeaderEdit(HeaderAction.ADD, name, value) for name, value in offered.items()),
    )


def _added(message: Message, facts: HeaderFacts) -> Iterator[tuple[str, str]]:
    yield MAIL_ID, message.mail_id
    if facts.virus_scanned:
        host = _cleaned(message.envelope.host, ALERT_LIMIT_CHARACTERS)
        yield VIRUS_SCANNED, f"Couriergate at {host}" if host else "Couriergate"
    if alert := _alert(facts.findings):
        yield ALERT, alert
    if facts.spam is not None:
        yield from _spam_facts(facts.spam)


def _spam_facts(spam: SpamLevel) -> Iterator[tuple[str, str]]:
    score = spam.report.score or 0.0
    if spam.category is not None:
        yield SPAM_FLAG, "YES"
    yield SPAM_SCORE, _number(score)
    if score >= 1:
        yield SPAM_LEVEL, "*" * int(min(score, LONGEST_LEVEL))
    yield SPAM_STATUS, _status(spam, score)


def _status(spam: SpamLevel, score: float) -> str:
    tests = [
        _NO_TEST_NAME.sub("_", test)[: VALUE_LIMIT_CHARACTERS // 10] for test in spam.report.tests[:LISTED_TESTS]
    ]
    verdict = "No" if spam.category is None else "Yes"
    listed = _cut(", ".join(tests), VALUE_LIMIT_CHARACTERS)
    return f"{verdict}, score={_number(score)} required={_number(spam.required)} tests=[{listed}]"


def _alert(findings: Sequence[Finding]) -> str:
    """Say in one line what a recipient should know, the worst first; by category, and never by what a stranger wrote.

    Names of viruses and of what is banned are the exception, as they are in the reply.
    """
    alerts = []
    for category, word in _ALERTS.items():
        seen = [finding for finding in findings if finding.category is category]
        kinds = dict.fromkeys(finding.sub_category or finding.name for finding in seen)
        if kinds:
            alerts.append(f"{word}: {', '.join(kind.replace('_', ' ') for kind in kinds)}")
    return _cleaned("; ".join(alerts), ALERT_LIMIT_CHARACTERS)


def _offered(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return those of the engine's own fields that cannot be mistaken for anything of ours, each name once."""
    ours = {name.lower() for name in SPAM_FIELDS}
    taken = {
        name.lower(): (name, _cleaned(value, VALUE_LIMIT_CHARACTERS))
        for name, value in fields
        if _OFFERED_NAME.fullmatch(name) and name.lower() not in ours
    }
    return dict(list(taken.values())[:OFFERED_FIELDS])


def _cleaned(text: str, limit: int) -> str:
    return _cut(printable(" ".join(text[: 2 * limit].split())), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _number(value: float) -> str:
    """Return two decimals at the most, and no exponent: recipes compare it by patterns."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
