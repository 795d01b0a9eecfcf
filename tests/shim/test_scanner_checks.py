"""Doctor's checks of the scanning services, asked over HTTP as they are."""

import json
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from shim.diagnosis import Finding, Level
from shim.scanner_checks import findings_on, look_at
from tests.fakes.scanner import Act, FakeScanner, Talk, babble, http_answer, nobody_listening

READY: dict[str, object] = {
    "status": "ready",
    "engines": "real",
    "engine_versions": {"clamd": "ClamAV 1.4.6"},
    "engine_problems": {"clamd": None},
    "signature_days": {"clamd": None},
    "signature_days_limit": 3,
}
OLD_READY = {"status": "ready", "engines": "real", "engine_versions": {"clamd": None}}  # of a service before problems
VERSION = {"version": "0.1.0", "api": ["v1"], "max_message_bytes": 100}


def health(ready: object = READY, version: object = VERSION, *, status: int = 200, ahead_seconds: float = 0.0) -> Act:
    """Answer the three questions that doctor asks."""

    async def act(talk: Talk) -> None:
        path = (await talk.hear()).line.split()[1]
        said = {"/livez": {"status": "ok"}, "/readyz": ready, "/version": version}[path]
        await talk.say(http_answer(status, json.dumps(said).encode(), Date=formatdate(time.time() + ahead_seconds)))

    return act


def with_signatures_of(*, days_ago: int) -> dict[str, object]:
    return READY | {"signature_days": {"clamd": days_ago}}


def examine(act: Act, token: str | None = None) -> list[Finding]:
    with FakeScanner(usual=act) as scanner:
        return list(findings_on([look_at(scanner.endpoint, token)]))


def test_a_scanner_that_is_well_says_its_versions() -> None:
    found = examine(health())

    assert [(one.level, one.saw) for one in found] == [
        (Level.OK, "version 0.1.0 answers, and speaks v1"),
        (Level.OK, "engine clamd: ClamAV 1.4.6"),
    ]


def with_spam_engine(problem: str | None) -> dict[str, object]:
    return READY | {"spam_engine": {"name": "rspamd", "problem": problem}}


def test_a_spam_engine_that_answers_is_well() -> None:
    found = examine(health(ready=with_spam_engine(None)))

    assert (found[-1].level, found[-1].saw) == (Level.OK, "spam engine rspamd answers")


@pytest.mark.parametrize("spam_engine", [None, "rspamd", ["rspamd"]])
def test_a_scanner_without_a_spam_engine_is_well(spam_engine: object) -> None:
    found = examine(health(ready=READY | {"spam_engine": spam_engine}))

    assert {one.level for one in found} == {Level.OK}


@pytest.mark.parametrize(
    "ready",
    [
        with_signatures_of(days_ago=3),
        with_signatures_of(days_ago=5) | {"signature_days_limit": 5},
        with_signatures_of(days_ago=5) | {"signature_days_limit": 0},
        READY | {"engine_versions": {"clamd": None}},  # clamd.conf forbids VERSION
        READY | {"engine_problems": [], "signature_days": "x"},
    ],
    ids=["young", "young enough for its settings", "any age is well", "no version", "nonsense"],
)
def test_engines_without_a_problem_are_well(ready: object) -> None:
    found = examine(health(ready=ready))

    assert {one.level for one in found} == {Level.OK}


def test_one_behind_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    with FakeScanner(usual=health(), unix_path=tmp_path / "s") as scanner:
        look = look_at(scanner.endpoint, None)

    assert (look.problem, look.max_message_bytes) == (None, 100)


def test_it_is_asked_with_the_token() -> None:
    with FakeScanner(usual=health()) as scanner:
        look_at(scanner.endpoint, "secret")

    assert [request.headers["authorization"] for request in scanner.heard] == ["Bearer secret"] * 3


@pytest.mark.parametrize(
    ("act", "level", "saw"),
    [
        (health(version=VERSION | {"api": ["v2", "v3"]}), Level.PROBLEM, "speaks ['v2', 'v3'], we speak v1"),
        (health(version={}), Level.PROBLEM, "speaks None, we speak v1"),
        (health(ready=READY | {"engines": "demo"}), Level.PROBLEM, "it protects nobody"),
        (health(ready=READY | {"engines": "none"}), Level.PROBLEM, "no virus engine of it protects now"),
        (
            health(ready=READY | {"engine_problems": {"clamd": "c: does not find EICAR"}}),
            Level.WARNING,
            "engine clamd: c: does not find EICAR",
        ),
        (health(ready=OLD_READY), Level.WARNING, "engine clamd does not answer"),
        (health(ready=with_spam_engine("nobody there")), Level.WARNING, "rspamd gives no score: nobody there"),
        (
            health(ready=READY | {"policy_problem": "line 3: policy.x: unknown setting"}),
            Level.WARNING,
            "the policy of before is still in force: line 3: policy.x: unknown setting",
        ),
        (health(ready=READY | {"records_problem": "disk full"}), Level.WARNING, "leaves no record: disk full"),
        (health(ready=with_signatures_of(days_ago=5)), Level.WARNING, "its signatures are 5 days old"),
        (health(ahead_seconds=60), Level.WARNING, "s ahead of ours"),
        (health(ahead_seconds=-60), Level.WARNING, "s behind ours"),
        (health(status=401), Level.PROBLEM, "answers 401"),
        (health(version=["v1"]), Level.PROBLEM, "want a JSON object"),
        (babble(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"), Level.PROBLEM, "want a JSON object"),
        (babble(b"220 mx.test.example ESMTP\r\n"), Level.PROBLEM, ""),
    ],
)
def test_what_is_wrong_with_it_is_said(act: Act, level: Level, saw: str) -> None:
    found = max(examine(act), key=lambda one: one.level)

    assert found.level is level
    assert saw in found.saw


def test_a_scanner_that_is_away_is_a_problem_if_it_is_the_only_one() -> None:
    with nobody_listening() as away:
        (alone,) = findings_on([look_at(away, None)])
        with FakeScanner(usual=health()) as scanner:
            beside_another = next(findings_on([look_at(away, None), look_at(scanner.endpoint, None)]))

    assert alone.level is Level.PROBLEM
    assert beside_another.level is Level.WARNING
    assert "refused" in alone.saw
