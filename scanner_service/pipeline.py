"""The story of one message in the service: decode and inspect, judge, log, answer."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scanner_service.decoder import Decoder, inspection_of
from scanner_service.inspectors.engine import Protection
from scanner_service.inspectors.inspector import Inspection, Inspector
from scanner_service.inspectors.run_all import run_inspectors
from scanner_service.judge.destiny import POLICY, POLICY_VERSION, judge
from scanner_service.mail_log import log_verdict
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.judgement import Judgement
from scanner_service.model.mail_id import new_mail_id
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.envelope import Envelope
from verdict_api.verdict import (
    DecidedBy,
    InspectorStatus,
    MessageFacts,
    RecipientVerdict,
    ReportedFinding,
    ReportedPart,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts that main has chosen; ``protection`` says what the virus engines are worth at the moment."""

    inspectors: Sequence[Inspector]
    decoder: Decoder
    protection: Callable[[], Protection]

    async def judge_message(
        self, envelope: Envelope, raw: bytes, until: float, *, with_parts: bool = False
    ) -> Verdict:
        """Return the verdict, at the latest at ``until``, a time of the event loop; with the part tree if wanted."""
        started = time.perf_counter()
        message = Message(new_mail_id(), envelope, raw, hashlib.sha256(raw).hexdigest())
        decode_milliseconds = 0.0

        async def decode() -> DecodedMessage:
            nonlocal decode_milliseconds
            decode_started = time.perf_counter()
            decoded = await self.decoder.decode(raw, until)
            decode_milliseconds = _milliseconds_since(decode_started)
            return decoded

        decoded, inspection = await run_inspectors(self.inspectors, message, decode, until)
        inspection = inspection.joined(inspection_of(decoded, decode_milliseconds))
        judgement = judge(inspection.findings, message.mail_id)
        milliseconds = {"total": _milliseconds_since(started), "decode": decode_milliseconds}
        verdict = self._verdict(message, decoded, inspection, judgement, milliseconds)
        log_verdict(message, verdict)
        return replace(verdict, parts=await asyncio.to_thread(_report_parts, decoded)) if with_parts else verdict

    def _verdict(
        self,
        message: Message,
        decoded: DecodedMessage,
        inspection: Inspection,
        judgement: Judgement,
        milliseconds: dict[str, float],
    ) -> Verdict:
        decisive = judgement.decisive
        categories = tuple(dict.fromkeys(finding.full_category for finding in inspection.findings))
        return Verdict(
            mail_id=message.mail_id,
            destiny=judgement.destiny,
            complete=not any(
                report.required and report.status is InspectorStatus.NOT_DONE for report in inspection.reports
            ),
            policy_version=POLICY_VERSION,
            reply=judgement.reply,
            decided_by=DecidedBy(
                category=decisive.full_category if decisive else ContentCategory.CLEAN.word,
                inspector=decisive.inspector if decisive else None,
                policy=POLICY,
                rule=judgement.rule,
            ),
            recipients=tuple(
                RecipientVerdict(one.address, judgement.destiny, categories, POLICY, judgement.reply)
                for one in message.envelope.recipients
            ),
            findings=tuple(_report(finding) for finding in inspection.findings),
            inspectors=inspection.reports,
            spam=inspection.spam,
            authentication=inspection.authentication,
            message=MessageFacts(len(message.raw), message.sha256, decoded.message_id),
            milliseconds=milliseconds,
            engines=self.protection().value,
        )


def _report_parts(decoded: DecodedMessage) -> tuple[ReportedPart, ...]:
    return tuple(
        ReportedPart(part.path, part.content_type, part.names, part.types, part.size, tuple(sorted(part.marks)))
        for part in decoded.parts
    )


def _report(finding: Finding) -> ReportedFinding:
    return ReportedFinding(
        category=finding.category.word,
        sub_category=finding.sub_category,
        inspector=finding.inspector,
        name=finding.name,
        part=finding.part,
        detail=finding.detail,
        rule=finding.rule,
        sha256=finding.sha256,
    )


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
