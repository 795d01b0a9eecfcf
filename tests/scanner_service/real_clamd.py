"""Debian's clamd with signatures of ours and a stream limit of 1 MiB, in a folder of its own."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.fakes.clamd import EICAR
from tests.scanner_service.running_daemon import running_daemon

CLAMD = shutil.which("clamd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
STREAM_LIMIT_BYTES = 2**20
EICAR_SIGNATURES = MappingProxyType(
    {
        "eicar.hdb": "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n",
        "eicar.ndb": f"Bench.Eicar.Body:0:*:{EICAR.hex()}\n",
    }
)
FOREIGN_SIGNATURES = MappingProxyType({"foreign.hdb": "0123456789abcdef0123456789abcdef:99:Foreign.Test\n"})
_SETTINGS = """\
Foreground yes
User {user}
LocalSocket {folder}/clamd.ctl
DatabaseDirectory {folder}/signatures
StreamMaxLength 1M
"""


def skip_without_clamd() -> None:
    """Skip the test that asks, or fail it where nothing may be skipped."""
    if CLAMD is None:
        reason = "clamd is not installed (Debian package clamav-daemon)"
        (pytest.fail if os.environ.get("COURIERGATE_REQUIRE_ALL") == "1" else pytest.skip)(reason)


@contextlib.contextmanager
def running_clamd(folder: Path, signatures: Mapping[str, str] = EICAR_SIGNATURES) -> Iterator[Path]:
    """Run it with these database files; yield the path of its socket."""
    assert CLAMD is not None
    database = folder / "signatures"
    database.mkdir()
    for name, text in signatures.items():
        (database / name).write_text(text)
    settings = folder / "clamd.conf"
    settings.write_text(_SETTINGS.format(folder=folder, user="root" if os.geteuid() == 0 else os.getlogin()))
    with running_daemon([CLAMD, f"--config-file={settings}"], folder / "clamd.ctl", folder / "clamd.log") as path:
        yield path
