"""The story of one message in the service: decode and inspect, judge, log, answer."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from scanner_service.act.keep import Keeper
from scanner_service.answer import Examined, HeaderRules, report_parts, verdict_of
from scanner_service.decoder import Decoder, inspection_of
from scanner_service.inspectors.engine import Protection
from scanner_service.inspectors.inspector import Inspection, Inspector, milliseconds_since
from scanner_service.inspectors.run_all import run_inspectors
from scanner_service.judge.facts import Facts
from scanner_service.judge.judge_message import bypassed_by_all, judge_message, not_kept
from scanner_service.judge.mail_kind import author_addresses, is_bulk
from scanner_service.judge.own_log_line import LinesOf, amavis_lines_of
from scanner_service.judge.policy import Policy
from scanner_service.judge.policy_bank import PolicyBook, Traffic, traffic_of
from scanner_service.judge.record_codec import record_of
from scanner_service.judge.text_variables import message_variables
from scanner_service.mail_log import log_verdict
from scanner_service.mail_syslog import MailSyslog
from scanner_service.model.asker import Asker
from scanner_service.model.finding import DIGEST_INLINE_BELOW_BYTES, ContentCategory
from scanner_service.model.judgement import Judgement
from scanner_service.model.mail_id import new_mail_id
from scanner_service.model.message import DecodedMessage, Message, header_and_body
from scanner_service.storage.message_files import MessageNotKeptError
from scanner_service.storage.verdict_records import VerdictRecord, VerdictRecords
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import Verdict

NOBODY = Asker()
_LOG = structlog.get_logger()
SHA256_INLINE_BELOW_BYTES = 8 * 2**20  # ten milliseconds
JUDGED_INLINE_BELOW = 500  # recipients, times findings: ten milliseconds, too


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts that main has chosen; ``protection`` says what the virus engines are worth at the moment.

    ``policies`` are those in force now. ``keeper`` keeps what somebody would lose. ``syslog`` gets ``syslog_lines``,
    ``records`` one of each message.
    """

    inspectors: Sequence[Inspector]
    decoder: Decoder
    protection: Callable[[], Protection]
    policies: Callable[[], PolicyBook]
    keeper: Keeper
    header_rules: HeaderRules = field(default_factory=HeaderRules)
    syslog: MailSyslog | None = None
    records: VerdictRecords | None = None
    syslog_lines: LinesOf = amavis_lines_of

    async def judge_message(
        self, envelope: Envelope, raw: bytes, until: float, asker: Asker = NOBODY, *, with_parts: bool = False
    ) -> Verdict:
        """Return the verdict, at the latest at ``until``, a time of the event loop; with the part tree if wanted."""
        started = time.perf_counter()
        message = Message(new_mail_id(), envelope, raw, await _sha256(raw))
        book = self.policies()
        decode_milliseconds = 0.0

        async def decode() -> DecodedMessage:
            nonlocal decode_milliseconds
            decode_started = time.perf_counter()
            decoded = await self.decoder.decode(raw, until)
            decode_milliseconds = milliseconds_since(decode_started)
            return decoded

        decoded, inspection = await run_inspectors(await self._wanted(message, asker, book), message, decode, until)
        of_decoding = await _inspection_of(message, decoded, decode_milliseconds)
        inspection = Inspection.joined((inspection, of_decoding))
        facts = _facts(message, asker, inspection)
        judgement = await _judgement(facts, book.policy_for(traffic_of(facts)))
        milliseconds = {"total": milliseconds_since(started), "decode": decode_milliseconds}
        engines = self.protection().value
        examined = Examined(message, decoded, inspection, book.version, engines, milliseconds)
        verdict = await self._kept(examined, judgement, until)
        await self._record(facts, judgement, book.version)
        log_verdict(message, verdict)
        if self.syslog is not None:
            for line in self.syslog_lines(message, verdict, time.time()):
                self.syslog.write(line)
        return replace(verdict, parts=await asyncio.to_thread(report_parts, decoded)) if with_parts else verdict

    async def _record(self, facts: Facts, judgement: Judgement, policy_version: str) -> None:
        """Hand over what replay needs; a probe is nobody's mail."""
        if self.records is None or facts.envelope.probe:
            return
        if _is_quickly_judged(facts):
            kept = record_of(facts, judgement, policy_version)
        else:
            kept = await asyncio.to_thread(record_of, facts, judgement, policy_version)
        queue_id, destiny = facts.envelope.queue_id, judgement.destiny.value
        self.records.add(VerdictRecord(facts.mail_id, time.time(), queue_id, destiny, kept))

    async def _kept(self, examined: Examined, judgement: Judgement, until: float) -> Verdict:
        """Return the verdict, once what must not get lost by it is safe."""
        verdict = verdict_of(examined, judgement, self.header_rules)
        try:
            return await self.keeper.keep(examined.message, verdict, until)
        except MessageNotKeptError as error:
            queue_id = examined.message.envelope.queue_id
            _LOG.error("not kept", queue_id=queue_id, mail_id=verdict.mail_id, problem=str(error))
            return verdict_of(examined, not_kept(judgement, verdict.mail_id), self.header_rules)

    async def _wanted(self, message: Message, asker: Asker, book: PolicyBook) -> Sequence[Inspector]:
        """Return the inspectors, without those whose category no recipient wants looked for."""
        # What mail_auth says is not known yet: with banks that rest on it, everything is looked for.
        if book.has_banks_by_authentication:
            return self.inspectors
        traffic = Traffic(message.envelope, asker.listener, asker.token)
        unwanted = await _bypassed_by_all(message.envelope.recipients, book.policy_for(traffic))
        return [one for one in self.inspectors if one.checks not in unwanted] if unwanted else self.inspectors


def _facts(message: Message, asker: Asker, inspection: Inspection) -> Facts:
    header = message.raw[: header_and_body(message.raw, len(message.raw))[0]]
    return Facts(
        mail_id=message.mail_id,
        envelope=message.envelope,
        size=len(message.raw),
        findings=inspection.findings,
        spam=inspection.spam,
        spam_points=inspection.spam_points,
        authors=author_addresses(header),
        bulk=is_bulk(header, message.envelope.sender),
        authentication=inspection.authentication,
        listener=asker.listener,
        token=asker.token,
        values=message_variables(message, time.time()),
    )


async def _judgement(facts: Facts, policy: Policy) -> Judgement:
    """Return what becomes of a message; that of very many recipients takes a while, and no other message waits."""
    if _is_quickly_judged(facts):
        return judge_message(facts, policy)
    return await asyncio.to_thread(judge_message, facts, policy)


def _is_quickly_judged(facts: Facts) -> bool:
    return len(facts.envelope.recipients) * (1 + len(facts.findings)) < JUDGED_INLINE_BELOW


async def _bypassed_by_all(recipients: Sequence[Recipient], policy: Policy) -> frozenset[ContentCategory]:
    if len(recipients) < JUDGED_INLINE_BELOW or not policy.bypass:
        return bypassed_by_all(recipients, policy)
    return await asyncio.to_thread(bypassed_by_all, recipients, policy)


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
