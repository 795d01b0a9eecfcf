"""The one SMTP reply for a destiny, as administrators and senders will read it."""

from collections.abc import Iterable, Sequence

from scanner_service.model.finding import ContentCategory, Finding
from verdict_api.printable import printable
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny

REASON_LIMIT_CHARACTERS = 200  # a thousand names in one archive must not become a thousand reply lines


def reply_for(destiny: Destiny, decisive: Finding | None, seen: Sequence[Finding], mail_id: str) -> SmtpReply:
    """Return the reply; the mail id in it finds everything else."""
    match destiny:
        case Destiny.PASS | Destiny.DISCARD | Destiny.BOUNCE:
            return SmtpReply(200, "2.0.0", f"Ok, id={mail_id}")
        case Destiny.TEMPFAIL:
            return SmtpReply(451, "4.7.1", f"Content check not complete, id={mail_id}")
        case Destiny.REJECT if decisive is not None and decisive.category is ContentCategory.OVERSIZED:
            return SmtpReply(552, "5.3.4", f"Message content rejected, id={mail_id} - message too big")
        case Destiny.REJECT:
            reason = _reason(decisive, seen)
            return SmtpReply(550, "5.7.1", f"Message content rejected, id={mail_id} - {reason}")


def _reason(decisive: Finding | None, seen: Sequence[Finding]) -> str:
    if decisive is None:
        return "policy"
    if decisive.category is ContentCategory.VIRUS:
        return f"INFECTED: {_list(finding.name for finding in seen)}"
    if decisive.category is ContentCategory.BANNED:
        return f"BANNED: {_list(finding.name for finding in seen)}"
    if decisive.category is ContentCategory.SPAM:
        return "spam"
    return f"UNCHECKED: {printable(decisive.name)}"


def _list(names: Iterable[str]) -> str:
    listed = printable(", ".join(dict.fromkeys(names)))
    return listed if len(listed) <= REASON_LIMIT_CHARACTERS else listed[: REASON_LIMIT_CHARACTERS - 3] + "..."
