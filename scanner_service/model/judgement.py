"""What judge makes of the facts."""

from dataclasses import dataclass, field

from scanner_service.model.finding import Finding
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import DecidedBy, Destiny, RecipientVerdict, SpamReport


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What the header of a delivered message tells, one for all who get it.

    ``findings`` are those that count for somebody who gets it, and ``spam`` is the highest score for one of them:
    what is kept from the others is no business of theirs. ``is_spam``: all of them want it marked. ``required`` is
    the score from which on it is marked, ``tag_level`` the one from which on even clean mail gets the score.
    ``wanted`` is false for mail whose header stays as it is. ``alert`` is in the administrator's words, empty for
    the built-in ones.
    """

    wanted: bool = True
    findings: tuple[Finding, ...] = ()
    spam: SpamReport = field(default_factory=SpamReport)
    is_spam: bool = False
    required: float = 0.0
    tag_level: float | None = None
    subject_tag: str = ""
    alert: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One destiny and one reply for all recipients, what becomes of each, and who decided.

    ``findings`` are those that count for somebody. ``notice_due``: nobody is told that the mail
    was not delivered, so an administrator should be.
    ``would_be`` is what it would have been if all of it counted; None if that is this.
    """

    destiny: Destiny
    reply: SmtpReply
    decided_by: DecidedBy
    recipients: tuple[RecipientVerdict, ...]
    findings: tuple[Finding, ...] = ()
    added_recipients: tuple[str, ...] = ()
    spam: SpamReport = field(default_factory=SpamReport)
    tags: TagFacts = field(default_factory=TagFacts)
    notice_due: bool = False
    would_be: "Judgement | None" = None
