"""Observe mode: everybody gets every message, and the log says what would have become of it.

For the first week of a filter on a host that must not lose a mail to it. Of a verdict only the header edits are
carried out. A service that does not know observe mode answers as ever, so nothing relies on it.
"""

from dataclasses import replace

from shim import filter_reply
from shim.carry_out import check_consistent
from shim.unscanned import Reason
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Decision, Destiny, RecipientVerdict


def observed(verdict: Decision) -> Decision:
    """Return the verdict by which everybody gets the message; its ``would_be`` is what was not carried out.

    Raises:
        VerdictNotCarriedOutError: the verdict contradicts itself.
    """
    check_consistent(verdict)
    if all(_is_let_be(one) for one in verdict.recipients) and not verdict.added_recipients:
        return verdict
    return replace(
        verdict,
        destiny=Destiny.PASS,
        reply=filter_reply.OK,
        recipients=tuple(
            replace(one, destiny=Destiny.PASS, reply=filter_reply.OK, replaced_by=None) for one in verdict.recipients
        ),
        added_recipients=(),
        would_be=verdict.would_be or verdict,
    )


def _is_let_be(recipient: RecipientVerdict) -> bool:
    return recipient.destiny is Destiny.PASS and recipient.replaced_by is None


def reason_of(refusal: SmtpReply) -> Reason:
    """Return why nobody looked at a message that would have been answered this."""
    return Reason.TOO_BIG if refusal in {filter_reply.TOO_BIG, filter_reply.TOO_BIG_FOR_NOW} else Reason.NO_VERDICT
