"""Spamd and rspamd as Debian has them, each in a folder of its own and without a network: as the tests run them."""

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.processes import running
from bench.stage import ProgramMissingError, accepts
from tests.scanner_service.real_spam_engines import RSPAMD, SPAMD, rspamd_command, spamd_command


@contextlib.contextmanager
def spamd(folder: Path) -> Iterator[Path]:
    """A spamd with one child; yield the path of its socket."""
    _want(SPAMD, "spamd")
    path = _made(folder) / "spamd.sock"
    with running("spamd", spamd_command(folder), folder, partial(accepts, path)):
        yield path


@contextlib.contextmanager
def rspamd(folder: Path) -> Iterator[Path]:
    """An rspamd with one worker; yield the path of its socket."""
    _want(RSPAMD, "rspamd")
    path = _made(folder) / "rspamd.sock"
    with running("rspamd", rspamd_command(folder), folder, partial(accepts, path)):
        yield path


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    return folder


def _want(program: str | None, package: str) -> None:
    if program is None or os.geteuid() != 0:
        raise ProgramMissingError(f"{package} needs root and: apt-get install {package}")
