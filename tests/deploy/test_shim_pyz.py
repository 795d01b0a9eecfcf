"""The shim as one file: the same sources give the same bytes, and Debian's own Python runs it."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shim import __version__

ROOT = Path(__file__).parents[2]
SOURCES = ("shim", "verdict_api", "requirements", "deploy/shim")
DEBIAN_PYTHON = Path("/usr/bin/python3")
PATIENCE_SECONDS = 120

needs_debian = pytest.mark.skipif(
    not DEBIAN_PYTHON.exists() or not Path("/etc/debian_version").exists(), reason="not Debian: no Python of its own"
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that other users may enter, as they may /usr/lib/courier/filters."""
    with tempfile.TemporaryDirectory(prefix="shim-pyz-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def pyz(folder: Path) -> Path:
    """The file, built where the sources are."""
    return _build(ROOT, folder / "filters" / "couriergate-shim.pyz")


@pytest.fixture
def link(pyz: Path) -> Path:
    """The file by its bare name, as courierfilter starts it."""
    made = pyz.parent.parent / "couriergate"
    if not made.is_symlink():
        made.symlink_to(pyz)
    return made


def test_another_folder_umask_time_zone_and_age_of_the_sources_give_the_same_bytes(pyz: Path, tmp_path: Path) -> None:
    for part in SOURCES:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (tmp_path / "shim").iterdir():
        os.utime(path, (0, 1_000_000_000))
        path.chmod(0o600)

    other = _build(tmp_path, tmp_path / "out.pyz", umask=0o077, TZ="Pacific/Kiritimati", PYTHONHASHSEED="7")

    assert other.read_bytes() == pyz.read_bytes()
    assert os.access(other, os.X_OK)


@needs_debian
@pytest.mark.parametrize("python", [[], [str(DEBIAN_PYTHON), "-I", "-S"]], ids=["shebang", "isolated"])
def test_it_says_its_version_without_any_environment(link: Path, python: list[str]) -> None:
    ended = _run_in_nothing(*python, str(link), "--version")

    assert (ended.stderr, ended.stdout) == ("", f"couriergate-shim {__version__}\n")


@needs_debian
def test_courier_can_check_its_settings_with_it(link: Path, folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: cannot become the user courier")
    courier = pwd.getpwnam("courier")
    settings = folder / "shim.toml"
    settings.write_text('filter_directory = "/run/filters"\n')
    as_courier = ("setpriv", f"--reuid={courier.pw_uid}", f"--regid={courier.pw_gid}", "--clear-groups")

    ended = _run_in_nothing(*as_courier, str(link), "check", "--config", str(settings))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "filter socket /run/filters/couriergate" in ended.stdout


def _build(root: Path, target: Path, umask: int = 0o022, **environment: str) -> Path:
    subprocess.run(
        [sys.executable, root / "deploy/shim/build_pyz.py", target],
        env=os.environ | environment,
        umask=umask,
        cwd=root,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    return target


def _run_in_nothing(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["env", "-i", *command],
        cwd="/usr",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
