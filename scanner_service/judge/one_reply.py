"""The one SMTP reply for a destiny, as administrators and senders will read it."""

from collections.abc import Iterable, Sequence

from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from verdict_api.printable import printable
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny

REASON_LIMIT_CHARACTERS = 200  # a thousand names in one archive must not become a thousand reply lines

_PLAIN = {
    ContentCategory.CLEAN: "policy",
    ContentCategory.OVERSIZED: "message too big",
    ContentCategory.SPAMMY: "spam",
    ContentCategory.SPAM: "spam",
}


def reply_for(destiny: Destiny, decisive: Finding | None, seen: Sequence[Finding], mail_id: str) -> SmtpReply:
    """Return the reply; the mail id in it finds everything else. That of a bounce is for the notice to the sender."""
    match destiny:
        case Destiny.PASS | Destiny.DISCARD:
            return SmtpReply(200, "2.0.0", f"Ok, id={mail_id}")
        case Destiny.TEMPFAIL if decisive is None or decisive.sub_category is SubCategory.NOT_DONE:
            return SmtpReply(451, "4.7.1", f"Content check not complete, id={mail_id}")
        case Destiny.TEMPFAIL:
            return SmtpReply(451, "4.7.1", f"Message content refused for now, id={mail_id} - {_why(decisive, seen)}")
        case Destiny.REJECT | Destiny.BOUNCE if decisive and decisive.category is ContentCategory.OVERSIZED:
            return SmtpReply(552, "5.3.4", f"Message content rejected, id={mail_id} - {_why(decisive, seen)}")
        case Destiny.REJECT | Destiny.BOUNCE:
            return SmtpReply(550, "5.7.1", f"Message content rejected, id={mail_id} - {_why(decisive, seen)}")


def _why(decisive: Finding | None, seen: Sequence[Finding]) -> str:
    """Return what the sender may know: names of viruses and files, and of all else the kind alone."""
    category = decisive.category if decisive else ContentCategory.CLEAN
    match category:
        case ContentCategory.VIRUS:
            why = f"INFECTED: {_list(finding.name for finding in seen)}"
        case ContentCategory.BANNED:
            why = f"BANNED: {_list(finding.name for finding in seen)}"
        case ContentCategory.BAD_HEADER:
            why = f"BAD HEADER: {_kind(decisive)}"
        case ContentCategory.UNCHECKED:
            why = f"UNCHECKED: {_kind(decisive)}"
        case _:
            why = _PLAIN[category]
    return why


def _kind(finding: Finding | None) -> str:
    assert finding is not None
    return (finding.sub_category or printable(finding.name)).replace("_", " ")


def _list(names: Iterable[str]) -> str:
    listed = printable(", ".join(dict.fromkeys(names)))
    return listed if len(listed) <= REASON_LIMIT_CHARACTERS else listed[: REASON_LIMIT_CHARACTERS - 3] + "..."
