"""What holds for whom, and what another policy would have done: /v1/policy/… and /v1/verdicts/…/replay."""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from scanner_service.api.access import Access, Scope
from scanner_service.api.draft import Draft, ReadDraft, read_small_body, receive_draft, want_toml
from scanner_service.api.policy_description import EXPLAIN, REPLAY, REPLAY_ONE
from scanner_service.api.problem import ProblemError
from scanner_service.api.records_reader import RecordsReader, Span, StoredRecord
from scanner_service.api.replay_stream import replay_lines
from scanner_service.judge.explain import Explanation, Value, explain
from scanner_service.judge.policy_bank import PolicyBook, PolicyUnavailableError, Traffic
from scanner_service.judge.record_codec import decision_to_fields, decode_record
from scanner_service.judge.replay import change_to, rejudge
from scanner_service.storage.verdict_records import RecordsUnavailableError
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.http_interface import EXPLAIN_PATH, LINES_TYPE, REPLAY_PATH, VERDICTS_PATH
from verdict_api.json_fields import CodecError, Fields, from_json, to_json
from verdict_api.printable import printable
from verdict_api.verdict import AuthenticationResult

QUESTION_LIMIT_BYTES = 2**16
MOST_REPLAYS = 2  # at once: each takes half a processor


@dataclass(frozen=True, slots=True)
class PolicyPages:
    """What these pages need: the policies in force, how a draft is read, and the records, None if none are kept."""

    policies: Callable[[], PolicyBook]
    read_draft: ReadDraft
    records: RecordsReader | None = None


def add_policy_routes(app: FastAPI, access: Access, given: PolicyPages) -> None:
    """Add the routes of this page."""
    running: set[object] = set()

    @app.post(EXPLAIN_PATH, summary="What holds for a recipient, and why", **EXPLAIN)
    async def post_explain(request: Request) -> Response:
        access.require(request, Scope.READ)
        traffic = _traffic_of(await read_small_body(request, QUESTION_LIMIT_BYTES))
        return _json(_explanation_to_fields(traffic, explain(_book_of(given), traffic)))

    @app.post(REPLAY_PATH, summary="What a draft of the policy would have done", **REPLAY)
    async def post_replay(request: Request) -> Response:
        access.require(request, Scope.ADMIN)
        want_toml(request)
        span, most_changes = _span_of(request), _limit_of(request)
        records = _records_of(given)
        if len(running) >= MOST_REPLAYS:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_REPLAYS} replays are running; try again later")
        draft = await receive_draft(request, given.read_draft)
        total = await _count(records, span)
        lines = _counted(running, replay_lines(records, span, draft, total, most_changes))
        return StreamingResponse(lines, media_type=LINES_TYPE)

    @app.post(VERDICTS_PATH + "/{mail_id}/replay", summary="Judge a message again, without its bytes", **REPLAY_ONE)
    async def post_replay_one(request: Request) -> Response:
        draft = await _wanted_draft(request, access, given)
        mail_id = str(request.path_params["mail_id"])
        record = await _record(_records_of(given), mail_id)
        book = _book_of(given) if draft is None else draft.book
        return _json(await asyncio.to_thread(_replayed, record, book))


async def _wanted_draft(request: Request, access: Access, given: PolicyPages) -> Draft | None:
    """Return the draft in the body, None if the policy in force is meant: that takes no administrator."""
    access.require(request, Scope.READ)
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return None
    access.require(request, Scope.ADMIN)
    want_toml(request)
    return await receive_draft(request, given.read_draft)


def _replayed(record: StoredRecord, book: PolicyBook) -> dict[str, object]:
    try:
        judged = decode_record(record.facts)
        after = rejudge(judged, book)
    except ValueError as error:
        raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, f"the record cannot be read: {error}") from error
    change = change_to(after, judged)
    return {
        "mail_id": record.mail_id,
        "judged_at": record.judged_at,
        "queue_id": record.queue_id,
        "sender": judged.facts.envelope.sender,
        "kind": None if change is None else change.kind,
        "changed": () if change is None else change.changed,
        "before": decision_to_fields(judged.decision),
        "after": decision_to_fields(after),
    }


async def _counted(running: set[object], lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass on the lines, and be among those that run until the last one, or until nobody listens any more."""
    mark = object()
    running.add(mark)
    try:
        async for line in lines:
            yield line
    finally:
        running.discard(mark)


def _book_of(given: PolicyPages) -> PolicyBook:
    try:
        return given.policies()
    except PolicyUnavailableError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


def _records_of(given: PolicyPages) -> RecordsReader:
    if given.records is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "no records of judged messages are kept")
    return given.records


async def _count(records: RecordsReader, span: Span) -> int:
    try:
        return await records.count(span.since, span.until)
    except RecordsUnavailableError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"the records cannot be read: {error}") from error


async def _record(records: RecordsReader, mail_id: str) -> StoredRecord:
    try:
        record = await records.get(mail_id)
    except RecordsUnavailableError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"the records cannot be read: {error}") from error
    if record is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no record of a message {printable(mail_id[:40])}")
    return record


def _span_of(request: Request) -> Span:
    since = _seconds(request, "since", None)
    return Span(since, _seconds(request, "until", time.time()))


def _seconds(request: Request, name: str, default: float | None) -> float:
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    try:
        seconds = float(text or "")
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name}: want Unix seconds, got {(text or '')[:40]!a}")
    return seconds


def _limit_of(request: Request) -> int:
    text = request.query_params.get("limit")
    if text is None:
        return sys.maxsize
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"limit: want a whole number, got {text[:40]!a}")
    return int(text)


def _traffic_of(body: bytes) -> Traffic:
    """Return the mail that is asked about.

    Raises:
        ProblemError: 400, it is no such question.
    """
    try:
        fields = Fields("question", from_json("question", body))
        user = fields.optional("authenticated_user", fields.text)
        relay_client = fields.flag("relay_client", default=False)
        usual_source = "smtp" if user is None and not relay_client else "authsmtp"
        envelope = Envelope(
            sender=fields.text("sender"),
            recipients=(Recipient(fields.text("recipient"), local=fields.optional("local", fields.flag)),),
            client=Client(ip=fields.optional("client_ip", fields.text)),
            authenticated_user=user,
            relay_client=relay_client,
            source=fields.text("source", usual_source),
        )
        passed = tuple(
            AuthenticationResult(method, "pass", fields.text(f"{method}_domain"))
            for method in ("dkim", "spf")
            if fields.is_text(f"{method}_domain")
        )
        token = fields.optional("token", fields.text)
        return Traffic(envelope, fields.text("listener", ""), token, passed)
    except CodecError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, str(error)) from error


def _explanation_to_fields(traffic: Traffic, explanation: Explanation) -> dict[str, object]:
    return {
        "recipient": traffic.envelope.recipients[0].address,
        "local": explanation.is_local,
        "policy": explanation.policy,
        "policy_version": explanation.policy_version,
        "banks": [
            {"bank": bank.bank, "holds": bank.holds, "when": [dict(condition) for condition in bank.when]}
            for bank in explanation.banks
        ],
        "settings": [
            {"setting": one.setting, "value": _shown(one.value), "bank": one.bank, "table": one.table, "key": one.key}
            for one in explanation.settings
        ],
    }


def _shown(value: Value) -> Value:
    """Return a value that JSON has: a level that is never reached is a word."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _json(fields: dict[str, object]) -> Response:
    return Response(to_json(fields), media_type=JSONResponse.media_type)
