"""What the service says of itself, and of requests that go wrong."""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from scanner_service import __version__
from scanner_service.api import problem
from scanner_service.api.access import Access
from scanner_service.api.verdicts import RequestLimits, add_verdict_routes
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import Decoder
from scanner_service.inspectors.inspector import Inspection
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.pipeline import Pipeline
from tests.fakes.clamd import VERSION, FakeClamd
from tests.scanner_service.live_service import asking, detail_of_problem, live_app, live_service, post
from tests.scanner_service.messages import CLEAN


def test_a_living_process_says_so(client: httpx.Client) -> None:
    response = client.get("/livez")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_a_ready_one_tells_that_its_engine_is_a_demo(client: httpx.Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "engines": "demo",
        "engine_versions": {"yara": "YARA-X, built-in rule of scanner_service"},
        "decoder_problem": None,
    }


def test_the_versions_of_engines_are_learnt_and_a_missing_engine_takes_no_replica_out() -> None:
    with FakeClamd() as first, FakeClamd() as second:
        second.stop()
        with live_service(**asking(first, second)) as service, service.client() as client:
            versions = wait_for_a_version(client)
            status = client.get("/readyz").status_code

    assert versions == {"clamd": VERSION.decode().strip(), "clamd-2": None}
    assert status == 200


def wait_for_a_version(client: httpx.Client) -> dict[str, str | None]:
    deadline = time.monotonic() + 5
    while True:
        ready: dict[str, dict[str, str | None]] = client.get("/readyz").json()
        if any(ready["engine_versions"].values()) or time.monotonic() > deadline:
            return ready["engine_versions"]
        time.sleep(0.01)


def test_the_version_names_what_is_spoken(client: httpx.Client) -> None:
    told = client.get("/version").json()

    assert told["version"] == __version__
    assert told["api"] == ["v1"]
    assert "yara" in told["engine_versions"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/verdicts/x", 404),
        ("POST", "/v1/nothing", 404),
        ("GET", "/v1/verdicts", 405),
        ("DELETE", "/v1/verdicts", 405),
        ("PUT", "/v1/verdicts", 405),
        ("POST", "/livez", 405),
        ("GET", "/%00%ff%0d%0a", 404),
        ("BREW", "/v1/verdicts", 400),
    ],
)
def test_what_is_not_there_is_a_problem_too(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)

    if status == 400:
        assert response.status_code == 400  # the HTTP parser's answer, before the application
        return
    assert detail_of_problem(response, status).startswith(f"{method} ")
    assert ("allow" in response.headers) == (status == 405)


@dataclass(frozen=True)
class BrokenInspector:
    """Has a bug."""

    error: Exception
    needs_parts: bool = False

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        raise self.error


@pytest.mark.parametrize("error", [ZeroDivisionError("a secret"), OSError(5, "a secret"), TimeoutError("a secret")])
def test_a_bug_in_an_inspector_is_a_problem_that_tells_nothing_of_the_code(tmp_path: Path, error: Exception) -> None:
    pipeline = Pipeline((BrokenInspector(error),), Decoder(DecodeLimits(), DecoderPool()), "real")
    app = FastAPI()
    problem.install(app)
    access = Access((), frozenset({"127.0.0.1"}))
    add_verdict_routes(app, pipeline.judge_message, access, RequestLimits(1000, default_deadline_seconds=5))

    with live_app(app, tmp_path) as service:
        with service.client() as client:
            response = post(client, CLEAN)
        with service.client() as client:  # uvicorn hangs up on the first one
            again = post(client, CLEAN)

    assert detail_of_problem(response, 500) == "an error of the scanning service; its log has it"
    assert "secret" not in response.text
    assert again.status_code == 500
