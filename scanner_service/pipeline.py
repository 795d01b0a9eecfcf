"""The story of one message in the service: decode and inspect, judge, log, answer."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from scanner_service.decoder import Decoder, inspection_of
from scanner_service.inspectors.engine import Protection
from scanner_service.inspectors.inspector import Inspection, Inspector, milliseconds_since
from scanner_service.inspectors.run_all import run_inspectors
from scanner_service.judge.destiny import POLICY_VERSION, judge
from scanner_service.judge.headers import HeaderFacts, header_edits
from scanner_service.judge.own_users import Policy, policy_of
from scanner_service.judge.spam_level import SpamLevel, weigh_spam
from scanner_service.mail_log import log_verdict
from scanner_service.model.finding import DIGEST_INLINE_BELOW_BYTES, ContentCategory, Finding
from scanner_service.model.judgement import Judgement
from scanner_service.model.mail_id import new_mail_id
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_score import SpamLevels
from verdict_api.envelope import Envelope
from verdict_api.verdict import (
    DecidedBy,
    Destiny,
    HeaderEdit,
    InspectorStatus,
    MessageFacts,
    RecipientVerdict,
    ReportedFinding,
    ReportedPart,
    SpamReport,
    Verdict,
)

SHA256_INLINE_BELOW_BYTES = 8 * 2**20  # ten milliseconds


@dataclass(frozen=True, slots=True)
class _Judged:
    """What judge said of one message, in all."""

    policy: Policy
    judgement: Judgement
    findings: tuple[Finding, ...]
    spam: SpamLevel | None
    header_edits: tuple[HeaderEdit, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts that main has chosen; ``protection`` says what the virus engines are worth at the moment.

    ``protecting`` are the names of the virus engines that are no demo. ``headers_on_clean``: clean mail gets header
    fields of ours as well. ``scores_spam``: whether anybody gives points.
    """

    inspectors: Sequence[Inspector]
    decoder: Decoder
    protection: Callable[[], Protection]
    protecting: frozenset[str] = frozenset()
    spam_levels: SpamLevels = field(default_factory=SpamLevels)
    headers_on_clean: bool = False
    scores_spam: bool = True

    async def judge_message(
        self, envelope: Envelope, raw: bytes, until: float, *, with_parts: bool = False
    ) -> Verdict:
        """Return the verdict, at the latest at ``until``, a time of the event loop; with the part tree if wanted."""
        started = time.perf_counter()
        message = Message(new_mail_id(), envelope, raw, await _sha256(raw))
        decode_milliseconds = 0.0

        async def decode() -> DecodedMessage:
            nonlocal decode_milliseconds
            decode_started = time.perf_counter()
            decoded = await self.decoder.decode(raw, until)
            decode_milliseconds = milliseconds_since(decode_started)
            return decoded

        decoded, inspection = await run_inspectors(self.inspectors, message, decode, until)
        of_decoding = await _inspection_of(message, decoded, decode_milliseconds)
        inspection = Inspection.joined((inspection, of_decoding))
        judged = self._judge(message, inspection)
        milliseconds = {"total": milliseconds_since(started), "decode": decode_milliseconds}
        verdict = self._verdict(message, decoded, inspection, judged, milliseconds)
        log_verdict(message, verdict)
        return replace(verdict, parts=await asyncio.to_thread(_report_parts, decoded)) if with_parts else verdict

    def _judge(self, message: Message, inspection: Inspection) -> _Judged:
        policy = policy_of(message.envelope)
        spam = weigh_spam(inspection.spam, inspection.spam_points, self.spam_levels)
        findings = inspection.findings + (spam.findings if spam else ())
        judgement = judge(findings, message.mail_id, policy.destinies)
        edits: tuple[HeaderEdit, ...] = ()
        if judgement.destiny is Destiny.PASS and policy.tags:
            offered = inspection.spam.fields if inspection.spam else ()
            facts = HeaderFacts(findings, spam, offered, virus_scanned=self._is_virus_scanned(inspection))
            edits = header_edits(message, facts, on_clean=self.headers_on_clean, scores=self.scores_spam)
        return _Judged(policy, judgement, findings, spam, edits)

    def _is_virus_scanned(self, inspection: Inspection) -> bool:
        """Tell whether an engine that protects has looked."""
        return any(
            report.name in self.protecting and report.status is not InspectorStatus.NOT_DONE
            for report in inspection.reports
        )

    def _verdict(
        self,
        message: Message,
        decoded: DecodedMessage,
        inspection: Inspection,
        judged: _Judged,
        milliseconds: dict[str, float],
    ) -> Verdict:
        judgement, policy = judged.judgement, judged.policy.name
        decisive = judgement.decisive
        categories = tuple(dict.fromkeys(finding.full_category for finding in judged.findings))
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
                policy=policy,
                rule=judgement.rule,
            ),
            recipients=tuple(
                RecipientVerdict(one.address, judgement.destiny, categories, policy, judgement.reply)
                for one in message.envelope.recipients
            ),
            findings=tuple(_report(finding) for finding in judged.findings),
            inspectors=inspection.reports,
            spam=judged.spam.report if judged.spam else SpamReport(),
            authentication=inspection.authentication,
            header_edits=judged.header_edits,
            message=MessageFacts(len(message.raw), message.sha256, decoded.message_id),
            milliseconds=milliseconds,
            engines=self.protection().value,
        )


async def _sha256(raw: bytes) -> str:
    """Return the digest; that of a large message takes a while, in which the interpreter is free for others."""
    if len(raw) < SHA256_INLINE_BELOW_BYTES:
        return hashlib.sha256(raw).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, raw)).hexdigest()


async def _inspection_of(message: Message, decoded: DecodedMessage, milliseconds: float) -> Inspection:
    """Return what decoding found. A finding has a digest, and nobody else must wait for that of a large part."""
    if len(message.raw) < DIGEST_INLINE_BELOW_BYTES:
        return inspection_of(decoded, milliseconds)
    return await asyncio.to_thread(inspection_of, decoded, milliseconds)


def _report_parts(decoded: DecodedMessage) -> tuple[ReportedPart, ...]:
    return tuple(
        ReportedPart(
            part.path,
            part.content_type,
            part.names,
            part.types,
            part.size,
            tuple(sorted(part.marks)),
            part.sha256,
        )
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
