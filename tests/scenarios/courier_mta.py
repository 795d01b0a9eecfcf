"""The Courier MTA of the mail host: its settings, its four daemons, its queue and its filter."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.scenarios.log_file import LogFile
from tests.scenarios.process_list import command_line, process_ids
from tests.scenarios.program import CLEAN_ENVIRONMENT, START_LIMIT_SECONDS, ProgramError
from tests.scenarios.waiting import wait_until

SMTP_PORT = 2525
MAIL_DOMAIN = "test.example"
FILTER_NAME = "couriergate"
FILTERED_SOURCES = "esmtp"

_COMMAND_LIMIT_SECONDS = 30
_QUEUE_LIMIT_SECONDS = 30

_SETTINGS = Path("/etc/courier")
_STATE = Path("/var/lib/courier")
_ALL_FILTERS = _STATE / "allfilters"
FILTER_SOCKET = _ALL_FILTERS / FILTER_NAME
_FILTER_SOCKETS = (FILTER_SOCKET, _STATE / "filters" / FILTER_NAME)
_FILTER_LINK = _SETTINGS / "filters/active" / FILTER_NAME
_FILTER_PROGRAMS = Path("/usr/lib/courier/filters")
_FILTER_PROGRAM = _FILTER_PROGRAMS / FILTER_NAME
_FILTER_STUB = Path(__file__).parent / "stub_filter"
_FILTER_SETTINGS = _SETTINGS / f"{FILTER_NAME}-shim.toml"
STANDALONE_PROGRAM = Path("/usr/lib/courier/couriergate-shim")
_MAILDROP = Path(__file__).parent / "maildrop"
_MAILDROP_PROGRAM = Path("/usr/lib/courier/maildrop")

_DELIVERY_SETTINGS = (_SETTINGS / "courierd", _SETTINGS / "maildrop", Path("/etc/maildroprc"))

_STATE_MODES = {".": 0o750, "allfilters": 0o750, "filters": 0o750, "msgs": 0o750, "msgq": 0o750, "track": 0o750}
_STATE_MODES |= {"tmp": 0o770}
_RUN_MODES = {"courier": 0o775, "courier/authdaemon": 0o750}

_BOFH = "maxrcpts 1000"
_SPF_RESULTS = "pass,none,neutral,softfail,fail,error,unknown"
# It tells what it found, and refuses nobody for it.
_BOFH_WITH_SPF = f"{_BOFH}\nopt BOFHSPFHELO={_SPF_RESULTS}\nopt BOFHSPFMAILFROM={_SPF_RESULTS}"

_SETTINGS_FILES = {
    "me": f"mx.{MAIL_DOMAIN}",
    "defaultdomain": MAIL_DOMAIN,
    "locals": f"localhost\nmx.{MAIL_DOMAIN}\n{MAIL_DOMAIN}",
    "esmtpacceptmailfor.dir/default": MAIL_DOMAIN,
    "dsnfrom": f"mailer-daemon@{MAIL_DOMAIN}",
    "aliases/system": "postmaster: alice",
    "bofh": _BOFH,
    "aliases/scenarios": f"team: alice@{MAIL_DOMAIN}, bob@{MAIL_DOMAIN}, u001@{MAIL_DOMAIN}\n-rf: bob@{MAIL_DOMAIN}",
}

# esmtpd sources the file as shell: the last assignment holds. No DNS, no TARPIT (it delays each 5xx by 8 s
# and more), no limits on clients from one address.
_ESMTPD_SETTINGS = f"""
ADDRESS=
PORT={SMTP_PORT}
BOFHCHECKDNS=0
TARPIT=0
MAXDAEMONS=200
MAXPERIP=200
MAXPERC=200
ESMTPAUTH="LOGIN PLAIN"
TCPDOPTS="$TCPDOPTS -nodnslookup"
"""

_MAKE_TABLES = ("makesmtpaccess", "makeacceptmailfor", "makealiases", "makehosteddomains")


class CourierMta:
    """Debian's Courier, as its package installs it, with a filter of ours."""

    def __init__(self, mail_log: LogFile) -> None:
        self._mail_log = mail_log
        self._usual_delivery = {file: _content_of(file) for file in _DELIVERY_SETTINGS}

    def configure(self, filter_program: Path, filter_settings: str) -> None:
        self._make_directories()
        for name, content in _SETTINGS_FILES.items():
            (_SETTINGS / name).write_text(f"{content}\n")
        with (_SETTINGS / "esmtpd").open("a") as esmtpd:
            esmtpd.write(_ESMTPD_SETTINGS)
        self.set_filtered_sources(FILTERED_SOURCES)
        for program in (_FILTER_PROGRAM, STANDALONE_PROGRAM):
            _install(filter_program, program)
        _install(_MAILDROP, _MAILDROP_PROGRAM)
        for link in _FILTER_LINK.parent.iterdir():
            link.unlink()
        _FILTER_LINK.symlink_to(_FILTER_PROGRAM)
        self.write_filter_settings(filter_settings)
        for command in _MAKE_TABLES:
            self.run(command)

    def start(self) -> None:
        self.run("authdaemond", "start")
        self.start_filter()
        self.run("courier", "start")
        self.run("esmtpd", "start")
        try:
            wait_until(_greets, START_LIMIT_SECONDS, "a greeting on the SMTP port")
        except TimeoutError as e:
            raise self._error(str(e)) from e

    def stop(self) -> None:
        self.run("esmtpd", "stop")
        self.run("courier", "stop")
        self.stop_filter()
        self.run("authdaemond", "stop")

    def start_filter(self) -> None:
        """Start the filter, and make sure of its socket: without one Courier passes all mail unfiltered."""
        self.run("courierfilter", "start")
        if not any(path.is_socket() for path in _FILTER_SOCKETS):
            raise self._error(f"want a filter socket at {' or '.join(map(str, _FILTER_SOCKETS))}, got none")

    def stop_filter(self) -> None:
        self.run("courierfilter", "stop")

    def restart_filter(self) -> None:
        self.stop_filter()
        self.start_filter()

    def reload_filters(self) -> None:
        """Have courierfilter remove the sockets that it does not know, as `filterctl` of any filter does."""
        stray = _STATE / "filters/stray"
        stray.touch()  # Courier consults that folder for nobody here; when this is gone, so is every stray socket
        self.run("courierfilter", "restart")
        wait_until(lambda: not stray.exists(), _COMMAND_LIMIT_SECONDS, "the removal of a stray file")

    def restart_shim(self) -> None:
        """Have the shim execute itself anew, as an upgrade does."""
        self.run(str(STANDALONE_PROGRAM), "restart")

    def pause_shim(self, duration: str) -> None:
        """Have all mail pass unscanned and marked for so long, as in 90s."""
        self.run(str(STANDALONE_PROGRAM), "pause", "--for", duration)

    def install_stub(self) -> None:
        """Have courierfilter keep the name of the socket for a shim that it does not start."""
        self.stop_filter()
        _install(_FILTER_STUB, _FILTER_PROGRAM)

    def uninstall_stub(self) -> None:
        self.stop_filter()
        _install(STANDALONE_PROGRAM, _FILTER_PROGRAM)

    def write_filter_settings(self, settings: str) -> None:
        """Give the shim these settings, now and whenever they are restored; it reads them when it starts."""
        self._usual_filter_settings = settings
        _FILTER_SETTINGS.write_text(settings)

    def add_filter_setting(self, line: str) -> None:
        """Add to the shim's settings; it reads them when it starts."""
        with _FILTER_SETTINGS.open("a") as settings:
            settings.write(f"{line}\n")

    def set_filter_settings(self, settings: str) -> None:
        """Give the running shim other settings."""
        _FILTER_SETTINGS.write_text(settings)
        self.restart_shim()

    def restore_filter_settings(self) -> bool:
        """Undo what was added; return whether there was something."""
        changed = _FILTER_SETTINGS.read_text() != self._usual_filter_settings
        _FILTER_SETTINGS.write_text(self._usual_filter_settings)
        return changed

    def check_spf(self, *, yes: bool) -> None:
        """Have Courier put `Received-SPF` on top of each mail, or not; read when a session begins."""
        (_SETTINGS / "bofh").write_text(f"{_BOFH_WITH_SPF if yes else _BOFH}\n")

    def set_recipient_filters(self, status: str | None) -> None:
        """Let every local recipient have a filter of his own that ends with this status, or none."""
        switch = _SETTINGS / "maildropfilter"
        if status is None:
            switch.unlink(missing_ok=True)
        else:
            _MAILDROP_PROGRAM.with_name("maildrop.status").write_text(status)
            switch.write_text(f"{_MAILDROP_PROGRAM}\n")

    def add_filter(self, name: str, program: Path) -> None:
        """Have Courier call another filter besides ours: before it or after it, by its name."""
        _install(program, _FILTER_PROGRAMS / name)
        self.run("filterctl", "start", name)
        wait_until((_ALL_FILTERS / name).is_socket, _COMMAND_LIMIT_SECONDS, f"a socket of {name}")

    def add_pythonfilter(self, environment: Path) -> None:
        """Have Courier call courier-pythonfilter, out of this virtual environment, to refuse attachments by name."""
        packages = _FILTER_PROGRAMS.with_name("pythonfilter")  # Courier's user may not read the checkout
        shutil.copytree(next(environment.glob("lib/python*/site-packages")), packages, dirs_exist_ok=True)
        shutil.copy(environment / "bin/pythonfilter", packages / "program.py")
        Path("/etc/pythonfilter.conf").write_text("attachments\n")
        start = packages / "start"
        start.write_text(f"#!/bin/sh\nPYTHONPATH={packages} exec /usr/bin/python3 {packages}/program.py\n")
        self.add_filter("pythonfilter", start)

    def remove_other_filters(self) -> None:
        for link in _FILTER_LINK.parent.iterdir():
            if link != _FILTER_LINK:
                self._remove_filter(link.name)

    def kill_filter(self) -> None:
        """Kill every process of the filter at once, so that none starts another again."""
        for pid in self.filter_processes():
            with contextlib.suppress(ProcessLookupError):  # a worker goes when its parent does
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.filter_processes(), _COMMAND_LIMIT_SECONDS, "the end of the filter")

    def put_filter_back(self) -> None:
        """Undo what a scenario did to program and link, and put away what Courier would take for another filter."""
        for path in _ALL_FILTERS.glob("[!.]*"):
            if not path.is_socket():
                path.unlink()
        if not _FILTER_PROGRAM.exists():
            _install(STANDALONE_PROGRAM, _FILTER_PROGRAM)
        if not _FILTER_LINK.is_symlink():
            _FILTER_LINK.symlink_to(_FILTER_PROGRAM)

    def ensure_filter_runs(self) -> None:
        if not self.filter_processes():
            self.restart_filter()

    def leave_stray_file(self) -> None:
        (_ALL_FILTERS / "notes.txt").write_text("what was I doing here?\n")

    def set_batch_size(self, recipients: int | None) -> None:
        """Say how many recipients a control file may have; without a word it is Courier's own default."""
        if recipients is None:
            (_SETTINGS / "batchsize").unlink(missing_ok=True)
        else:
            (_SETTINGS / "batchsize").write_text(f"{recipients}\n")

    def set_filtered_sources(self, sources: str) -> None:
        """Say which kinds of submission are filtered; `submit` reads it for every message."""
        (_SETTINGS / "enablefiltering").write_text(f"{sources}\n")

    def restore_delivery(self) -> None:
        """Undo what a how-to page had the administrator do about local delivery."""
        changed = [file for file, content in self._usual_delivery.items() if _content_of(file) != content]
        for file in changed:
            _put_content(file, self._usual_delivery[file])
        if changed:
            self.run("courier", "stop")
            self.run("courier", "start")

    def wait_for_empty_queue(self, limit_seconds: float = _QUEUE_LIMIT_SECONDS) -> None:
        wait_until(self._queue_is_empty, limit_seconds, "an empty queue")

    def forget_bounces(self) -> None:
        """Courier refuses a recipient for two hours after a bounce; the next scenario must not see that."""
        for file in (_STATE / "track").iterdir():
            file.unlink()

    def _make_directories(self) -> None:
        for name, mode in _STATE_MODES.items():
            _make_directory(_STATE / name, mode)
        for name, mode in _RUN_MODES.items():
            _make_directory(Path("/run") / name, mode)

    def _remove_filter(self, name: str) -> None:
        self.run("filterctl", "stop", name)
        wait_until(lambda: not (_ALL_FILTERS / name).exists(), _COMMAND_LIMIT_SECONDS, f"the end of {name}")

    def _queue_is_empty(self) -> bool:
        """Look for the data and control files themselves: mailq does not show what courierd has not yet seen."""
        return not any(
            re.match(r"[CD]\d|\d+\.\d+\.", name)
            for directory in ("tmp", "msgs", "msgq")
            for _, _, names in os.walk(_STATE / directory)  # forgives directories that Courier removes meanwhile
            for name in names
        )

    def filter_processes(self) -> list[int]:
        """Return the parent, which bears the name of Courier's link, and its workers, which bear the program's."""
        names = {str(path) for path in (_FILTER_LINK, _FILTER_PROGRAM, STANDALONE_PROGRAM)}
        return [pid for pid in process_ids() if names & set(command_line(pid).split("\0"))]

    def run(self, *command: str) -> None:
        """Run one of Courier's commands; into a file, because the daemons it leaves behind would hold a pipe open."""
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=CLEAN_ENVIRONMENT,
                cwd="/",
                timeout=_COMMAND_LIMIT_SECONDS,
                check=False,
            )
            output.seek(0)
            if ended.returncode != 0:
                printed = output.read().decode()
                raise self._error(f"{' '.join(command)} ended with {ended.returncode} and printed {printed!r}")

    def _error(self, text: str) -> ProgramError:
        return ProgramError(f"{text}; the mail log:\n{self._mail_log.tail()}")


def _greets() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", SMTP_PORT), timeout=START_LIMIT_SECONDS) as connection:
            return connection.recv(4).startswith(b"220")
    except ConnectionRefusedError:
        return False


def _install(program: Path, target: Path) -> None:
    """Replace it by a rename: an executable that runs cannot be written to."""
    new = target.with_name(f".{target.name}.new")
    shutil.copyfile(program, new)
    new.chmod(0o755)
    new.rename(target)


def _content_of(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def _put_content(file: Path, content: str | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_text(content)


def _make_directory(directory: Path, mode: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    shutil.chown(directory, "courier", "courier")
    directory.chmod(mode)
