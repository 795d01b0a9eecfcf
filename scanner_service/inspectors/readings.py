"""Have the virus engines look at each part of a message that can be read in two ways.

An engine that unpacks the whole message by itself sees one reading of it, and nobody knows which.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace

from scanner_service.inspectors.inspector import Inspection, Inspector, WaitsForNothing, milliseconds_since, status_of
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message, Part
from scanner_service.model.spam_points import SpamPoints
from verdict_api.verdict import InspectorReport

NAME = "readings"
MOST_FINDINGS = 20  # a thousand infected parts are one thing to say


class ReadingsInspector(WaitsForNothing):
    """Asks another inspector about single parts as if each was a message; see Inspector.

    A message with one reading costs nothing, not even a task, and there is no report of it.
    """

    needs_parts = True
    checks = ContentCategory.VIRUS

    def __init__(self, engines: Inspector) -> None:
        self._engines = engines

    def waits_for(self, decoded: DecodedMessage) -> bool:
        """See WaitsForNothing: for the engines, if they have something to look at."""
        return _has_two_readings(decoded)

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        assert decoded is not None
        if not _has_two_readings(decoded):
            return Inspection()
        started = time.perf_counter()
        findings: list[Finding] = []
        reasons: dict[str, None] = {}
        points: dict[SpamPoints, None] = {}  # of signatures that are no infection, each once
        for part in _distinct_leaves(decoded.parts):
            seen = await self._engines.inspect(_as_message(message, part), _alone(part), until)
            findings += (replace(finding, part=part.path) for finding in seen.findings)
            points |= dict.fromkeys(seen.spam_points)
            not_done = [one for one in seen.findings if one.sub_category is SubCategory.NOT_DONE]
            if not_done:
                reasons |= {one.detail: None for one in not_done}
                break  # the others would wait as long, for the same end
            if len(findings) >= MOST_FINDINGS:
                break
        reason = "; ".join(reasons) if reasons else None
        status = status_of([*findings, *points], reason)
        report = InspectorReport(NAME, True, status, reason, None, milliseconds_since(started))
        return Inspection(tuple(findings), (report,), spam_points=tuple(points))


def _has_two_readings(decoded: DecodedMessage) -> bool:
    return bool(decoded.ambiguities) or any(part.path.startswith("~") for part in decoded.parts)


def _distinct_leaves(parts: Sequence[Part]) -> Sequence[Part]:
    """Return the parts of the MIME trees, those of the same bytes once: engines unpack containers by themselves."""
    return tuple({part.body: part for part in reversed(parts) if "/" not in part.path and part.body}.values())[::-1]


def _as_message(message: Message, part: Part) -> Message:
    return replace(message, raw=part.body, sha256=hashlib.sha256(part.body).hexdigest())


def _alone(part: Part) -> DecodedMessage:
    return DecodedMessage(None, (part,), None)
