"""From a judgement to the verdict that answers the asker: what is said, and which header fields go with it."""

from dataclasses import dataclass

from scanner_service.act.keep import must_keep
from scanner_service.inspectors.inspector import Inspection
from scanner_service.judge.combine import GRAVITY
from scanner_service.judge.headers import HeaderFacts, header_edits
from scanner_service.judge.spam_level import SpamLevel
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.judgement import Judgement, TagFacts
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import (
    HeaderEdit,
    InspectorStatus,
    MessageFacts,
    QuarantineReport,
    ReportedFinding,
    ReportedPart,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class HeaderRules:
    """When header fields are written.

    ``protecting`` are the names of the virus engines that are no demo. ``on_clean``: clean mail gets fields of ours
    as well. ``scores_spam``: whether anybody gives points.
    """

    protecting: frozenset[str] = frozenset()
    on_clean: bool = False
    scores_spam: bool = True


@dataclass(frozen=True, slots=True)
class Examined:
    """A message and all that was seen of it. ``engines`` is what the virus engines are worth now."""

    message: Message
    decoded: DecodedMessage
    inspection: Inspection
    policy_version: str
    engines: str
    milliseconds: dict[str, float]


def verdict_of(examined: Examined, judgement: Judgement, rules: HeaderRules) -> Verdict:
    """Return the verdict, which says nothing of a copy yet."""
    would_be = None if judgement.would_be is None else verdict_of(examined, judgement.would_be, rules)
    message, inspection = examined.message, examined.inspection
    return Verdict(
        mail_id=message.mail_id,
        destiny=judgement.destiny,
        complete=not any(
            report.required and report.status is InspectorStatus.NOT_DONE for report in inspection.reports
        ),
        policy_version=examined.policy_version,
        reply=judgement.reply,
        decided_by=judgement.decided_by,
        recipients=judgement.recipients,
        added_recipients=judgement.added_recipients,
        findings=tuple(_report(finding) for finding in judgement.findings),
        inspectors=inspection.reports,
        spam=judgement.spam,
        authentication=inspection.authentication,
        header_edits=_header_edits(message, inspection, judgement, rules),
        quarantine=QuarantineReport(notice_due=judgement.notice_due),
        message=MessageFacts(len(message.raw), message.sha256, examined.decoded.message_id),
        milliseconds=examined.milliseconds,
        engines=examined.engines,
        would_be=would_be,
    )


def report_parts(decoded: DecodedMessage) -> tuple[ReportedPart, ...]:
    """Return the part tree; the digests of large parts take a while."""
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


def _header_edits(
    message: Message, inspection: Inspection, judgement: Judgement, rules: HeaderRules
) -> tuple[HeaderEdit, ...]:
    tags, would_be = judgement.tags, judgement.would_be
    if not tags.wanted:
        return ()
    facts = HeaderFacts(
        findings=tags.findings,
        spam=_spam_level(tags),
        offered=inspection.spam.fields if inspection.spam else (),
        virus_scanned=_is_virus_scanned(inspection, rules.protecting),
        flag=tags.is_spam,
        subject_tag=tags.subject_tag,
        quarantined=must_keep(judgement) and not message.envelope.probe,
        would_be="" if would_be is None else _would_be(would_be),
        tag_level=tags.tag_level,
        alert=tags.alert,
    )
    return header_edits(message, facts, on_clean=rules.on_clean, scores=rules.scores_spam)


def _would_be(judgement: Judgement) -> str:
    """Return the gravest that would have become of it, and the codes of its reply: the words are not for everybody.

    They may name other recipients, and what was found for them alone.
    """
    gravest = max((one.destiny for one in judgement.recipients), key=GRAVITY.index)
    return f"{gravest} {judgement.reply.code} {judgement.reply.enhanced}"


def _spam_level(tags: TagFacts) -> SpamLevel | None:
    """Return the score on the scale of those who get the message."""
    if tags.spam.score is None:
        return None
    return SpamLevel(tags.spam, ContentCategory.SPAMMY if tags.is_spam else None, tags.required, "")


def _is_virus_scanned(inspection: Inspection, protecting: frozenset[str]) -> bool:
    """Tell whether an engine that protects has looked."""
    return any(
        report.name in protecting and report.status is not InspectorStatus.NOT_DONE for report in inspection.reports
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
