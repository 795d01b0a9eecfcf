"""What the page on trying a policy shows works: its drafts are read, and its commands answer."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner_service.policy_choice import choose_policies
from scanner_service.settings import load_settings
from tests.fakes.verdict_records import FakeRecords
from tests.scanner_service.api.judged_mail import ADMIN, judged_mail, policy_service
from tests.scanner_service.judge.policies import ENCRYPTED, VIRUS, book_of

PAGE = (Path(__file__).parents[2] / "docs/how_to/try_a_policy.md").read_text()
DRAFTS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    now, book = int(time.time()), book_of()
    records = [judged_mail(now - 60, VIRUS, book=book), judged_mail(now - 30, ENCRYPTED, book=book)]
    with policy_service(FakeRecords(records)) as running:
        yield running.url


@pytest.mark.parametrize("draft", DRAFTS)
def test_each_draft_is_a_policy(draft: str, tmp_path: Path) -> None:
    (tmp_path / "scanner.toml").write_text(draft)

    assert choose_policies(load_settings(tmp_path / "scanner.toml", {})).version


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_answers(command: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "draft.toml").write_text(DRAFTS[0])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "COURIERGATE_URL": url, "COURIERGATE_TOKEN": ADMIN},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (1 if "replay" in command else 0, "")
    assert "bob@example.com" in done.stdout


def test_the_page_shows_each_command() -> None:
    assert {command.split()[2] for command in COMMANDS} == {"explain", "replay"}
