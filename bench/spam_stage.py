"""Spamd and rspamd as Debian has them, each in a folder of its own and without a network: the rules of this host."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.processes import running
from bench.stage import ProgramMissingError, accepts

PLACES = "/usr/sbin:/usr/bin"
# Nobody answers at this name server, and rspamd asks it nothing twice; its own files lie where Debian puts them.
RSPAMD_SETTINGS = """\
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


@contextlib.contextmanager
def spamd(folder: Path) -> Iterator[Path]:
    """A spamd with one child; yield the path of its socket."""
    program = _find("spamd", "spamd")
    path = _made(folder) / "spamd.sock"
    options = ("--local", "--max-children=1", "--username=nobody", "--nouser-config", f"--helper-home-dir={folder}")
    with running("spamd", (program, *options, f"--socketpath={path}"), folder, partial(accepts, path)):
        yield path


@contextlib.contextmanager
def rspamd(folder: Path) -> Iterator[Path]:
    """An rspamd with one worker; yield the path of its socket."""
    program = _find("rspamd", "rspamd")
    path = _made(folder) / "rspamd.sock"
    settings = folder / "rspamd.conf"
    settings.write_text(RSPAMD_SETTINGS.format(folder=folder))
    shutil.chown(folder, "_rspamd")
    places = [f"--var={name}={folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
    command: list[str | Path] = [program, "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", settings, *places]
    with running("rspamd", command, folder, partial(accepts, path)):
        yield path


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    return folder


def _find(program: str, package: str) -> str:
    found = shutil.which(program, path=PLACES)
    if found is None or os.geteuid() != 0:
        raise ProgramMissingError(f"{program} needs root and: apt-get install {package}")
    return found
