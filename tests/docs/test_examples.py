"""What the documentation shows works: settings are accepted, and the commands do what the pages say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shim.settings import parse_settings
from tests.documentation import ROOT, blocks
from tests.running_service import running_service
from verdict_api.json_codec import decode_verdict

PROGRAMS = Path(sys.executable).parent
TABLES = "/etc/couriergate/tables"  # where examples have files of keys
MESSAGE = b"""\
From: alice@remote.example
To: bob@test.example
Date: Sat, 08 Jun 2024 10:00:00 +0000
Subject: an example

Hello Bob.
"""


@pytest.mark.parametrize("text", blocks("docs/reference/shim_settings.md", "toml"))
def test_the_shim_takes_the_settings_of_its_reference(text: str) -> None:
    settings = parse_settings(text, "example")

    assert settings.scanners


@pytest.mark.parametrize(
    "text",
    [
        *blocks("docs/reference/scanner_settings.md", "toml"),
        *blocks("docs/reference/policy.md", "toml"),
        *blocks("docs/reference/amavisd_settings.md", "toml"),
        *blocks("docs/how_to/migrate/from_amavisd.md", "toml"),
        *blocks("docs/how_to/migrate/from_courier_pythonfilter.md", "toml"),
        *blocks("README.md", "toml"),
    ],
)
def test_the_service_takes_the_settings_of_the_documentation(text: str, tmp_path: Path) -> None:
    engine = "" if "[virus]" in text else "[virus]\nengines = [{kind = 'clamd', address = 'unix:/clamd.ctl'}]\n"
    (tmp_path / "scanner.toml").write_text(engine + text.replace(TABLES, str(tmp_path)))
    for table in ("lovers", "white_senders"):
        (tmp_path / table).write_text("!boss@example.com\n.example.com\n")

    checked = subprocess.run(
        [PROGRAMS / "couriergate-scanner", "check", "--no-engines", "--config", tmp_path / "scanner.toml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service without settings but for its port; the examples name 8025."""
    with running_service(tmp_path_factory.mktemp("service")) as url:
        yield url


def test_the_calls_of_the_http_reference_answer_a_verdict(service: str, tmp_path: Path) -> None:
    (tmp_path / "message.eml").write_bytes(MESSAGE)
    examples = blocks("docs/reference/http_interface.md", "sh")

    answers = [
        subprocess.run(
            ["bash", "-ec", example.replace("http://127.0.0.1:8025", service)],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        ).stdout
        for example in examples
    ]

    assert [decode_verdict(answer).destiny for answer in answers] == ["pass", "pass"]


def test_the_scan_command_of_the_readme_reports_on_a_message(service: str, tmp_path: Path) -> None:
    (tmp_path / "message.eml").write_bytes(MESSAGE)
    assert ".venv/bin/couriergate scan message.eml" in (ROOT / "README.md").read_text()

    scanned = subprocess.run(
        [PROGRAMS / "couriergate", "scan", "--url", service, "message.eml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert scanned.returncode == 0
    assert scanned.stdout.startswith("message.eml: pass (clean)\n")
