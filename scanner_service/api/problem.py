"""Errors as problem details (RFC 9457)."""

import json
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from verdict_api.http_interface import PROBLEM_TYPE


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


async def _on_problem(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, ProblemError)
    return _response(error.status, error.detail, error.headers, error.more)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return _response(HTTPStatus(error.status_code), detail, dict(error.headers or {}), {})


async def _on_bug(request: Request, error: Exception) -> Response:
    structlog.get_logger().error("bug", path=request.url.path, error=repr(error), exc_info=error)
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the scanning service; its log has it", None, {})


def _response(status: HTTPStatus, detail: str, headers: dict[str, str] | None, more: dict[str, object]) -> Response:
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, **more}
    return Response(json.dumps(problem).encode("ascii"), int(status), headers, PROBLEM_TYPE)
