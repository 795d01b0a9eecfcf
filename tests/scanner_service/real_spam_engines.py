"""Debian's spamd and rspamd, each in a folder of its own and without a network: their rules of this host alone."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

SPAMD = shutil.which("spamd", path="/usr/sbin:/usr/bin")
RSPAMD = shutil.which("rspamd", path="/usr/sbin:/usr/bin")
_START_SECONDS = 90
# No DNS that answers, and nothing asked of it twice; where rspamd's own files lie stays as Debian has it.
_RSPAMD_SETTINGS = """\
.include "/etc/rspamd/common.conf"
options {{
  pidfile = "{folder}/rspamd.pid";
  control_socket = "{folder}/control.sock mode=0600";
  tempdir = "{folder}";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  filters = "chartable,regexp";
  dns {{ timeout = 0.05s; retransmits = 1; nameserver = ["127.0.0.1:9"]; }}
}}
logging {{ type = "console"; level = "error"; }}
worker "normal" {{ bind_socket = "{folder}/rspamd.sock mode=0666"; count = 1; }}
"""


def skip_without(program: str | None, package: str) -> None:
    """Skip the test that asks, or fail it where nothing may be skipped."""
    if program is None or os.geteuid() != 0:
        reason = f"needs root and the Debian package {package}"
        (pytest.fail if os.environ.get("COURIERGATE_REQUIRE_ALL") == "1" else pytest.skip)(reason)


@contextlib.contextmanager
def running_spamd(folder: Path) -> Iterator[Path]:
    """Run it; yield the path of its socket."""
    assert SPAMD is not None
    path = folder / "spamd.sock"
    options = ("--local", "--max-children=1", "--username=nobody", "--nouser-config", f"--helper-home-dir={folder}")
    with _running([SPAMD, *options, f"--socketpath={path}"], folder, path):
        yield path


@contextlib.contextmanager
def running_rspamd(folder: Path) -> Iterator[Path]:
    """Run it; yield the path of its socket."""
    assert RSPAMD is not None
    path = folder / "rspamd.sock"
    settings = folder / "rspamd.conf"
    settings.write_text(_RSPAMD_SETTINGS.format(folder=folder))
    shutil.chown(folder, "_rspamd")
    places = [f"--var={name}={folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
    with _running([RSPAMD, "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", settings, *places], folder, path):
        yield path


@contextlib.contextmanager
def _running(command: Sequence[str | Path], folder: Path, path: Path) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_until_up(path, process, log)
            yield
        finally:
            process.terminate()


def _wait_until_up(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(path))
            return
        time.sleep(0.05)
    pytest.fail(f"{path.name} did not start: {log.read_text(errors='replace')[-2000:]}")
