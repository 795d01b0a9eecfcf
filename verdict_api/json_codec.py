r"""JSON to types and back: strict about what we need, blind to what we do not know.

Bytes that are not UTF-8 travel as ``\udcNN`` (PEP 383), which JSON's own escapes can carry.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import TypedDict

from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.json_fields import CodecError, Fields, from_json, to_json
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import (
    AuthenticationResult,
    DecidedBy,
    Decision,
    Destiny,
    HeaderAction,
    HeaderEdit,
    InspectorReport,
    InspectorStatus,
    MessageFacts,
    QuarantineReport,
    RecipientVerdict,
    ReportedFinding,
    ReportedPart,
    SpamReport,
    Verdict,
)


def encode_envelope(envelope: Envelope) -> bytes:
    return to_json(envelope_to_fields(envelope))


def envelope_to_fields(envelope: Envelope) -> dict[str, object]:
    return {
        "host": envelope.host,
        "queue_id": envelope.queue_id,
        "queue_ids": envelope.queue_ids,
        "sender": envelope.sender,
        "recipients": [
            {
                "address": recipient.address,
                "original": recipient.original,
                "notify": recipient.notify,
                "local": recipient.local,
            }
            for recipient in envelope.recipients
        ],
        "client": {
            "ip": envelope.client.ip,
            "name": envelope.client.name,
            "helo": envelope.client.helo,
        },
        "authenticated_user": envelope.authenticated_user,
        "relay_client": envelope.relay_client,
        "source": envelope.source,
        "message_size": envelope.message_size,
        "probe": envelope.probe,
        "observe": envelope.observe,
    }


def decode_envelope(data: bytes) -> Envelope:
    """Read an envelope; only ``sender`` and ``recipients`` with an ``address`` each are needed.

    Raises:
        CodecError: not JSON, a value of the wrong type, or no recipient.
    """
    return envelope_from_fields(Fields("envelope", from_json("envelope", data)))


def decode_path_form(data: bytes) -> tuple[str, Envelope]:
    """Read ``{"message_path": …, "envelope": …}``.

    Raises:
        CodecError: not JSON, no path, or not an envelope.
    """
    fields = Fields("request", from_json("request", data))
    return fields.text("message_path"), envelope_from_fields(fields.object("envelope"))


def envelope_from_fields(fields: Fields) -> Envelope:
    """Read an envelope; see decode_envelope."""
    recipients = tuple(
        Recipient(
            address=one.text("address"),
            original=one.text("original", ""),
            notify=one.text("notify", ""),
            local=one.optional("local", one.flag),
        )
        for one in fields.objects("recipients")
    )
    if not recipients:
        raise CodecError(f"{fields.where}.recipients: want at least one recipient, got none")
    client = fields.object("client", optional=True)
    return Envelope(
        host=fields.text("host", ""),
        queue_id=fields.text("queue_id", ""),
        queue_ids=fields.texts("queue_ids"),
        sender=fields.text("sender"),
        recipients=recipients,
        client=Client(
            ip=client.optional("ip", client.text),
            name=client.optional("name", client.text),
            helo=client.optional("helo", client.text),
        ),
        authenticated_user=fields.optional("authenticated_user", fields.text),
        relay_client=fields.flag("relay_client", default=False),
        source=fields.text("source", ""),
        message_size=fields.optional("message_size", fields.whole_number),
        probe=fields.flag("probe", default=False),
        observe=fields.flag("observe", default=False),
    )


def encode_envelope_header(envelope: Envelope) -> str:
    """Return the envelope as the value of a request header: base64url without padding."""
    return base64.urlsafe_b64encode(encode_envelope(envelope)).rstrip(b"=").decode("ascii")


def decode_envelope_header(value: str) -> Envelope:
    """Read what ``encode_envelope_header`` wrote.

    Raises:
        CodecError: not base64url, or not an envelope.
    """
    try:
        data = base64.b64decode(value.encode("ascii") + b"=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise CodecError(f"envelope header: want base64url of JSON, got {value[:40]!r}") from error
    return decode_envelope(data)


def encode_verdict(verdict: Verdict) -> bytes:
    return to_json(_verdict_to_fields(verdict))


def decode_verdict(data: bytes) -> Verdict:
    """Read a verdict.

    Raises:
        CodecError: not JSON, a needed field missing, a value of the wrong type, or a destiny, status or header
            action that this version does not know, by name. Whoever asked must then not let the mail pass.
    """
    return _verdict_from_fields(Fields("verdict", from_json("verdict", data)))


def decode_decision(data: bytes) -> Decision:
    """Read of a verdict what the mail host needs, and nothing else: a third of the work.

    Of ``would_be`` too; what that one would have been is left out, however deep it goes.

    Raises:
        CodecError: as decode_verdict, of these fields.
    """
    fields = Fields("verdict", from_json("verdict", data))
    would_be = fields.optional("would_be", fields.object)
    return Decision(**_decision_of(fields), would_be=None if would_be is None else Decision(**_decision_of(would_be)))


def _verdict_to_fields(verdict: Verdict) -> dict[str, object]:
    return {
        "mail_id": verdict.mail_id,
        "destiny": verdict.destiny,
        "complete": verdict.complete,
        "engines": verdict.engines,
        "policy_version": verdict.policy_version,
        "would_be": None if verdict.would_be is None else _verdict_to_fields(verdict.would_be),
        "reply": reply_to_fields(verdict.reply),
        "decided_by": {
            "category": verdict.decided_by.category,
            "inspector": verdict.decided_by.inspector,
            "policy": verdict.decided_by.policy,
            "rule": verdict.decided_by.rule,
        },
        "recipients": [
            {
                "address": one.address,
                "destiny": one.destiny,
                "categories": one.categories,
                "policy": one.policy,
                "reply": reply_to_fields(one.reply),
                "replaced_by": one.replaced_by,
                "rule": one.rule,
                "note": one.note,
            }
            for one in verdict.recipients
        ],
        "added_recipients": verdict.added_recipients,
        "findings": [
            {
                "category": one.category,
                "sub_category": one.sub_category,
                "inspector": one.inspector,
                "name": one.name,
                "part": one.part,
                "score": one.score,
                "detail": one.detail,
                "rule": one.rule,
                "sha256": one.sha256,
            }
            for one in verdict.findings
        ],
        "inspectors": [
            {
                "name": one.name,
                "required": one.required,
                "status": one.status,
                "reason": one.reason,
                "version": one.version,
                "milliseconds": one.milliseconds,
            }
            for one in verdict.inspectors
        ],
        "spam": {"score": verdict.spam.score, "tests": verdict.spam.tests},
        "authentication": authentication_to_fields(verdict.authentication),
        "header_edits": [
            {"action": one.action, "name": one.name, "value": one.value} for one in verdict.header_edits
        ],
        "quarantine": {"stored": verdict.quarantine.stored, "notice_due": verdict.quarantine.notice_due},
        "message": {
            "size": verdict.message.size,
            "sha256": verdict.message.sha256,
            "message_id": verdict.message.message_id,
        },
        "milliseconds": verdict.milliseconds,
        **({"parts": [_part_to_fields(one) for one in verdict.parts]} if verdict.parts else {}),
    }


def _part_to_fields(part: ReportedPart) -> dict[str, object]:
    return {
        "path": part.path,
        "content_type": part.content_type,
        "names": part.names,
        "types": part.types,
        "size": part.size,
        "marks": part.marks,
        "sha256": part.sha256,
    }


def _verdict_from_fields(fields: Fields) -> Verdict:
    spam = fields.object("spam", optional=True)
    message = fields.object("message")
    would_be = fields.optional("would_be", fields.object)
    quarantine = fields.object("quarantine", optional=True)
    return Verdict(
        **_decision_of(fields),
        complete=fields.flag("complete"),
        engines=fields.text("engines", "real"),
        policy_version=fields.text("policy_version", ""),
        would_be=None if would_be is None else _verdict_from_fields(would_be),
        findings=tuple(
            ReportedFinding(
                category=one.text("category"),
                sub_category=one.optional("sub_category", one.text),
                inspector=one.text("inspector", ""),
                name=one.text("name", ""),
                part=one.optional("part", one.text),
                score=one.optional("score", one.number),
                detail=one.text("detail", ""),
                rule=one.text("rule", ""),
                sha256=one.text("sha256", ""),
            )
            for one in fields.objects("findings")
        ),
        inspectors=tuple(
            InspectorReport(
                name=one.text("name"),
                required=one.flag("required", default=False),
                status=one.choice("status", InspectorStatus),
                reason=one.optional("reason", one.text),
                version=one.optional("version", one.text),
                milliseconds=one.number("milliseconds", 0.0),
            )
            for one in fields.objects("inspectors")
        ),
        spam=SpamReport(score=spam.optional("score", spam.number), tests=spam.texts("tests")),
        authentication=authentication_from_fields(fields),
        quarantine=QuarantineReport(
            quarantine.flag("stored", default=False), quarantine.flag("notice_due", default=False)
        ),
        message=MessageFacts(
            size=message.whole_number("size"),
            sha256=message.text("sha256", ""),
            message_id=message.optional("message_id", message.text),
        ),
        milliseconds=fields.object("milliseconds", optional=True).numbers(),
        parts=tuple(
            ReportedPart(
                path=one.text("path"),
                content_type=one.text("content_type", ""),
                names=one.texts("names"),
                types=one.texts("types"),
                size=one.whole_number("size"),
                marks=one.texts("marks"),
                sha256=one.text("sha256", ""),
            )
            for one in fields.objects("parts")
        ),
    )


class _DecisionFields(TypedDict):
    mail_id: str
    destiny: Destiny
    reply: SmtpReply
    decided_by: DecidedBy
    recipients: tuple[RecipientVerdict, ...]
    header_edits: tuple[HeaderEdit, ...]
    added_recipients: tuple[str, ...]


def _decision_of(fields: Fields) -> _DecisionFields:
    decided_by = fields.object("decided_by")
    return {
        "mail_id": fields.text("mail_id"),
        "destiny": fields.choice("destiny", Destiny),
        "reply": reply_from_fields(fields.object("reply")),
        "decided_by": DecidedBy(
            category=decided_by.text("category"),
            inspector=decided_by.optional("inspector", decided_by.text),
            policy=decided_by.text("policy", ""),
            rule=decided_by.text("rule", ""),
        ),
        "recipients": tuple(
            RecipientVerdict(
                address=one.text("address"),
                destiny=one.choice("destiny", Destiny),
                categories=one.texts("categories"),
                policy=one.text("policy", ""),
                reply=reply_from_fields(one.object("reply")),
                replaced_by=one.optional("replaced_by", one.text),
                rule=one.text("rule", ""),
                note=one.text("note", ""),
            )
            for one in fields.objects("recipients")
        ),
        "header_edits": tuple(
            HeaderEdit(
                action=one.choice("action", HeaderAction),
                name=one.text("name"),
                value=one.optional("value", one.text),
            )
            for one in fields.objects("header_edits")
        ),
        "added_recipients": fields.texts("added_recipients"),
    }


def authentication_to_fields(results: Sequence[AuthenticationResult]) -> list[dict[str, object]]:
    return [
        {"method": one.method, "result": one.result, "domain": one.domain, "detail": one.detail} for one in results
    ]


def authentication_from_fields(fields: Fields) -> tuple[AuthenticationResult, ...]:
    """Read the field ``authentication``."""
    return tuple(
        AuthenticationResult(
            method=one.text("method"),
            result=one.text("result"),
            domain=one.text("domain", ""),
            detail=one.text("detail", ""),
        )
        for one in fields.objects("authentication")
    )


def reply_to_fields(reply: SmtpReply) -> dict[str, object]:
    return {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def reply_from_fields(fields: Fields) -> SmtpReply:
    """Read a reply."""
    try:
        return SmtpReply(fields.whole_number("code"), fields.text("enhanced"), fields.text("text"))
    except CodecError:
        raise
    except ValueError as error:
        raise CodecError(f"{fields.where}: {error}") from error
