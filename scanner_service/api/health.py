"""/livez, /readyz and /version: for whoever runs the service."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from scanner_service import __version__
from scanner_service.api.access import Access, Scope
from scanner_service.inspectors.engine import VirusEngine, protection_of
from verdict_api.http_interface import API_VERSIONS
from verdict_api.printable import printable


def add_health_routes(
    app: FastAPI,
    access: Access,
    engines: Sequence[VirusEngine],
    max_message_bytes: int,
    *,
    signature_days_limit: int,
    decoder_problem: Callable[[], str | None],
    spam_engine: Callable[[], dict[str, str | None] | None],
    policy_version: Callable[[], str],
    policy_problem: Callable[[], str | None],
    policy_is_known: Callable[[], bool],
    records_problem: Callable[[], str | None],
) -> None:
    """Add the routes of this page. The probes carry no token and tell nothing about mail."""

    @app.get("/livez", summary="The process answers")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="This replica takes messages")
    async def readyz() -> JSONResponse:
        # An engine that is away is told here and in each verdict; it is shared, so it takes no replica out. Decoders
        # are this replica's own: without one, other replicas do better. Without its policy it can judge nothing.
        problem = decoder_problem()
        is_ready = problem is None and policy_is_known()
        return JSONResponse(
            {
                "status": "ready" if is_ready else "not ready",
                "engines": protection_of(engines).value,
                "engine_versions": _versions(engines),
                "engine_problems": {one.name: _printable(one.problem) for one in engines},
                "signature_days": {one.name: one.signature_days for one in engines},
                "signature_days_limit": signature_days_limit,
                "decoder_problem": problem,
                "spam_engine": spam_engine(),
                "policy_version": policy_version(),
                "policy_problem": _printable(policy_problem()),
                "records_problem": records_problem(),
            },
            status_code=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    @app.get("/version", summary="What is spoken, and by whom")
    async def version(request: Request) -> JSONResponse:
        access.require(request, Scope.SCAN, free_for_local=True)
        return JSONResponse(
            {
                "version": __version__,
                "api": list(API_VERSIONS),
                "engine_versions": _versions(engines),
                "max_message_bytes": max_message_bytes,
            },
            status_code=HTTPStatus.OK,
        )


def _versions(engines: Sequence[VirusEngine]) -> dict[str, str | None]:
    return {one.name: one.version for one in engines}


def _printable(problem: str | None) -> str | None:
    return None if problem is None else printable(problem)
