"""POST /v1/verdicts: judge a message now."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from fastapi import Request, Response

from scanner_service.api.access import Access
from scanner_service.api.direct import DirectApp
from scanner_service.api.problem import ProblemError
from scanner_service.api.submission import read_submission
from scanner_service.judge.policy_bank import PolicyUnavailableError
from scanner_service.model.asker import Asker
from verdict_api.envelope import Envelope
from verdict_api.http_interface import (
    DEADLINE_HEADER,
    ENVELOPE_HEADER,
    MESSAGE_TYPE,
    MULTIPART_TYPE,
    PARTS_QUERY,
    PATH_TYPE,
    PROBLEM_TYPE,
    VERDICTS_PATH,
)
from verdict_api.json_codec import encode_verdict
from verdict_api.verdict import Verdict

ANSWER_SECONDS = 0.5  # kept of the asker's deadline for the way back: a late verdict is none


RETRY_SECONDS = 2  # a database that comes up with us


class JudgeMessage(Protocol):
    """The pipeline, as this page needs it."""

    def __call__(
        self, envelope: Envelope, raw: bytes, until: float, asker: Asker, *, with_parts: bool
    ) -> Awaitable[Verdict]:
        """Judge one message until a time of the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may be: its message in bytes, its deadline where it names none, the files that it may name."""

    max_message_bytes: int
    default_deadline_seconds: float
    longest_deadline_seconds: float = 300.0
    path_roots: tuple[Path, ...] = ()


def add_verdict_routes(
    app: DirectApp,
    judge_message: JudgeMessage,
    access: Access,
    limits: RequestLimits,
    *,
    unix_listener: str | None = None,
) -> None:
    """Add the route of this page; the framework only describes it.

    ``unix_listener`` is the listener as ``unix:/path``, None if it is none: the kernel knows it by the name that it
    was bound under, before it was renamed.
    """

    @app.post(
        VERDICTS_PATH,
        summary="Judge a message now",
        response_model=Verdict,
        responses=_PROBLEMS,
        openapi_extra=_REQUEST,
    )
    async def post_verdict(request: Request) -> Response:
        seconds = _seconds_left(request, limits)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                submission = await read_submission(request, access, limits.max_message_bytes, limits.path_roots)
                until = deadline - min(ANSWER_SECONDS, seconds / 4)
                with_parts = request.query_params.get(PARTS_QUERY) == "1"
                asker = Asker(unix_listener or _tcp_listener_of(request), submission.token)
                verdict = await judge_message(
                    submission.envelope, submission.message, until, asker, with_parts=with_parts
                )
        except TimeoutError as error:
            raise ProblemError(HTTPStatus.GATEWAY_TIMEOUT, "no verdict before the deadline") from error
        except PolicyUnavailableError as error:
            retry = {"Retry-After": str(RETRY_SECONDS)}
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=retry) from error
        return Response(encode_verdict(verdict), media_type="application/json")

    app.direct_endpoints = {**app.direct_endpoints, ("POST", VERDICTS_PATH): post_verdict}


def _tcp_listener_of(request: Request) -> str:
    """Return where the request came in, as settings write it: ``127.0.0.1:8025``."""
    host, port = request.scope.get("server") or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _seconds_left(request: Request, limits: RequestLimits) -> float:
    value = request.headers.get(DEADLINE_HEADER)
    if value is None:
        return limits.default_deadline_seconds
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value) > 0):
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{DEADLINE_HEADER}: want milliseconds, got {value[:40]!r}")
    return min(int(value) / 1000, limits.longest_deadline_seconds)


_BINARY = {"type": "string", "format": "binary"}
_REQUEST = {
    "parameters": [
        {
            "name": PARTS_QUERY,
            "in": "query",
            "required": False,
            "schema": {"type": "string", "enum": ["1"]},
            "description": "`1`: the verdict has the part tree, too.",
        },
        {
            "name": ENVELOPE_HEADER,
            "in": "header",
            "required": False,
            "description": "base64url of the envelope as JSON, at most 8 KiB; with a body of message/rfc822",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        },
        {
            "name": DEADLINE_HEADER,
            "in": "header",
            "required": False,
            "description": "milliseconds until the asker gives up",
            "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            MESSAGE_TYPE: {"schema": _BINARY},
            MULTIPART_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["envelope", "message"],
                    "properties": {"envelope": {"type": "object"}, "message": _BINARY},
                },
                "encoding": {
                    "envelope": {"contentType": "application/json"},
                    "message": {"contentType": MESSAGE_TYPE},
                },
            },
            PATH_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["message_path", "envelope"],
                    "properties": {
                        "message_path": {"type": "string", "description": "absolute, beneath one of path_roots"},
                        "envelope": {"type": "object"},
                    },
                },
            },
        },
    },
}
_PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {
        "description": meaning,
        "content": {PROBLEM_TYPE: {"schema": {"type": "object", "required": ["title", "status", "detail"]}}},
    }
    for status, meaning in {
        400: "broken framing, envelope, path or deadline",
        401: "no token, or an unknown one",
        403: "a token without the scope for this form, or a path that may not be named",
        404: "no regular file has this path, or it cannot be read",
        413: "the message is longer than limit_bytes",
        415: "another content type or encoding",
        431: "the envelope is too long for a header; send a form",
        503: "the policy is not known yet",
        504: "no verdict before the deadline",
    }.items()
}
