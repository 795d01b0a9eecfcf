"""Ask the service what its policy holds, and what a draft would have done."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from couriergate.connection import ServiceUnavailableError
from verdict_api.http_interface import EXPLAIN_PATH, REPLAY_PATH, TOML_TYPE
from verdict_api.printable import printable


@dataclass(frozen=True, slots=True)
class Span:
    """From one time on and before another, in Unix seconds; None is now. ``limit`` is how many changes are told."""

    since: float
    until: float | None = None
    limit: int | None = None


def ask_explanation(client: httpx.Client, question: Mapping[str, object]) -> dict[str, Any]:
    """Return what holds for the mail that is asked about.

    Raises:
        ServiceUnavailableError: no service, or no answer from it.
    """
    with _telling(client):
        response = client.post(EXPLAIN_PATH, json=dict(question))
        return _object(_wanted(response).content)


def ask_replay(client: httpx.Client, draft: bytes, span: Span) -> Iterator[dict[str, Any]]:
    """Yield what the service tells, line by line; see docs/reference/http_interface.md.

    Raises:
        ServiceUnavailableError: no service, no draft that it takes, or an end before the summary.
    """
    query = {"since": span.since, "until": span.until, "limit": span.limit}
    given = {name: repr(value) for name, value in query.items() if value is not None}
    headers = {"Content-Type": TOML_TYPE}
    last: dict[str, Any] = {}
    with (
        _telling(client),
        client.stream("POST", REPLAY_PATH, content=draft, params=given, headers=headers) as response,
    ):
        if response.status_code != 200:
            response.read()
        for line in _wanted(response).iter_lines():
            last = _object(line)
            yield last
    if "by_kind" not in last:
        raise ServiceUnavailableError("the service's answer ends before its summary")
    if "error" in last:
        raise ServiceUnavailableError(f"after {last['judged']} messages: {printable(str(last['error']))}")


@contextmanager
def _telling(client: httpx.Client) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise ServiceUnavailableError(
            f"no answer from the service at {client.base_url}: {error}; is it running (couriergate-scanner serve)?"
        ) from error


def _wanted(response: httpx.Response) -> httpx.Response:
    if response.status_code != 200:
        raise ServiceUnavailableError(_problem(response))
    return response


def _problem(response: httpx.Response) -> str:
    """Return what a problem (RFC 9457) says, with a line for each fault of a draft."""
    try:
        problem = _object(response.content)
        told = [str(problem["detail"]), *map(str, problem.get("faults", ()))]
    except (ServiceUnavailableError, KeyError, TypeError):
        told = [response.content[:300].decode("utf-8", "surrogateescape")]
    return "\n".join(
        [f"the service answered {response.status_code}: {printable(told[0])}", *map(printable, told[1:])]
    )


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ServiceUnavailableError(f"the service's answer cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ServiceUnavailableError(f"the service's answer cannot be read: want an object, got {value!r:.60}")
    return value
