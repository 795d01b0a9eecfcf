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
    QUARANTINE_ID,
    SPAM_FIELDS,
    SPAM_FLAG,
    SPAM_LEVEL,
    SPAM_SCORE,
    SPAM_STATUS,
    VIRUS_SCANNED,
    WOULD_BE,
    own_fields_in,
)
from scanner_service.judge.spam_level import SpamLevel
from scanner_service.judge.subject_tag import subject_edits
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
    """What is known of a message that is delivered, and what all of those who get it want to be told.

    ``spam`` is None where nobody scored. ``offered`` are the fields that the spam engine would have written.
    ``virus_scanned``: an engine that protects has looked, to the end. ``flag``: all who get it take it for spam, or
    not all; None where the category of ``spam`` says so for all. ``subject_tag`` is text, empty for none.
    ``quarantined``: a copy was kept. ``would_be``: what observe mode did not carry out. From ``tag_level`` on a score
    is told in mail that is clean otherwise. ``alert`` takes the place of the built-in words about findings.
    """

    findings: tuple[Finding, ...] = ()
    spam: SpamLevel | None = None
    offered: tuple[tuple[str, str], ...] = ()
    virus_scanned: bool = False
    flag: bool | None = None
    subject_tag: str = ""
    quarantined: bool = False
    would_be: str = ""
    tag_level: float | None = None
    alert: str = ""

    @property
    def is_flagged(self) -> bool:
        """Whether recipes may file it as spam."""
        if self.flag is not None:
            return self.flag
        return self.spam is not None and self.spam.category is not None

    @property
    def reaches_tag_level(self) -> bool:
        """Whether there is a score to be told for its own sake."""
        return self.spam is not None and self.tag_level is not None and self.spam.score >= self.tag_level

    @property
    def are_worth_a_change(self) -> bool:
        """Whether the message is changed to tell them."""
        wanted = self.flag or self.subject_tag or self.quarantined or self.would_be
        return bool(self.findings or wanted or self.reaches_tag_level)


def header_edits(
    message: Message, facts: HeaderFacts, *, on_clean: bool, scores: bool = True
) -> tuple[HeaderEdit, ...]:
    """Return the changes, none for clean mail that has no forged field of ours, unless ``on_clean``.

    ``scores``: whether we score mail; where we do not, the spam fields are those of a filter before us.
    """
    scores = scores or facts.spam is not None or facts.is_flagged  # a policy can score a sender, with no engine
    present = tuple(name for name in own_fields_in(message.raw) if scores or name not in SPAM_FIELDS)
    # X-Virus-Scanned of other hosts is in much honest mail: alone it is no reason to write a file anew.
    if not (on_clean or facts.are_worth_a_change or any(name != VIRUS_SCANNED for name in present)):
        return ()
    offered = _offered(facts.offered) if facts.spam else {}
    return (
        *(HeaderEdit(HeaderAction.REMOVE, name) for name in (*present, *offered)),
        *(HeaderEdit(HeaderAction.ADD, name, value) for name, value in _added(message, facts)),
        *(HeaderEdit(HeaderAction.ADD, name, value) for name, value in offered.items()),
        *subject_edits(message.raw, facts.subject_tag),
    )


def _added(message: Message, facts: HeaderFacts) -> Iterator[tuple[str, str]]:
    yield MAIL_ID, message.mail_id
    if facts.quarantined:
        yield QUARANTINE_ID, message.mail_id
    if facts.would_be:
        yield WOULD_BE, _cleaned(facts.would_be, VALUE_LIMIT_CHARACTERS)
    if facts.virus_scanned:
        host = _cleaned(message.envelope.host, ALERT_LIMIT_CHARACTERS)
        yield VIRUS_SCANNED, f"Couriergate at {host}" if host else "Couriergate"
    if alert := _cleaned(facts.alert, ALERT_LIMIT_CHARACTERS) or _alert(facts.findings):
        yield ALERT, alert
    if facts.is_flagged:
        yield SPAM_FLAG, "YES"
    if facts.spam is not None:
        yield from _spam_facts(facts.spam, is_flagged=facts.is_flagged)


def _spam_facts(spam: SpamLevel, *, is_flagged: bool) -> Iterator[tuple[str, str]]:
    yield SPAM_SCORE, _number(spam.score)
    if spam.score >= 1:
        yield SPAM_LEVEL, "*" * int(min(spam.score, LONGEST_LEVEL))
    yield SPAM_STATUS, _status(spam, is_flagged=is_flagged)


def _status(spam: SpamLevel, *, is_flagged: bool) -> str:
    tests = [
        _NO_TEST_NAME.sub("_", test)[: VALUE_LIMIT_CHARACTERS // 10] for test in spam.report.tests[:LISTED_TESTS]
    ]
    verdict = "Yes" if is_flagged else "No"
    listed = _cut(", ".join(tests), VALUE_LIMIT_CHARACTERS)
    return f"{verdict}, score={_number(spam.score)} required={_number(spam.required)} tests=[{listed}]"


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
