"""Compare the size of the message with what its recipients take.

There is one answer for all recipients: the message is too big only if it is so for every one of them.
"""

from collections.abc import Callable

from scanner_service.inspectors.inspector import Inspection, status_of
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import InspectorReport

NAME = "oversized"


class OversizedInspector:
    """``limit_of`` returns how many bytes an address takes at most, None if any number; see Inspector."""

    needs_parts = False

    def __init__(self, limit_of: Callable[[str], int | None]) -> None:
        self._limit_of = limit_of

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector; it waits for nothing. The size is that of the bytes that Courier holds."""
        del decoded, until
        size = len(message.raw)
        limits = [self._limit_of(recipient.address) for recipient in message.envelope.recipients]
        exceeded = [limit for limit in limits if limit is not None and size > limit]
        findings: tuple[Finding, ...] = ()
        if exceeded and len(exceeded) == len(limits):
            detail = f"{size} bytes, and the largest limit of its recipients is {max(exceeded)}"
            findings = (Finding(ContentCategory.OVERSIZED, NAME, "message too big", detail=detail),)
        return Inspection(findings, (InspectorReport(NAME, False, status_of(findings), None, None, 0.0),))
