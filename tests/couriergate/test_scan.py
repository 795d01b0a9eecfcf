"""`couriergate scan`, against the real service with the demo engine."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.running_service import running_service

COURIERGATE = Path(sys.executable).with_name("couriergate")
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CLEAN = b"From: alice@remote.example\nSubject: hello\n\nHello.\n"
INFECTED = b"From: alice@remote.example\nDate: Sat, 08 Jun 2024 10:00:00 +0000\nSubject: infected\n\n" + EICAR + b"\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    (tmp_path / "clean.eml").write_bytes(CLEAN)
    (tmp_path / "infected.eml").write_bytes(INFECTED)
    return tmp_path


def scan(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURIERGATE_")}
    return subprocess.run(
        [COURIERGATE, "scan", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (["clean.eml"], 0),
        (["clean.eml", "infected.eml"], 1),
        (["infected.eml", "clean.eml"], 1),
        (["missing.eml", "infected.eml"], 2),
        (["infected.eml", "missing.eml"], 2),
        (["."], 2),
    ],
)
def test_the_exit_status_is_the_worst_that_happened(service: str, mails: Path, files: list[str], status: int) -> None:
    done = scan(mails, "--url", service, *files)

    assert done.returncode == status, done.stdout + done.stderr


def test_the_report_says_what_was_found_where_and_by_whom(service: str, mails: Path) -> None:
    done = scan(mails, "--url", service, "infected.eml")

    lines = done.stdout.splitlines()
    assert lines[0] == "infected.eml: reject (virus) Eicar-Test-File"
    assert any(line.startswith("  reply     550 5.7.1 Message content rejected, id=") for line in lines)
    assert "  because   destinies.virus of policy default" in lines
    digest = sha256(EICAR + b"\n").hexdigest()
    assert f"  found     virus Eicar-Test-File in part 1 (by yara), sha256 {digest}" in lines
    assert "  warning   demo engine: only the EICAR test file would be found" in lines


def test_the_tree_shows_each_part_with_all_that_it_may_be_called(service: str, mails: Path) -> None:
    (mails / "tree.eml").write_bytes(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello.\n"
        b'--b\nContent-Type: application/x; name="a.exe"\nContent-Disposition: attachment; filename="b\xff.txt"\n\n'
        b"MZ\x90\0 program\n--b--\n"
    )

    done = scan(mails, "--url", service, "--tree", "tree.eml")

    digest = sha256(b"MZ\x90\0 program").hexdigest()
    parts = [line for line in done.stdout.splitlines() if line.startswith("  part")]
    assert parts == [
        f"  part      1 text/plain, 6 bytes, sha256 {sha256(b'Hello.').hexdigest()[:16]}",
        f'  part      2 application/x [exe exe-ms], 12 bytes, sha256 {digest[:16]} "b\\xc3\\xbf.txt" "a.exe"',
    ]


def test_json_prints_one_verdict_a_line(service: str, mails: Path) -> None:
    done = scan(mails, "--url", service, "--json", "clean.eml", "infected.eml")

    assert [json.loads(line)["destiny"] for line in done.stdout.splitlines()] == ["pass", "reject"]


def test_an_unreadable_file_is_named_and_the_others_are_scanned(service: str, mails: Path) -> None:
    done = scan(mails, "--url", service, "missing.eml", "clean.eml")

    assert "missing.eml: No such file or directory" in done.stderr
    assert done.stdout.startswith("clean.eml: pass")


def test_a_missing_service_is_said_with_what_to_do(mails: Path) -> None:
    done = scan(mails, "--url", "http://127.0.0.1:1", "clean.eml")

    assert done.returncode == 2
    assert "is it running (couriergate-scanner serve)?" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("url", ["127.0.0.1:8025", "localhost", "unix:run/x", "ftp://host", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused_before_anybody_is_asked(mails: Path, url: str) -> None:
    done = scan(mails, "--url", url, "clean.eml")

    assert done.returncode == 2
    assert done.stderr == f"couriergate: want http://HOST:PORT, https://HOST:PORT or unix:/PATH, got {url!r}\n"


def test_what_the_service_says_of_a_refused_request_is_shown_without_its_json(service: str, mails: Path) -> None:
    (mails / "token").write_text("a token that is unknown".replace(" ", "-"))

    done = scan(mails, "--url", service, "--token-file", "token", "clean.eml")

    assert done.returncode == 2
    assert re.fullmatch(r"couriergate: clean\.eml: the service answered 401: [^{}]+\n", done.stderr)


def test_an_answer_that_is_no_verdict_is_an_error(service: str, mails: Path) -> None:
    done = scan(mails, "--url", f"{service}/docs", "clean.eml")

    assert done.returncode == 2
    assert "the service answered 404: POST /docs/v1/verdicts: Not Found\n" in done.stderr


def test_a_message_cannot_write_on_the_terminal(service: str, mails: Path) -> None:
    hostile = mails / "evil\x1b[31m.eml"
    hostile.write_bytes(CLEAN)

    done = scan(mails, "--url", service, hostile.name)

    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("evil\\x1b[31m.eml: pass")


def test_the_envelope_is_that_of_the_options(service: str, mails: Path) -> None:
    recipients = ["--recipient", "bob@test.example", "--recipient", "carol@test.example"]

    done = scan(mails, "--url", service, "--json", "--sender", "a@remote.example", *recipients, "clean.eml")

    verdict = json.loads(done.stdout)
    assert [one["address"] for one in verdict["recipients"]] == ["bob@test.example", "carol@test.example"]


def test_progress_is_shown_on_a_terminal_for_many_files(service: str, mails: Path) -> None:
    files = ["clean.eml"] * 6
    terminal, inner = pty.openpty()

    done = subprocess.run(
        [COURIERGATE, "scan", "--url", service, *files],
        cwd=mails,
        env=os.environ | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=inner,
        check=False,
    )

    os.close(inner)
    shown = os.read(terminal, 65536)
    os.close(terminal)
    assert done.stdout.count(b"clean.eml: pass") == 6
    assert b"scanning" in shown


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["scan", "--help"]])
def test_help_and_version_succeed(arguments: list[str]) -> None:
    done = subprocess.run([COURIERGATE, *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "couriergate" in done.stdout
