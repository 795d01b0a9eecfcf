"""Envelopes and verdicts of every kind that the wire must carry, and their JSON to be tampered with."""

import copy
import json
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.json_codec import encode_envelope, encode_verdict
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import (
    AuthenticationResult,
    DecidedBy,
    Destiny,
    HeaderAction,
    HeaderEdit,
    InspectorReport,
    InspectorStatus,
    MessageFacts,
    QuarantineReport,
    RecipientVerdict,
    ReportedFinding,
    SpamReport,
    Verdict,
)

T = TypeVar("T")
JsonPath = tuple[str | int, ...]

# What PEP 383 makes of bytes that are not UTF-8.
_STRAY_BYTES = st.sampled_from([chr(0xDC00 + byte) for byte in range(0x80, 0x100)])

texts = st.text(st.characters(exclude_categories=["Cs"]) | _STRAY_BYTES, max_size=12)
_maybe_texts = st.none() | texts
_tuples_of_texts = st.lists(texts, max_size=3).map(tuple)
_numbers = st.floats(allow_nan=False, allow_infinity=False)
_sizes = st.integers(min_value=0, max_value=2**63)

printable_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


@st.composite
def smtp_replies(draw: st.DrawFn) -> SmtpReply:
    code = draw(st.integers(200, 299) | st.integers(400, 599))
    subject, detail = draw(st.integers(0, 999)), draw(st.integers(0, 999))
    return SmtpReply(code, f"{code // 100}.{subject}.{detail}", draw(printable_texts))


envelopes = st.builds(
    Envelope,
    sender=texts,
    recipients=st.lists(
        st.builds(Recipient, texts, texts, texts, st.none() | st.booleans()), min_size=1, max_size=4
    ).map(tuple),
    host=texts,
    queue_id=texts,
    queue_ids=_tuples_of_texts,
    client=st.builds(Client, _maybe_texts, _maybe_texts, _maybe_texts),
    authenticated_user=_maybe_texts,
    relay_client=st.booleans(),
    source=texts,
    message_size=st.none() | _sizes,
    probe=st.booleans(),
    observe=st.booleans(),
)


def _some(values: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, max_size=2).map(tuple)


def _verdicts(would_be: st.SearchStrategy[Verdict | None]) -> st.SearchStrategy[Verdict]:
    return st.builds(
        Verdict,
        mail_id=texts,
        destiny=st.sampled_from(Destiny),
        complete=st.booleans(),
        policy_version=texts,
        reply=smtp_replies(),
        decided_by=st.builds(DecidedBy, texts, _maybe_texts, texts, texts),
        recipients=_some(
            st.builds(
                RecipientVerdict,
                texts,
                st.sampled_from(Destiny),
                _tuples_of_texts,
                texts,
                smtp_replies(),
                _maybe_texts,
            )
        ),
        findings=_some(
            st.builds(
                ReportedFinding,
                texts,
                _maybe_texts,
                texts,
                texts,
                _maybe_texts,
                st.none() | _numbers,
                texts,
                texts,
                texts,
            )
        ),
        inspectors=_some(
            st.builds(
                InspectorReport,
                texts,
                st.booleans(),
                st.sampled_from(InspectorStatus),
                _maybe_texts,
                _maybe_texts,
                _numbers,
            )
        ),
        message=st.builds(MessageFacts, _sizes, texts, _maybe_texts),
        milliseconds=st.dictionaries(texts, _numbers, max_size=2),
        engines=texts,
        spam=st.builds(SpamReport, st.none() | _numbers, _tuples_of_texts),
        authentication=_some(st.builds(AuthenticationResult, texts, texts, texts, texts)),
        header_edits=_some(st.builds(HeaderEdit, st.sampled_from(HeaderAction), texts, _maybe_texts)),
        added_recipients=_tuples_of_texts,
        quarantine=st.builds(QuarantineReport, st.booleans()),
        would_be=would_be,
    )


verdicts = _verdicts(st.none() | _verdicts(st.none()))

ENVELOPE = Envelope(
    sender="s@remote.example",
    recipients=(Recipient("alice@test.example", "team@test.example", "NF", local=True),),
    host="mx.test.example",
    queue_id="M1",
    queue_ids=("M1", "M2"),
    client=Client("192.0.2.1", "client.example", "helo.example"),
    authenticated_user="alice",
    relay_client=True,
    source="authsmtp",
    message_size=4022,
    probe=True,
    observe=True,
)

_REPLY = SmtpReply(550, "5.7.1", "Message content rejected")
_REJECTED = Verdict(
    mail_id="b7kQ2sX9aLmP",
    destiny=Destiny.REJECT,
    complete=True,
    policy_version="7f3a",
    reply=_REPLY,
    decided_by=DecidedBy("virus", "clamd", "default", "destinies.virus"),
    recipients=(
        RecipientVerdict("alice@test.example", Destiny.REJECT, ("virus",), "default", _REPLY, "b@c.example"),
    ),
    findings=(
        ReportedFinding(
            "virus", "eicar", "clamd", "Eicar-Test-Signature", "1.2/a.zip/b.com", 1.5, "hit", "rule 1", "275a"
        ),
    ),
    inspectors=(InspectorReport("clamd", True, InspectorStatus.HIT, "found", "ClamAV 1.4.6", 5.4),),
    message=MessageFacts(4022, "00ff", "<1@remote.example>"),
    milliseconds={"total": 8.1},
    engines="demo",
    spam=SpamReport(1.5, ("GTUBE",)),
    authentication=(AuthenticationResult("spf", "pass", "remote.example", "192.0.2.1"),),
    header_edits=(HeaderEdit(HeaderAction.ADD, "X-Couriergate-Id", "b7kQ2sX9aLmP"),),
    added_recipients=("archive@test.example",),
    quarantine=QuarantineReport(stored=True),
)
VERDICT = replace(_REJECTED, would_be=_REJECTED)


def envelope_fields() -> Any:
    """Return the JSON of an envelope that has every field."""
    return json.loads(encode_envelope(ENVELOPE))


def verdict_fields() -> Any:
    """Return the JSON of a verdict that has every field."""
    return json.loads(encode_verdict(VERDICT))


def with_field(fields: Any, path: JsonPath, value: object) -> bytes:
    """Return the JSON with this value at this place."""
    changed = copy.deepcopy(fields)
    _holder(changed, path)[path[-1]] = value
    return json.dumps(changed).encode()


def without_field(fields: Any, path: JsonPath) -> bytes:
    """Return the JSON without what it has at this place."""
    changed = copy.deepcopy(fields)
    del _holder(changed, path)[path[-1]]
    return json.dumps(changed).encode()


def place(root: str, path: JsonPath) -> str:
    """Return the place as error messages name it: ``verdict.recipients[0].reply``."""
    return root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _holder(fields: Any, path: JsonPath) -> Any:
    for step in path[:-1]:
        fields = fields[step]
    return fields
