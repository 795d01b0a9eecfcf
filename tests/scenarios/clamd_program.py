"""The clamd of the mail host: it knows the EICAR test file and nothing else."""

import shutil
import socket
from pathlib import Path

from tests.scenarios.program import Program
from tests.scenarios.waiting import wait_until

_CONFIG = Path("/etc/clamav/clamd-scenarios.conf")
_DIRECTORY = Path("/run/clamav")
_SOCKET = _DIRECTORY / "clamd.ctl"
_DATABASE = _DIRECTORY / "signatures"
_SIGNATURES = Path(__file__).parent / "signatures"
# The MD5 of nothing that anybody sends, with a size: what an incomplete download may leave behind.
_UNRELATED_SIGNATURE = "00000000000000000000000000000000:1:Scenarios.Unrelated\n"
_RELOADED = "Database correctly reloaded"
_RELOAD_LIMIT_SECONDS = 30
_ANSWER_LIMIT_SECONDS = 5
_SETTINGS = f"""\
Foreground yes
User clamav
LocalSocket {_SOCKET}
LocalSocketMode 666
FixStaleSocket yes
DatabaseDirectory {_DATABASE}
"""


class Clamd(Program):
    """Debian's clamd with a database of ours."""

    def __init__(self, log: Path) -> None:
        super().__init__("clamd", ["clamd", f"--config-file={_CONFIG}"], log, lambda: _ask(b"zPING") == b"PONG\0")

    def configure(self) -> None:
        _DIRECTORY.mkdir()
        shutil.chown(_DIRECTORY, "clamav", "clamav")
        shutil.copytree(_SIGNATURES, _DATABASE)
        _CONFIG.write_text(_SETTINGS)

    def reload(self) -> None:
        """Have it read its signatures anew (clamd(8), RELOAD), as freshclam does; return when it has them."""
        before = self._reloads()
        _ask(b"zRELOAD")
        wait_until(lambda: self._reloads() > before, _RELOAD_LIMIT_SECONDS, "the signatures read anew")

    def lose_signatures(self) -> None:
        """Have a database that can be loaded, and finds nothing."""
        for file in _DATABASE.iterdir():
            file.unlink()
        (_DATABASE / "unrelated.hdb").write_text(_UNRELATED_SIGNATURE)
        self.restart()

    def restore(self) -> None:
        """Undo whatever a scenario did to it."""
        if {file.name for file in _DATABASE.iterdir()} != {file.name for file in _SIGNATURES.iterdir()}:
            shutil.rmtree(_DATABASE)
            shutil.copytree(_SIGNATURES, _DATABASE)
            self.restart()
        self.ensure_running()

    def _reloads(self) -> int:
        return sum(_RELOADED in line for line in self.log.lines())


def _ask(command: bytes) -> bytes:
    """Return its answer; nothing if it is not there."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_LIMIT_SECONDS)
            connection.connect(str(_SOCKET))
            connection.sendall(command + b"\0")
            return connection.recv(16)
    except OSError:
        return b""
