"""Verdicts of other kinds than the clean one."""

from dataclasses import replace

from tests.fakes.verdicts import VIRUS_REPLY
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, Verdict


def rejecting(verdict: Verdict) -> Verdict:
    return for_all(verdict, Destiny.REJECT, VIRUS_REPLY)


def for_all(verdict: Verdict, destiny: Destiny, reply: SmtpReply) -> Verdict:
    """Return the verdict with one destiny and reply for everybody."""
    recipients = tuple(replace(one, destiny=destiny, reply=reply) for one in verdict.recipients)
    return replace(verdict, destiny=destiny, reply=reply, recipients=recipients)
