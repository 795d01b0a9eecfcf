"""What a person or an init system gets from the command itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from shim import __version__
from tests.fakes.shim_program import PROGRAM


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_version_is_said() -> None:
    ended = _run("--version")

    assert (ended.returncode, ended.stdout) == (0, f"couriergate-shim {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], *([command, "--help"] for command in ("run", "check", "install", "uninstall", "doctor"))],
    ids=" ".join,
)
def test_help_is_given(arguments: list[str]) -> None:
    ended = _run(*arguments)

    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: couriergate-shim ")
    assert ended.stderr == ""


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--mode", "kiosk"], ["check", "--config"]], ids=" ".join)
def test_wrong_usage_is_exit_status_2(arguments: list[str]) -> None:
    ended = _run(*arguments)

    assert ended.returncode == 2
    assert "usage: couriergate-shim " in ended.stderr


def test_check_says_what_good_settings_mean(tmp_path: Path) -> None:
    settings = tmp_path / "shim.toml"
    settings.write_text('scanners = ["http://a:1", "unix:/run/b"]\nfilter_directory = "/run/filters"\n')

    ended = _run("check", "--config", str(settings))

    assert ended.returncode == 0
    assert ended.stdout == (
        "settings can be used: filter socket /run/filters/couriergate,\nscanners http://a:1, unix:/run/b\n"
    )
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\nscaners = []", "shim.toml, line 2: unknown setting 'scaners'; did you mean 'scanners'?"),
        ("deadline_seconds = 0", "shim.toml, line 1: deadline_seconds: want seconds"),
        ("scanners", "shim.toml: not TOML"),
        ('token_file = "/nowhere/token"', "/nowhere/token: the token cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_are_one_line_and_exit_status_1(tmp_path: Path, text: str, problem: str) -> None:
    settings = tmp_path / "shim.toml"
    settings.write_text(text)

    ended = _run("check", "--config", str(settings))

    assert ended.returncode == 1
    (said,) = ended.stderr.splitlines()
    assert said.startswith("couriergate-shim: ")
    assert problem in said


def test_settings_that_are_not_there_are_exit_status_1(tmp_path: Path) -> None:
    ended = _run("check", "--config", str(tmp_path / "none.toml"))

    assert ended.returncode == 1
    assert "there is no such file" in ended.stderr


def test_it_can_be_started_as_a_module_and_as_a_command() -> None:
    command = Path(sys.executable).with_name("couriergate-shim")

    ended = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)

    assert ended.stdout == _run("--version").stdout
