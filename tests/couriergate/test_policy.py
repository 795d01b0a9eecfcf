"""`couriergate policy`, against the real pages of the service and records in memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from couriergate.time_of import unix_seconds_of
from tests.fakes.verdict_records import FakeRecord, FakeRecords
from tests.scanner_service.api.judged_mail import ADMIN, SCAN, judged_mail, policy_service
from tests.scanner_service.judge.policies import EIGHT_BIT, VIRUS, book_of, envelope_to

COURIERGATE = Path(sys.executable).with_name("couriergate")
BOOK = book_of()
ODD = envelope_to("bob@[192.0.2.1]", "ann@example.com", sender="evil[red]\x1b[31m\udce4@stranger.example")
DISCARDS = "[listen]\nport = 1\n[policy.destinies]\nvirus = 'discard'\n"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    records = [
        judged_mail(1, VIRUS, to=ODD, book=BOOK),
        judged_mail(2, EIGHT_BIT, book=BOOK),
        judged_mail(3, VIRUS, book=BOOK),
        FakeRecord("broken", 4, "q", "{"),
    ]
    banks = {"partner": {"when": {"clients": ["192.0.2.0/24"]}, "message_size_limit": 70000}}
    with policy_service(FakeRecords(records), banks=banks) as running:
        yield running.url


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    file = tmp_path / "draft.toml"
    file.write_text(DISCARDS)
    return file


def policy(url: str, *arguments: str, token: str = ADMIN) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURIERGATE_")}
    return subprocess.run(
        [COURIERGATE, "policy", *arguments, "--url", url],
        env={**environment, "COURIERGATE_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_explain_shows_banks_and_the_entry_that_decides(service: str) -> None:
    done = policy(service, "explain", "--recipient", "bob@example.com", "--sender", "a@b.c", "--client", "192.0.2.5")

    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].startswith("bob@example.com: policy partner, version ")
    assert lines[1] == "local: as Courier says"
    assert "bank own_users does not hold: authenticated no or relay_client no" in lines
    assert "bank partner holds: clients yes" in lines
    assert "destinies.virus reject default destinies.virus" in lines
    assert "destinies.bad_header pass - -" in lines
    assert "message_size_limit 70000 partner message_size_limit" in lines
    assert not any(line.startswith("mixed.") for line in lines)


def test_explain_shows_everything_if_asked(service: str) -> None:
    done = policy(service, "explain", "--recipient", "bob@example.com", "--sender", "", "--user", "ann", "--all")

    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0].startswith("bob@example.com: policy own_users/null_sender, ")
    assert "mixed.virus discard - -" in lines
    assert "bounces false null_sender bounces" in lines


def test_explain_prints_json_if_asked(service: str) -> None:
    done = policy(service, "explain", "--recipient", "bob@example.com", "--sender", "a@b.c", "--json")

    told = json.loads(done.stdout)
    assert (told["policy"], told["recipient"]) == ("default", "bob@example.com")


def test_a_replay_shows_what_changes_and_for_whom(service: str, draft: Path) -> None:
    done = policy(service, "replay", "--since", "1970-01-01T00:00:00+00:00", str(draft))

    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[0].endswith(": 3 judged, 2 change")
    assert lines[1:3] == ["not looked at: listen", "records that cannot be read: 1"]
    assert "2 reject -> discard" in lines
    row = "mail00000003 queue.3 ann@stranger.example bob@example.com reject (virus) discard (virus) destinies.virus"
    assert row in lines


def test_strangers_text_is_shown_escaped_and_whole(service: str, draft: Path) -> None:
    done = policy(service, "replay", "--since", "1970-01-01T00:00:00+00:00", str(draft))

    lines = [" ".join(line.split()) for line in done.stdout.splitlines() if "mail00000001" in line]
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert "evil[red]\\x1b[31m\\xe4@stranger.example bob@[192.0.2.1] reject" in lines[0]
    assert "ann@example.com reject" in lines[1]


def test_a_replay_prints_the_lines_of_the_service_if_asked(service: str, draft: Path) -> None:
    done = policy(service, "replay", "--since", "1970-01-01", "--json", "--limit", "1", str(draft))

    first, *changes, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["ignored"] == ["listen"]
    assert [change["kind"] for change in changes] == ["reject -> discard"]
    assert last["changed"] == 2


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        (DISCARDS, ["--since", "90s"], 0),
        (DISCARDS, ["--since", "1970-01-01", "--until", "1970-01-01T00:00:00+00:00"], 0),
        ("[policy]\n", ["--since", "1970-01-01"], 0),
        (DISCARDS, ["--since", "1970-01-01"], 1),
        (DISCARDS, ["--since", "1970-01-01", "--limit", "0"], 1),
        ("[policy]\nx = 1\n", [], 2),
        (DISCARDS, ["--since", "yesterday"], 2),
        (DISCARDS, ["--limit", "-1"], 2),
    ],
)
def test_the_exit_status_says_whether_something_changes(
    service: str, draft: Path, text: str, arguments: list[str], status: int
) -> None:
    draft.write_text(text)

    done = policy(service, "replay", *arguments, str(draft))

    assert done.returncode == status, done.stdout + done.stderr


def test_the_faults_of_a_draft_are_shown_with_their_lines(service: str, draft: Path) -> None:
    draft.write_text("[policy.destinies]\nviruses = 'discard'\n\"a\\u001b\" = 1\n")

    done = policy(service, "replay", str(draft))

    assert done.stderr.splitlines() == [
        "couriergate: the service answered 422: the draft cannot be used",
        "draft, line 2: policy.destinies.viruses: there is no 'viruses' here; did you mean 'virus'?",
        done.stderr.splitlines()[2],
    ]
    assert "\x1b" not in done.stderr


def test_what_cannot_be_asked_is_told(service: str, draft: Path, tmp_path: Path) -> None:
    missing = policy(service, "replay", str(tmp_path / "missing.toml"))
    forbidden = policy(service, "replay", str(draft), token=SCAN)
    alone = policy("unix:/nowhere", "explain", "--recipient", "a@b.c", "--sender", "")

    assert [done.returncode for done in (missing, forbidden, alone)] == [2, 2, 2]
    assert missing.stderr.endswith("missing.toml: No such file or directory\n")
    assert forbidden.stderr == "couriergate: the service answered 403: the token 'scan' has not the scope admin\n"
    assert "is it running" in alone.stderr


def test_a_store_that_goes_away_is_an_error(draft: Path) -> None:
    many = [judged_mail(number, book=BOOK) for number in range(300)]

    with policy_service(FakeRecords(many, dies_after=1)) as running:
        done = policy(running.url, "replay", "--since", "1970-01-01", str(draft))

    assert done.returncode == 2
    assert done.stderr == "couriergate: after 200 messages: the database is away\n"


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", NOW - 90),
        ("15m", NOW - 900),
        ("6h", NOW - 21600),
        ("7d", NOW - 604800),
        ("2026-05-31T18:00:00+00:00", 1780250400.0),
        ("2026-05-31", datetime(2026, 5, 31).astimezone().timestamp()),
    ],
)
def test_a_time_is_so_long_ago_or_a_date(text: str, seconds: float) -> None:
    assert unix_seconds_of(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "7", "7w", "-7d", "d", "yesterday", "2026-13-01", "1e9d", "0001-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^want 90s, 15m, 6h, 7d, or a date"):
        unix_seconds_of(text, NOW)
