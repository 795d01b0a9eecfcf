"""Errors as problem details (RFC 9457), also for clients that are still sending their request."""

import asyncio
import contextlib
import json
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from verdict_api.http_interface import PROBLEM_TYPE

LINGER_SECONDS = 5.0
LINGER_BYTES = 128 * 2**20  # more than the largest message by default: many clients read when all is sent


class ProblemError(Exception):
    """Why a request cannot be answered; ``more`` are further members of the answer, ``headers`` its headers."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more


def install(app: FastAPI) -> None:
    """Let every error of the app leave as a problem, also those of the framework and our bugs."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)


async def answer_error(request: Request, error: Exception) -> Response:
    """Return the answer to a request that ended in this error."""
    return await (_on_problem if isinstance(error, ProblemError) else _on_bug)(request, error)


def note_whole_body(request: Request) -> None:
    """Say that the body of the request is here, so that nobody waits for it."""
    request.state.has_whole_body = True


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _response(request, error.status, error.detail, error.headers, **error.more)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return _response(request, HTTPStatus(error.status_code), detail, dict(error.headers or {}))


async def _on_bug(request: Request, error: Exception) -> Response:
    structlog.get_logger().error("bug", path=request.url.path, error=repr(error), exc_info=error)
    detail = "an error of the scanning service; its log has it"
    return _response(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail, None)


def _response(
    request: Request, status: HTTPStatus, detail: str, headers: dict[str, str] | None, **more: object
) -> Response:
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, **more}
    kind = _EarlyResponse if _is_body_coming(request) else Response
    return kind(json.dumps(problem).encode("ascii"), int(status), headers, PROBLEM_TYPE)


def _is_body_coming(request: Request) -> bool:
    announced = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    return announced and not getattr(request.state, "has_whole_body", False)


class _EarlyResponse(Response):
    """An answer before the body's end: it takes in the rest of it for a while, and then ends the connection.

    A connection that is closed with bytes unread is reset, and the client may lose the answer (RFC 9112 §9.6).
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        self.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _pass_over_body(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pass_over_body(receive: Receive) -> None:
    left = LINGER_BYTES
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return
