"""What becomes of a message, for each recipient, and why."""

from dataclasses import dataclass
from enum import StrEnum

from verdict_api.smtp_reply import SmtpReply


class Destiny(StrEnum):
    """What happens to the message for one recipient. Closed: a new one means another version of the interface."""

    PASS = "pass"
    REJECT = "reject"
    BOUNCE = "bounce"
    DISCARD = "discard"
    TEMPFAIL = "tempfail"


class InspectorStatus(StrEnum):
    """Could not look is never clean: ``not_done`` is a status of its own."""

    CLEAN = "clean"
    HIT = "hit"
    NOT_DONE = "not_done"


class HeaderAction(StrEnum):
    """What to do to a header field. Closed, as destinies are."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """Who decided: the blocking category, who saw it, and the policy and rule that gave it its destiny."""

    category: str
    inspector: str | None
    policy: str
    rule: str


@dataclass(frozen=True, slots=True)
class RecipientVerdict:
    """The destiny of one recipient, in the order of the envelope. ``categories`` as ``bad_header.8bit``.

    ``rule`` is the entry of the policy that named the destiny, empty if nothing stood against the mail; ``note`` says
    why the destiny is not the one that it named, empty if it is.
    """

    address: str
    destiny: Destiny
    categories: tuple[str, ...]
    policy: str
    reply: SmtpReply
    replaced_by: str | None = None
    rule: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """What one inspector saw, in which part (None: in the message as a whole), and by which rule, if it was one."""

    category: str
    sub_category: str | None
    inspector: str
    name: str
    part: str | None = None
    score: float | None = None
    detail: str = ""
    rule: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ReportedPart:
    """A part of the tree: its place and declared type, every name it may go by, what its bytes are, how many.

    ``marks`` tell what else is to be known: ``encrypted``, ``undecodable``, ``macros``. ``sha256`` is of its decoded
    bytes, in hexadecimal; empty where nobody read them to their end.
    """

    path: str
    content_type: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    size: int
    marks: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class InspectorReport:
    """How one inspector fared. ``required``: without it the verdict is not complete."""

    name: str
    required: bool
    status: InspectorStatus
    reason: str | None
    version: str | None
    milliseconds: float


@dataclass(frozen=True, slots=True)
class SpamReport:
    """The score, None where nobody scored, and the tests that made it."""

    score: float | None = None
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """What one method says of who sent the message, in the words of RFC 8601 §2.7.

    ``method`` is ``spf``, ``dkim``, ``dmarc`` or ``arc``; ``domain`` is the one that the result is about.
    """

    method: str
    result: str
    domain: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """One change to the header of the message; ``value`` is None for a removal."""

    action: HeaderAction
    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class QuarantineReport:
    """Whether a copy of the message was kept, and whether an administrator is to be told, as nobody else is."""

    stored: bool = False
    notice_due: bool = False


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """The message that was judged: bytes as received, SHA-256 in hexadecimal, its Message-ID if it has one."""

    size: int
    sha256: str
    message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the mail host needs of a verdict: all that it carries out, and the name for it.

    ``recipients`` answers the envelope's list in order, one for one. ``would_be`` is the decision that observe mode
    kept from being carried out.
    """

    mail_id: str
    destiny: Destiny
    reply: SmtpReply
    decided_by: DecidedBy
    recipients: tuple[RecipientVerdict, ...]
    header_edits: tuple[HeaderEdit, ...] = ()
    added_recipients: tuple[str, ...] = ()
    would_be: "Decision | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Decision):
    """The answer to one message: the decision, and all that led to it.

    ``complete`` is false if an inspector that is required could not look. ``engines`` is ``real`` if a virus engine
    protects now, ``none`` if none of them does, ``demo`` if no real one is set up. ``milliseconds`` has ``total`` and
    the steps. ``parts`` is there for who asked.
    """

    complete: bool
    policy_version: str
    findings: tuple[ReportedFinding, ...]
    inspectors: tuple[InspectorReport, ...]
    message: MessageFacts
    milliseconds: dict[str, float]
    engines: str = "real"
    spam: SpamReport = SpamReport()
    authentication: tuple[AuthenticationResult, ...] = ()
    quarantine: QuarantineReport = QuarantineReport()
    would_be: "Verdict | None" = None
    parts: tuple[ReportedPart, ...] = ()
