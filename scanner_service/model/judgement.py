"""What judge makes of the findings."""

from dataclasses import dataclass

from scanner_service.model.finding import Finding
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny


@dataclass(frozen=True, slots=True)
class Judgement:
    """One destiny and one reply for all recipients, and the finding that decided; None if nothing stood against."""

    destiny: Destiny
    reply: SmtpReply
    decisive: Finding | None
    rule: str
