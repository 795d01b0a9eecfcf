"""The real spamd and rspamd of the mail host. They start with the first scenario that asks for them, and stay."""

import http.client
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.scanner_service.real_spam_engines import RSPAMD, SPAMD, rspamd_command, skip_without, spamd_command
from tests.scenarios.program import Program

_LOGS = Path("/var/log")
_FOLDERS = Path("/run")
_SITE_RULES = Path(__file__).parent / "spamassassin/scenarios.cf"
_SPAMASSASSIN = Path("/etc/spamassassin")
_ANSWER_LIMIT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class SpamEngine:
    """One kind: how it is run, and how the service's settings name it."""

    program: str | None
    package: str
    command: Callable[[Path], list[str]]
    is_ready: Callable[[Path], bool]
    setting: str

    def install(self, name: str) -> Program:
        """Make its folder, and return the program, not yet started; skip the scenario where it is not installed."""
        skip_without(self.program, self.package)
        folder = _FOLDERS / name
        folder.mkdir(exist_ok=True)
        shutil.copy(_SITE_RULES, _SPAMASSASSIN)
        (_SPAMASSASSIN / "spamc.conf").write_text("-U /run/spamd/spamd.sock\n")
        path = folder / f"{name}.sock"
        return Program(
            name, self.command(folder), _LOGS / f"{name}.log", lambda: self.is_ready(path), has_workers=True
        )


def spam_settings(name: str, limit_seconds: float) -> str:
    """Return the section of the service's settings that has it ask this engine."""
    return f"[spam]\nengine = {SPAM_ENGINES[name].setting}\nengine_seconds = {limit_seconds:g}\n"


def _spamd_answers(path: Path) -> bool:
    """Ping it (spamd/PROTOCOL): it takes connections before it has read its rules."""
    return _say(path, b"PING SPAMC/1.5\r\n\r\n").endswith(b" PONG\r\n")


def _rspamd_answers(path: Path) -> bool:
    return _say(path, b"GET /ping HTTP/1.0\r\n\r\n").split()[1:2] == [b"%d" % http.client.OK]


def _say(path: Path, request: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_LIMIT_SECONDS)
            connection.connect(str(path))
            connection.sendall(request)
            return connection.recv(4096)
    except OSError:
        return b""


SPAM_ENGINES = {
    "spamd": SpamEngine(
        SPAMD, "spamd", spamd_command, _spamd_answers, '{kind = "spamd", address = "unix:/run/spamd/spamd.sock"}'
    ),
    "rspamd": SpamEngine(
        RSPAMD, "rspamd", rspamd_command, _rspamd_answers, '{kind = "rspamd", url = "unix:/run/rspamd/rspamd.sock"}'
    ),
}
