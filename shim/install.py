"""``install`` and ``uninstall``: put the filter before a Courier MTA, and take it out again, step by step.

Runs as root. Each step looks first whether there is anything to do, so that all of it can be repeated.
"""

import contextlib
import filecmp
import json
import os
import shutil
import signal
import stat
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from shim.courier_config import filtered_sources
from shim.mail_host import Host, host_of, is_answered
from shim.observe_setting import with_observe
from shim.privileges import find_group
from shim.restart import RestartError, restart
from shim.settings import (
    DEFAULT_PATH,
    Settings,
    SettingsError,
    load_settings,
    read_settings_text,
    salvage_settings,
)

START_SECONDS = 20.0
STOP_SECONDS = 20.0  # courierfilter waits for the filter to end before it takes the socket away

# courierfilter leaves the socket of a filter alone that it believes to run. This one does nothing but to be there.
STUB_BODY = "exec 3>&-\nexec cat >/dev/null\n"
STUB = (
    f"#!/bin/sh\n# couriergate-shim runs by itself; this keeps courierfilter from removing its socket.\n{STUB_BODY}"
)

SETTINGS = """\
# Settings of couriergate-shim. `couriergate-shim check` says whether they can be used; after a change send SIGHUP to
# the shim's parent process. All settings and their meaning: docs/reference/shim_settings.md.

# The scanning services; they take turns. "http://HOST:PORT", "https://HOST:PORT" or "unix:/PATH".
scanners = ["http://127.0.0.1:8025"]

# The file with the token that they want. A service on the same host, on loopback or a unix socket, wants none.
# token_file = "/etc/courier/couriergate.token"

# How long a message may take in all, and for how long one that no scanner takes is offered again.
deadline_seconds = 60
retry_seconds = 20
"""


class InstallError(Exception):
    """A step failed; the message says which file, what was wanted and what to do."""


class State(StrEnum):
    """What became of a step."""

    DONE = "done"
    ALREADY = "already so"
    WOULD = "would do"
    TO_DO = "to do"  # by a person
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``do`` returns what it leaves to a person, if anything."""

    what: str
    is_so: Callable[[], bool]
    do: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step, in words."""

    state: State
    what: str
    said: str = ""


def run_install(
    settings_path: Path | None, *, standalone: bool, observe: bool | None, dry_run: bool, as_json: bool
) -> int:
    """Install, say each step, and return the exit status."""
    file = settings_path or DEFAULT_PATH
    host = host_of(load_settings(file) if file.exists() else Settings())
    steps = install_steps(host, file, own_program(), standalone=standalone, observe=observe)
    return _run(steps, dry_run=dry_run, as_json=as_json)


def run_uninstall(settings_path: Path | None, *, dry_run: bool, as_json: bool) -> int:
    """Uninstall, say each step, and return the exit status."""
    try:
        settings = load_settings(settings_path)
    except SettingsError:
        settings = salvage_settings(read_settings_text(settings_path)[0])  # all that matters is where the socket is
    steps = uninstall_steps(host_of(settings), settings_path or DEFAULT_PATH)
    return _run(steps, dry_run=dry_run, as_json=as_json)


def _run(steps: Sequence[Step], *, dry_run: bool, as_json: bool) -> int:
    if os.geteuid() != 0:
        print("couriergate-shim: this changes Courier's directories: run it as root", file=sys.stderr)  # noqa: T201
        return 1
    outcomes = []
    for outcome in take(steps, dry_run=dry_run):
        outcomes.append(outcome)
        if not as_json:
            print(f"{outcome.state:<10} {outcome.what}" + (f": {outcome.said}" if outcome.said else ""))  # noqa: T201
    if as_json:
        print(json.dumps({"steps": [asdict(outcome) for outcome in outcomes]}, indent=2))  # noqa: T201
    return int(any(outcome.state is State.FAILED for outcome in outcomes))


def take(steps: Sequence[Step], *, dry_run: bool) -> Iterator[Outcome]:
    """Take one step after the other; after one that failed there is no other."""
    for step in steps:
        outcome = _take(step, dry_run=dry_run)
        yield outcome
        if outcome.state is State.FAILED:
            return


def _take(step: Step, *, dry_run: bool) -> Outcome:
    try:
        if step.is_so():
            return Outcome(State.ALREADY, step.what)
        if dry_run:
            return Outcome(State.WOULD, step.what)
        left = step.do()
    except (InstallError, RestartError, OSError) as error:
        return Outcome(State.FAILED, step.what, str(error))
    return Outcome(State.DONE, step.what) if left is None else Outcome(State.TO_DO, step.what, left)


def install_steps(
    host: Host,
    settings_file: Path,
    started_from: Path,
    *,
    standalone: bool,
    observe: bool | None = None,
    start_seconds: float = START_SECONDS,
) -> list[Step]:
    """Return what puts the filter before Courier, run by courierfilter, or by somebody else if standalone.

    ``started_from`` is the file that started this program: a zip file is copied, anything else linked to. ``observe``
    switches observe mode on or off; None leaves it as it is.
    """
    group = find_group(host.settings.group)
    token = host.settings.token_file
    sources = host.configuration / "enablefiltering"
    observing = _Observing(settings_file, observe=observe)
    program: _Stub | _Program = _Stub(host.program) if standalone else _Program(host.program, started_from)
    return [
        Step(
            f"settings in {settings_file}, which are yours from now on",
            settings_file.exists,
            lambda: _write(settings_file, SETTINGS, mode=0o640, group=group),
        ),
        *([Step(observing.what, observing.is_so, observing.do)] if observing.is_worth_telling() else []),
        *([_token_step(token, group)] if token else []),
        Step(f"{program.what} in {host.program}", program.is_so, program.do),
        Step(
            f"first line of {sources} says what is filtered; `esmtp` if it said nothing",
            lambda: bool(filtered_sources(host.configuration)),
            lambda: _enable_filtering(sources),
        ),
        Step(
            f"link {host.link} to it",
            lambda: host.link.is_symlink() and host.link.readlink() == host.program,
            lambda: _link(host.link, host.program),
        ),
        _start_step(host, program, observing, start_seconds),
    ]


def uninstall_steps(host: Host, settings_file: Path) -> list[Step]:
    """Return what takes the filter out; its settings stay."""
    steps = [
        Step(f"link {host.link} removed", lambda: not os.path.lexists(host.link), host.link.unlink),
        Step(
            f"socket {host.socket} removed; from now on mail is NOT filtered",
            lambda: not os.path.lexists(host.socket),
            lambda: _take_socket_away(host),
        ),
        Step(f"program {host.program} removed", lambda: not os.path.lexists(host.program), host.program.unlink),
        Step(f"settings in {settings_file} kept", lambda: True, lambda: None),
    ]
    if _is_stub(host.program):
        steps.append(
            Step("couriergate-shim stopped", lambda: False, lambda: "systemctl disable --now couriergate-shim")
        )
    return steps


def own_program() -> Path:
    """Return the file that starts this program; end it, if it was started as a module and there is none."""
    started = Path(sys.argv[0]).resolve()
    if started.name == "__main__.py":
        started = Path(sys.executable).with_name("couriergate-shim")
    if not started.is_file():
        raise SystemExit(f"couriergate-shim: {started}: want the file that starts it, found none")
    return started


# The program ------------------------------------------------------------------------------------------------------


class _Program:
    """The shim itself, as a copy that nobody else changes, or as a link into its virtual environment."""

    what = "program"

    def __init__(self, target: Path, started_from: Path) -> None:
        self.changed = False
        self._target = target
        self._source = started_from

    def is_so(self) -> bool:
        self.changed = not self._is_there()
        return not self.changed

    def _is_there(self) -> bool:
        if not self._target.exists():
            return False
        if _is_stub(self._target):
            raise InstallError("there is the stub of `install --standalone`; first `couriergate-shim uninstall`")
        if self._target.samefile(self._source):
            return True
        return zipfile.is_zipfile(self._source) and filecmp.cmp(self._source, self._target, shallow=False)

    def do(self) -> None:
        # Never written over: the running shim reads from the file that it was started from.
        new = self._target.with_name(f".{self._target.name}.new")
        new.unlink(missing_ok=True)
        if zipfile.is_zipfile(self._source):
            shutil.copyfile(self._source, new)
            new.chmod(0o755)
        else:
            new.symlink_to(self._source)
        new.replace(self._target)


class _Stub:
    """The stub, where the shim is run by somebody else than courierfilter."""

    what = "stub of a filter that runs by itself"
    changed = False  # whoever runs it was told already

    def __init__(self, target: Path) -> None:
        self._target = target

    def is_so(self) -> bool:
        if os.path.lexists(self._target) and not _is_stub(self._target):
            raise InstallError("there is a program run by courierfilter; first `couriergate-shim uninstall`")
        return self._target.exists()

    def do(self) -> None:
        _write(self._target, STUB, mode=0o755)


def _is_stub(program: Path) -> bool:
    try:
        return program.read_bytes().endswith(STUB_BODY.encode("ascii"))
    except OSError:
        return False


# Observe mode -----------------------------------------------------------------------------------------------------


class _Observing:
    """Observe mode in the settings file: switched on, switched off, or left as it is and told."""

    def __init__(self, file: Path, *, observe: bool | None) -> None:
        self.changed = False
        self._file = file
        self._wanted = self._is_on() if observe is None else observe
        self._is_asked = observe is not None

    @property
    def what(self) -> str:
        if self._wanted:
            return "observe mode: nothing is refused, until `couriergate-shim install --no-observe`"
        return "observe mode off: what the policy refuses is refused"

    def is_worth_telling(self) -> bool:
        return self._is_asked or self._wanted

    def is_so(self) -> bool:
        self.changed = self._is_on() is not self._wanted
        return not self.changed

    def do(self) -> None:
        file = self._file.resolve()  # a link stays one
        status = file.stat()
        text = file.read_bytes().decode()
        try:
            changed = with_observe(text, on=self._wanted, where=str(file))
        except SettingsError as error:
            raise InstallError(str(error)) from error
        _write(file, changed, mode=stat.S_IMODE(status.st_mode), user=status.st_uid, group=status.st_gid)

    def _is_on(self) -> bool:
        return self._file.exists() and load_settings(self._file).observe


# The other steps --------------------------------------------------------------------------------------------------


def _token_step(token: Path, group: int) -> Step:
    def is_so() -> bool:
        status = token.stat()
        return status.st_gid == group and status.st_mode & 0o047 == 0o040

    def do() -> None:
        os.chown(token, -1, group)
        token.chmod(0o640)

    return Step(f"token in {token} for the group of the shim, and nobody else", is_so, do)


def _enable_filtering(sources: Path) -> None:
    """Say ``esmtp`` above what is there; submit reads the first line only."""
    before = sources.read_text(encoding="utf-8", errors="surrogateescape") if sources.exists() else ""
    _write(sources, f"esmtp\n{before}", mode=0o644)


def _link(link: Path, program: Path) -> None:
    if os.path.lexists(link):
        raise InstallError(f"want a link to {program}, got something else; remove it, or set another socket_name")
    link.symlink_to(program)


def _start_step(host: Host, program: "_Program | _Stub", observing: _Observing, start_seconds: float) -> Step:
    def is_so() -> bool:
        return is_answered(host.socket) and not program.changed and not observing.changed

    def do() -> str | None:
        if is_answered(host.socket):
            restart(host.socket)
            return None
        if isinstance(program, _Stub):
            return (
                "mail is not filtered yet; start it: systemctl daemon-reload; systemctl enable --now couriergate-shim"
            )
        if not _tell_courierfilter(host):
            return "courierfilter does not run, so mail is not filtered; start it: systemctl start courierfilter"
        _wait_for(
            lambda: is_answered(host.socket),
            start_seconds,
            "nobody answers; see the mail log. A filter that has died is started by: "
            "courierfilter stop; courierfilter start",
        )
        return None

    return Step(f"filter runs behind {host.socket}", is_so, do)


def _tell_courierfilter(host: Host) -> bool:
    """Have courierfilter look at filters/active again, as ``filterctl`` does; return whether it runs.

    It starts what is new there, stops what is gone, and removes sockets that it does not know.
    """
    process = host.courierfilter()
    if process is None:
        return False
    if process <= 0:
        raise InstallError("courierfilter runs where it cannot be told from here, in another container")
    os.kill(process, signal.SIGHUP)
    return True


def _take_socket_away(host: Host) -> None:
    if _tell_courierfilter(host):
        with contextlib.suppress(InstallError):
            _wait_for(lambda: not os.path.lexists(host.socket), STOP_SECONDS, "")
    host.socket.unlink(missing_ok=True)


def _wait_for(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise InstallError(otherwise)
        time.sleep(0.05)


def _write(file: Path, text: str, *, mode: int, user: int = -1, group: int = -1) -> None:
    """Write a whole new file and rename it: nobody reads half of it."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    new.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    new.chmod(mode)
    os.chown(new, user, group)
    new.replace(file)
