"""The pages about policies: what holds for whom, and what a draft would have done with the mail of some time."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scanner_service.api.policies import MOST_REPLAYS
from tests.fakes.verdict_records import FakeRecord, FakeRecords
from tests.scanner_service.api.judged_mail import ADMIN, READ, SCAN, judged_mail, policy_service
from tests.scanner_service.judge.policies import BANNED, EIGHT_BIT, VIRUS, book_of, envelope_to
from tests.scanner_service.live_service import LiveService, detail_of_problem
from verdict_api.http_interface import DRAFT_LIMIT_BYTES, EXPLAIN_PATH, LINES_TYPE, REPLAY_PATH, TOML_TYPE

OLD = book_of()
DISCARDS = "[policy.destinies]\nvirus = 'discard'\n"
MAILS = [
    judged_mail(1, VIRUS, book=OLD),
    judged_mail(2, book=OLD),
    judged_mail(3, EIGHT_BIT, to=envelope_to("ann@example.com", "bob@example.com"), book=OLD),
    judged_mail(4, VIRUS, book=OLD),
    judged_mail(5, BANNED, book=OLD),
]
SINCE_ALL = {"since": "0", "until": "10"}


@pytest.fixture(scope="module")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tables") / "lovers"
    file.write_text("ann@example.com\n")
    return file


@pytest.fixture(scope="module")
def service(table_file: Path) -> Iterator[LiveService]:
    banned = [{"file": str(table_file)}]
    with policy_service(FakeRecords(list(MAILS)), lovers={"banned": banned}) as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def post_draft(
    service: LiveService, draft: str | bytes, path: str = REPLAY_PATH, token: str = ADMIN, **query: str
) -> httpx.Response:
    headers = {**bearer(token), "Content-Type": TOML_TYPE}
    with service.client() as client:
        return client.post(path, content=draft, headers=headers, params=query or SINCE_ALL)


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == LINES_TYPE
    return [json.loads(line) for line in response.text.splitlines()]


def ask(service: LiveService, **question: object) -> httpx.Response:
    with service.client() as client:
        return client.post(EXPLAIN_PATH, json=question, headers=bearer(READ))


def test_a_replay_tells_each_change_and_a_summary(service: LiveService) -> None:
    first, *changes, last = lines(post_draft(service, DISCARDS))

    assert first["total"] == 5
    assert first["ignored"] == []
    assert first["policy_version"] not in ("", OLD.version)
    assert [change["mail_id"] for change in changes] == ["mail00000001", "mail00000004"]
    change = changes[0]
    assert (change["queue_id"], change["sender"], change["kind"]) == ("queue.1", "ann@stranger.example", last_kind())
    assert change["changed"] == ["destiny", "recipients", "reply"]
    assert (change["before"]["destiny"], change["after"]["destiny"]) == ("reject", "discard")
    assert change["before"]["reply"]["code"] == 550
    assert change["after"]["recipients"][0]["rule"] == "destinies.virus"
    assert last == {"judged": 5, "changed": 2, "unreadable": 0, "by_kind": {last_kind(): 2}}


def last_kind() -> str:
    return "reject -> discard"


def test_an_empty_policy_is_the_built_in_one_and_changes_nothing(service: LiveService) -> None:
    _, last = lines(post_draft(service, "[policy]\n"))

    assert (last["judged"], last["changed"]) == (5, 0)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"since": "0", "until": "4"}, [1]),
        ({"since": "1.5", "until": "4.5"}, [4]),
        ({"since": "4"}, [4]),
        ({"since": "0"}, [1, 4]),
        ({"since": "5"}, []),
        ({"since": "7", "until": "3"}, []),
        ({"since": "0", "limit": "1"}, [1]),
        ({"since": "0", "limit": "0"}, []),
    ],
)
def test_a_replay_is_of_a_span_of_time(service: LiveService, query: dict[str, str], ids: list[int]) -> None:
    told = lines(post_draft(service, DISCARDS, **query))

    assert [change["mail_id"] for change in told[1:-1]] == [f"mail{number:08d}" for number in ids]
    assert told[-1]["changed"] == (2 if "limit" in query else len(ids))


def test_sections_that_are_not_about_policy_are_named(service: LiveService) -> None:
    whole = f"[listen]\nport = 1\n[virus]\nnonsense = true\n{DISCARDS}"

    told = lines(post_draft(service, whole))

    assert told[0]["ignored"] == ["listen", "virus"]
    assert told[-1]["changed"] == 2


@pytest.mark.parametrize(
    ("draft", "faults"),
    [
        (
            "[policy.destinies]\nviruses = 'discard'\nbanned = 'drop'\n",
            [
                "draft, line 2: policy.destinies.viruses: there is no 'viruses' here; did you mean 'virus'?",
                "draft, line 3: policy.destinies.banned: want pass, reject, bounce, discard, tempfail, got 'drop'",
            ],
        ),
        ("[policy\n", ["draft: not TOML: "]),
        ("", ["draft: want a section [policy], got nothing"]),
        ("destinies = 1\n[virus]\n", ["draft: want a section [policy], got destinies, virus"]),
        ("policy = 5\n", ["draft: want a section [policy], got policy"]),
        (b"# \xff\n", ["draft: want UTF-8: "]),
        ("a = " + "[" * 5000, ["draft: not TOML"]),
        ("[policy.banks.p]\nwhen = {spf_domains = ['a.example']}\n", ["draft, line 1: a bank is chosen by dkim_dom"]),
        (
            "[policy.lovers]\nvirus = [{file = '/etc/passwd'}]\n",
            ["draft, line 2: policy.lovers.virus.0: file: '/etc/passwd' cannot be read: a draft may only name "],
        ),
        (
            "[policy]\n" + "".join(f"x{n} = 1\n" for n in range(150)),
            ["draft, line "] * 100 + ["and 50 more faults"],
        ),
    ],
)
def test_a_draft_that_cannot_be_used_is_refused_with_its_lines(
    service: LiveService, draft: str, faults: list[str]
) -> None:
    response = post_draft(service, draft)

    assert detail_of_problem(response, 422) == "the draft cannot be used"
    told = response.json()["faults"]
    assert len(told) == len(faults)
    assert all(one.startswith(fault) for one, fault in zip(told, faults, strict=True)), told


def test_a_draft_may_name_the_files_that_are_in_force_with_the_text_they_had(
    service: LiveService, table_file: Path
) -> None:
    table_file.write_text("bob@example.com\n")

    told = lines(post_draft(service, f"[policy.lovers]\nvirus = [{{file = '{table_file}'}}]\n"))

    assert told[-1]["changed"] == 0  # ann@example.com stood there, and the viruses were for bob


def test_the_environment_is_laid_over_a_draft(service: LiveService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURIERGATE_SCANNER__POLICY__DESTINIES__BANNED", "pass")

    told = lines(post_draft(service, DISCARDS))

    assert told[-1]["by_kind"] == {"reject -> discard": 2, "reject -> pass": 1}


def test_a_draft_has_a_largest_size(service: LiveService) -> None:
    just_fits = "[policy]\n".ljust(DRAFT_LIMIT_BYTES, "#")

    assert lines(post_draft(service, just_fits))[-1]["changed"] == 0
    assert "want at most" in detail_of_problem(post_draft(service, just_fits + "#"), 413)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"until": "5"}, "since: want Unix seconds, got ''"),
        ({"since": "yesterday"}, "since: want Unix seconds, got 'yesterday'"),
        ({"since": "nan"}, "since: want Unix seconds, got 'nan'"),
        ({"since": "0", "until": "inf"}, "until: want Unix seconds, got 'inf'"),
        ({"since": "0", "limit": "-1"}, "limit: want a whole number, got '-1'"),
        ({"since": "0", "limit": "9999999999"}, "limit: want a whole number, got '9999999999'"),
    ],
)
def test_a_time_that_is_none_is_refused(service: LiveService, query: dict[str, str], said: str) -> None:
    assert detail_of_problem(post_draft(service, DISCARDS, **query), 400) == said


def test_a_draft_of_another_type_is_refused(service: LiveService) -> None:
    with service.client() as client:
        response = client.post(REPLAY_PATH, content=DISCARDS, headers=bearer(ADMIN), params=SINCE_ALL)

    assert detail_of_problem(response, 415) == "Content-Type: want application/toml, got ''"


ONE = "/v1/verdicts/mail00000001/replay"


@pytest.mark.parametrize("path", [REPLAY_PATH, ONE, EXPLAIN_PATH])
@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("unknown-token-of-sixteen", 401), (SCAN, 403)], ids=["no", "unknown", "scan"]
)
def test_nobody_learns_about_policies_without_the_token_for_it(
    service: LiveService, path: str, token: str | None, status: int
) -> None:
    headers = {"Content-Type": TOML_TYPE, **(bearer(token) if token else {})}
    with service.client() as client:
        response = client.post(path, content=DISCARDS, headers=headers, params=SINCE_ALL)

    assert detail_of_problem(response, status)


@pytest.mark.parametrize("path", [REPLAY_PATH, ONE])
def test_drafts_are_for_administrators(service: LiveService, path: str) -> None:
    response = post_draft(service, DISCARDS, path, READ)

    assert detail_of_problem(response, 403) == "the token 'read' has not the scope admin"


def test_one_message_is_judged_again_under_the_policy_in_force(service: LiveService) -> None:
    with service.client() as client:
        told = client.post(ONE, headers=bearer(READ)).json()

    assert (told["mail_id"], told["kind"], told["changed"]) == ("mail00000001", None, [])
    assert told["before"]["destiny"] == told["after"]["destiny"] == "reject"
    assert told["before"]["policy_version"] == OLD.version != told["after"]["policy_version"]


def test_one_message_is_judged_again_under_a_draft(service: LiveService) -> None:
    told = post_draft(service, DISCARDS, ONE).json()

    assert (told["kind"], told["after"]["destiny"]) == ("reject -> discard", "discard")


def test_a_message_that_nobody_knows_is_not_found(service: LiveService) -> None:
    with service.client() as client:
        response = client.post("/v1/verdicts/m%C3%A4il/replay", headers=bearer(READ))

    assert detail_of_problem(response, 404).isascii()


def test_records_that_cannot_be_read_are_counted_and_do_no_harm() -> None:
    broken = [FakeRecord(f"bad{number}", 2.5, "q", text) for number, text in enumerate(["", "{}", "[]", "\ud800"])]
    reply = json.loads(MAILS[0].facts)
    reply["facts"]["mail_id"] = "two\nlines"

    with policy_service(FakeRecords([*MAILS, *broken, FakeRecord("bad9", 2.6, "q", json.dumps(reply))])) as service:
        told = lines(post_draft(service, DISCARDS))
        with service.client() as client:
            one = client.post("/v1/verdicts/bad1/replay", headers=bearer(READ))

    assert told[-1] == {"judged": 5, "changed": 2, "unreadable": 5, "by_kind": {"reject -> discard": 2}}
    assert detail_of_problem(one, 500).startswith("the record cannot be read: record.facts: want an object")


def test_many_records_come_in_pages_and_mail_is_served_meanwhile() -> None:
    many = [judged_mail(number, VIRUS, book=OLD) for number in range(1500)]
    waits: list[float] = []

    with policy_service(FakeRecords(many)) as service, service.client() as other:
        answers: list[httpx.Response] = []
        query = {"since": "0", "until": "1400", "limit": "7"}
        replaying = threading.Thread(target=lambda: answers.append(post_draft(service, DISCARDS, **query)))
        replaying.start()
        while replaying.is_alive():
            started = time.monotonic()
            assert other.get("/nothing").status_code == 404
            waits.append(time.monotonic() - started)

    told = lines(answers[0])
    assert told[-1]["by_kind"] == {"reject -> discard": 1400}
    assert sum(1 for line in told if "mail_id" in line) == 7
    assert sorted(waits)[len(waits) // 2] < 0.1  # of a whole replay of half a second and more


def test_progress_is_told_every_second() -> None:
    many = [judged_mail(number, book=OLD) for number in range(1000)]

    with policy_service(FakeRecords(many, page_seconds=0.3)) as service:
        told = lines(post_draft(service, DISCARDS, since="0"))

    progress = [line["judged"] for line in told if set(line) == {"judged"}]
    assert progress
    assert progress == sorted(progress)
    assert told[-1]["judged"] == 1000


@pytest.mark.parametrize("path", [REPLAY_PATH, ONE])
def test_a_store_that_is_away_is_told(path: str) -> None:
    with policy_service(FakeRecords(list(MAILS), dies_after=0)) as service:
        response = post_draft(service, DISCARDS, path)

    assert detail_of_problem(response, 503) == "the records cannot be read: the database is away"


def test_a_store_that_goes_away_amid_a_replay_is_told_in_its_last_line() -> None:
    many = [judged_mail(number, book=OLD) for number in range(300)]

    with policy_service(FakeRecords(many, dies_after=1)) as service:
        told = lines(post_draft(service, DISCARDS, since="0"))

    assert told[-1]["error"] == "the database is away"
    assert told[-1]["judged"] == 200


@pytest.mark.parametrize("path", [REPLAY_PATH, ONE])
def test_a_service_without_records_says_so(path: str) -> None:
    with policy_service(None) as service:
        response = post_draft(service, DISCARDS, path)

    assert detail_of_problem(response, 503) == "no records of judged messages are kept"


def test_only_some_replays_run_at_once_and_one_that_nobody_listens_to_ends() -> None:
    many = [judged_mail(number, book=OLD) for number in range(1000)]
    url, headers = f"{REPLAY_PATH}?since=0", {**bearer(ADMIN), "Content-Type": TOML_TYPE}

    with policy_service(FakeRecords(many, page_seconds=1)) as service, service.client() as client:
        held = [client.stream("POST", url, content=DISCARDS, headers=headers) for _ in range(MOST_REPLAYS)]
        told = [one.__enter__().iter_lines() for one in held]
        assert all("total" in next(one) for one in told)
        refused = post_draft(service, DISCARDS)
        for one in held:
            one.__exit__(None, None, None)
        deadline = time.monotonic() + 10
        while (status := post_draft(service, DISCARDS).status_code) == 503 and time.monotonic() < deadline:
            time.sleep(0.1)

    assert detail_of_problem(refused, 503) == "2 replays are running; try again later"
    assert status == 200


def test_what_holds_is_explained(service: LiveService) -> None:
    told = ask(service, recipient="Ann@example.com", sender="x@y.example", client_ip="192.0.2.1").json()

    assert (told["recipient"], told["policy"], told["local"]) == ("Ann@example.com", "default", None)
    assert [bank["bank"] for bank in told["banks"]] == ["own_users", "local", "null_sender"]
    assert told["banks"][0] == {
        "bank": "own_users",
        "holds": False,
        "when": [{"authenticated": False}, {"relay_client": False}],
    }
    lovers = next(one for one in told["settings"] if one["setting"] == "lovers.banned")
    assert lovers == {
        "setting": "lovers.banned",
        "value": True,
        "bank": "default",
        "table": "lovers.banned",
        "key": "ann@example.com",
    }


@pytest.mark.parametrize(
    ("question", "policy"),
    [
        ({}, "default"),
        ({"sender": ""}, "null_sender"),
        ({"authenticated_user": "ann"}, "own_users"),
        ({"relay_client": True}, "own_users"),
        ({"source": "local"}, "local"),
        ({"source": "local", "sender": ""}, "local/null_sender"),
        ({"listener": "unix:/run/a.sock"}, "by_listener"),
        ({"token": "shim"}, "by_token"),
        ({"client_ip": "192.0.2.9"}, "by_client"),
    ],
)
def test_what_is_asked_chooses_the_banks(question: dict[str, object], policy: str) -> None:
    banks = {
        "by_listener": {"when": {"listeners": ["unix:/run/a.sock"]}},
        "by_token": {"when": {"tokens": ["shim"]}},
        "by_client": {"when": {"clients": ["192.0.2.0/24"], "sources": ["smtp"]}},
    }

    with policy_service(None, banks=banks, spam_levels={"kill": float("inf")}) as service:
        told = ask(service, **{"recipient": "b@example.com", "sender": "x@y.example", **question}).json()

    assert told["policy"] == policy
    assert next(one["value"] for one in told["settings"] if one["setting"] == "spam_levels.kill") == "inf"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"sender": "a@b.example"}, "question.recipient: want a string, got nothing"),
        ({"recipient": "a@b.example"}, "question.sender: want a string, got nothing"),
        ({"recipient": "a", "sender": "", "client_ip": 5}, "question.client_ip: want a string, got 5"),
        (
            {"recipient": "a", "sender": "", "relay_client": "yes"},
            "question.relay_client: want true or false, got 'y",
        ),
    ],
)
def test_what_is_no_question_is_refused(service: LiveService, question: dict[str, object], said: str) -> None:
    assert detail_of_problem(ask(service, **question), 400).startswith(said)
