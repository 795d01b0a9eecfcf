"""The way of a message into the service past the framework, which describes it and serves everything else.

FastAPI looks for the route, for parameters and for dependencies of each request; a verdict has none of them, and all
of it together takes as long as a third of the judging.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from scanner_service.api.problem import answer_error

Endpoint = Callable[[Request], Awaitable[Response]]


class DirectApp(FastAPI):
    """FastAPI, but for the endpoints that are called directly, by method and path."""

    direct_endpoints: Mapping[tuple[str, str], Endpoint] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See FastAPI."""
        endpoint = self.direct_endpoints.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if endpoint is None:
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 (what the framework's outermost handler does: it answers 500)
            response = await answer_error(request, error)
        await response(scope, receive, send)
