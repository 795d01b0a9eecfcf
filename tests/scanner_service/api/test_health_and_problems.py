"""What the service says of itself, and of requests that go wrong."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from scanner_service import __version__
from scanner_service.act.keep import StoreKeeper
from scanner_service.api import problem
from scanner_service.api.access import Access
from scanner_service.api.direct import DirectApp
from scanner_service.api.verdicts import RequestLimits, add_verdict_routes
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import Decoder
from scanner_service.inspectors.engine import Protection
from scanner_service.inspectors.inspector import Inspection
from scanner_service.model.finding import ContentCategory
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.pipeline import Pipeline
from scanner_service.settings import Database, Records, Spam, SpamdSetting
from scanner_service.storage.message_files import MessageFiles
from tests.fakes.clamd import VERSION, VERSION_MADE, FakeClamd, know_nothing, scan
from tests.scanner_service.judge.policies import book_of
from tests.scanner_service.live_service import asking, detail_of_problem, live_app, live_service, post
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny


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
        "engine_problems": {"yara": None},
        "signature_days": {"yara": None},
        "signature_days_limit": 3,
        "decoder_problem": None,
        "records_problem": None,
        "spam_engine": None,
        "policy_version": book_of().version,
        "policy_problem": None,
    }


def test_the_versions_of_engines_are_learnt_and_a_missing_engine_takes_no_replica_out() -> None:
    with FakeClamd() as first, FakeClamd() as second:
        second.stop()
        with live_service(**asking(first, second)) as service, service.client() as client:
            ready = readiness(client, lambda said: said["engine_versions"]["clamd"] and said["engines"] == "real")

    assert ready["engine_versions"] == {"clamd": VERSION.decode().strip(), "clamd-2": None}
    assert ready["engine_problems"] == {"clamd": None, "clamd-2": f"{second.address}: No such file or directory"}
    assert ready["signature_days"] == {"clamd": (datetime.now().astimezone() - VERSION_MADE).days, "clamd-2": None}


def test_a_spam_engine_that_is_away_is_told_and_takes_no_replica_out(tmp_path: Path) -> None:
    away = Spam(engine=SpamdSetting(kind="spamd", address=f"unix:{tmp_path}/nobody.sock"))

    with live_service(spam=away) as service, service.client() as client:
        ready = readiness(client, lambda said: said["spam_engine"]["problem"])

    assert ready["spam_engine"] == {
        "name": "spamd",
        "problem": f"unix:{tmp_path}/nobody.sock: No such file or directory",
    }


def test_records_that_cannot_be_written_are_told_and_take_no_replica_out(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_bytes(b"no database" * 1000)
    broken = Database(url=f"sqlite:///{tmp_path}/records.sqlite")

    with live_service(database=broken) as service, service.client() as client:
        ready = readiness(client, lambda said: said["records_problem"])

    assert ready["records_problem"] == "file is not a database"


def test_records_lie_in_the_state_directory_unless_they_are_not_wanted() -> None:
    with live_service() as service, live_service(records=Records(enabled=False)) as silent:
        deadline = time.monotonic() + 20
        while not (service.state / "records.sqlite").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        silent_has = [path.name for path in silent.state.iterdir()]

    assert "records.sqlite" not in silent_has


def readiness(client: httpx.Client, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return what a ready service says, once that is as wanted."""
    deadline = time.monotonic() + 8
    while True:
        response = client.get("/readyz")
        ready: dict[str, Any] = response.json()
        if wanted(ready):
            assert (response.status_code, ready["status"]) == (200, "ready")
            return ready
        assert time.monotonic() < deadline, ready
        time.sleep(0.01)


def test_what_the_engines_are_worth_is_told_as_it_changes() -> None:
    with FakeClamd() as clamd, live_service(**asking(clamd)) as service, service.client() as client:
        readiness(client, lambda said: said["engines"] == "real")
        before = decode_verdict(post(client, CLEAN).content)

        clamd.stop()
        away = decode_verdict(post(client, CLEAN).content)
        told_away = readiness(client, lambda said: said["engines"] == "none")
        clamd.behaviour = know_nothing
        clamd.start()
        told_empty = readiness(client, lambda said: "EICAR" in str(said["engine_problems"]["clamd"]))
        empty = decode_verdict(post(client, CLEAN).content)
        clamd.behaviour = scan
        told_well = readiness(client, lambda said: said["engines"] == "real")
        again = decode_verdict(post(client, EICAR_IN_BODY).content)

    assert [one.engines for one in (before, away, empty, again)] == ["real", "none", "none", "real"]
    assert told_away["engine_problems"] == {"clamd": f"{clamd.address}: No such file or directory"}
    assert told_empty["engines"] == "none"
    assert told_empty["engine_problems"] == {
        "clamd": f"{clamd.address}: does not find the EICAR test file: its signatures are not loaded"
    }
    assert told_well["engine_problems"] == {"clamd": None}
    assert (empty.destiny, empty.complete) == (Destiny.TEMPFAIL, False)
    assert again.destiny is Destiny.REJECT


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
    checks: ContentCategory | None = None

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        raise self.error


@pytest.mark.parametrize("error", [ZeroDivisionError("a secret"), OSError(5, "a secret"), TimeoutError("a secret")])
def test_a_bug_in_an_inspector_is_a_problem_that_tells_nothing_of_the_code(tmp_path: Path, error: Exception) -> None:
    decoder = Decoder(DecodeLimits(), DecoderPool())
    keeper = StoreKeeper(MessageFiles(tmp_path))
    pipeline = Pipeline((BrokenInspector(error),), decoder, lambda: Protection.REAL, book_of, keeper)
    app = DirectApp()
    problem.install(app)
    access = Access((), frozenset({"127.0.0.1"}))
    add_verdict_routes(app, pipeline.judge_message, access, RequestLimits(1000, default_deadline_seconds=5))

    with live_app(app, tmp_path) as service, service.client() as client:
        response = post(client, CLEAN)
        again = post(client, CLEAN)

    assert detail_of_problem(response, 500) == "an error of the scanning service; its log has it"
    assert "secret" not in response.text
    assert again.status_code == 500
