"""Debian's spamd and rspamd, each in a folder of its own and without a network: their rules of this host alone."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scanner_service.running_daemon import running_daemon

SPAMD = shutil.which("spamd", path="/usr/sbin:/usr/bin")
RSPAMD = shutil.which("rspamd", path="/usr/sbin:/usr/bin")
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
milter_headers {{ extended_spam_headers = true; skip_local = false; }}
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
    path = folder / "spamd.sock"
    with running_daemon(spamd_command(folder), path, folder / "log"):
        yield path


def spamd_command(folder: Path) -> list[str]:
    """Return how it is run, with `spamd.sock` in the folder."""
    assert SPAMD is not None
    options = ("--local", "--max-children=1", "--username=nobody", "--nouser-config", f"--helper-home-dir={folder}")
    return [SPAMD, *options, f"--socketpath={folder / 'spamd.sock'}"]


@contextlib.contextmanager
def running_rspamd(folder: Path) -> Iterator[Path]:
    """Run it; yield the path of its socket."""
    path = folder / "rspamd.sock"
    with running_daemon(rspamd_command(folder), path, folder / "log"):
        yield path


def rspamd_command(folder: Path) -> list[str]:
    """Write its settings; return how it is run, with `rspamd.sock` in the folder."""
    assert RSPAMD is not None
    settings = folder / "rspamd.conf"
    settings.write_text(_RSPAMD_SETTINGS.format(folder=folder))
    shutil.chown(folder, "_rspamd")
    places = [f"--var={name}={folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
    return [RSPAMD, "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", str(settings), *places]
