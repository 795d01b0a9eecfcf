"""Verdicts as a scanning service gives them."""

from verdict_api.envelope import Envelope
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import DecidedBy, Destiny, MessageFacts, RecipientVerdict, Verdict

CLEAN_REPLY = SmtpReply(200, "2.0.0", "Ok")
VIRUS_REPLY = SmtpReply(550, "5.7.1", "Message content rejected, id=b7kQ2sX9aLmP - INFECTED: Eicar-Test-Signature")


def verdict_on(envelope: Envelope, destiny: Destiny = Destiny.PASS, reply: SmtpReply = CLEAN_REPLY) -> Verdict:
    """Return a verdict that treats all recipients of the envelope alike."""
    return Verdict(
        mail_id="b7kQ2sX9aLmP",
        destiny=destiny,
        complete=True,
        policy_version="1",
        reply=reply,
        decided_by=DecidedBy("clean" if destiny is Destiny.PASS else "virus", None, "default", "destinies.virus"),
        recipients=tuple(
            RecipientVerdict(recipient.address, destiny, (), "default", reply) for recipient in envelope.recipients
        ),
        findings=(),
        inspectors=(),
        message=MessageFacts(0, "", None),
        milliseconds={"total": 1.0},
    )
