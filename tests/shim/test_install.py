"""install and uninstall on a mail host with a courierfilter: what they do, again too, and what they refuse."""

import contextlib
import filecmp
import grp
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipapp
from collections.abc import Iterator
from pathlib import Path

import pytest

from shim.install import STUB, Outcome, State, install_steps, run_install, run_uninstall, take, uninstall_steps
from shim.mail_host import Host, is_answered
from shim.running_parent import find_parent
from shim.settings import Settings, load_settings
from tests.fakes.shim_program import MailHost, ShimProgram

ROOT = Path(__file__).parents[2]
GROUP = grp.getgrgid(os.getegid()).gr_name
COMMAND = Path(sys.executable).with_name("couriergate-shim")
DONE, ALREADY, WOULD, TO_DO, FAILED = State


class InstallHost:
    """A Courier host without our filter, and with a program that could be installed."""

    def __init__(self, host: MailHost) -> None:
        settings = Settings(filter_directory=host.all_filters, group=GROUP)
        self.mail_host = host
        self.host = Host(settings, host.directory, host.directory / "bin")
        self.settings_file = host.settings_file
        self.program = host.directory / "couriergate.pyz"
        self.state = host.directory
        self.host.programs.mkdir()
        self.host.active.mkdir()
        host.set_up(["http://127.0.0.1:1"], group=GROUP)
        self.build("1")

    def build(self, version: str) -> None:
        """Write a new version of the program: a zip file that starts the shim with our settings."""
        source = self.state / "source"
        source.mkdir(exist_ok=True)
        arguments = [str(COMMAND), "run", "--config", str(self.settings_file)]
        (source / "__main__.py").write_text(f"# {version}\nimport os\nos.execv({arguments[0]!r}, {arguments!r})\n")
        zipapp.create_archive(source, self.program, interpreter=sys.executable)
        self.program.chmod(0o755)

    def install(
        self,
        *,
        dry_run: bool = False,
        standalone: bool = False,
        observe: bool | None = None,
        start_seconds: float = 20.0,
    ) -> list[Outcome]:
        steps = install_steps(
            self.host,
            self.settings_file,
            self.program,
            standalone=standalone,
            observe=observe,
            start_seconds=start_seconds,
        )
        return list(take(steps, dry_run=dry_run))

    def uninstall(self, *, dry_run: bool = False) -> list[Outcome]:
        return list(take(uninstall_steps(self.host, self.settings_file), dry_run=dry_run))

    @contextlib.contextmanager
    def courierfilter(self) -> Iterator[None]:
        command = [sys.executable, "-m", "tests.fakes.courierfilter", str(self.host.active), str(self.state)]
        with subprocess.Popen(
            command, cwd=ROOT, env={"sysconfdir": str(self.state)}, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            try:
                yield
            finally:
                process.terminate()

    def listing(self) -> list[str]:
        """Return what is in Courier's directories: names, and where links lead."""
        directories = (self.host.active, self.host.programs, self.host.settings.filter_directory, self.state)
        return sorted(str(path) for directory in directories for path in directory.iterdir())


@pytest.fixture
def host(mail_host: MailHost) -> InstallHost:
    return InstallHost(mail_host)


def states(outcomes: list[Outcome]) -> list[State]:
    return [one.state for one in outcomes]


def test_install_starts_the_filter_under_courierfilter_and_again_changes_nothing(host: InstallHost) -> None:
    with host.courierfilter():
        first = host.install()
        served = is_answered(host.host.socket)
        second = host.install()

    assert states(first) == [ALREADY, DONE, DONE, DONE, DONE]
    assert served
    assert set(states(second)) == {ALREADY}
    assert host.host.link.readlink() == host.host.program
    assert filecmp.cmp(host.host.program, host.program, shallow=False)
    assert os.access(host.host.program, os.X_OK)


def test_uninstall_leaves_courier_as_it_was_but_for_settings_and_again_changes_nothing(host: InstallHost) -> None:
    (host.host.configuration / "enablefiltering").write_text("esmtp\n")
    with host.courierfilter():
        before = host.listing()
        host.install()
        first = host.uninstall()
        after = host.listing()
        second = host.uninstall()

    assert states(first) == [DONE, DONE, DONE, ALREADY]
    assert after == before
    assert set(states(second)) == {ALREADY}


def test_a_dry_run_says_what_it_would_do_and_does_nothing(host: InstallHost) -> None:
    before = host.listing()

    installing = host.install(dry_run=True)
    after = host.listing()
    with host.courierfilter():
        host.install()
        uninstalling = host.uninstall(dry_run=True)
        served = is_answered(host.host.socket)

    assert states(installing) == [ALREADY, WOULD, WOULD, WOULD, WOULD]
    assert after == before
    assert states(uninstalling) == [WOULD, WOULD, WOULD, ALREADY]
    assert served


def test_installing_a_new_version_restarts_the_filter_that_runs(host: InstallHost) -> None:
    with host.courierfilter():
        host.install()
        parent, workers = find_parent(host.host.socket), _workers(host)
        host.build("2")
        outcomes = host.install()
        same_parent, new_workers = find_parent(host.host.socket), _workers(host)

    assert states(outcomes) == [ALREADY, DONE, ALREADY, ALREADY, DONE]
    assert same_parent == parent
    assert new_workers & workers == set()


def _workers(host: InstallHost) -> set[str]:
    parent = find_parent(host.host.socket)
    return set(Path(f"/proc/{parent}/task/{parent}/children").read_text().split())


def test_a_program_that_is_no_zip_file_is_linked_to(host: InstallHost) -> None:
    host.program = COMMAND

    outcomes = host.install()

    assert states(outcomes)[1] is DONE
    assert host.host.program.readlink() == COMMAND
    assert states(host.install())[1] is ALREADY


def test_the_installed_program_itself_can_be_asked_to_install(host: InstallHost) -> None:
    shutil.copy(host.program, host.host.program)
    host.program = host.host.program

    assert states(host.install())[1] is ALREADY
    assert host.host.program.exists()


def test_without_courierfilter_the_rest_is_done_and_its_start_left_to_a_person(host: InstallHost) -> None:
    outcomes = host.install()

    assert states(outcomes) == [ALREADY, DONE, DONE, DONE, TO_DO]
    assert outcomes[-1].said.endswith("start it: systemctl start courierfilter")
    assert host.host.link.is_symlink()


def test_without_courierfilter_uninstall_takes_a_dead_socket_away(host: InstallHost) -> None:
    with host.courierfilter():
        host.install()
    assert host.host.socket.is_socket()

    outcomes = host.uninstall()

    assert FAILED not in states(outcomes)
    assert not os.path.lexists(host.host.socket)


def test_settings_are_written_with_comments_and_can_be_used(host: InstallHost) -> None:
    host.settings_file.unlink()

    outcomes = host.install()

    assert outcomes[0].state is DONE
    assert load_settings(host.settings_file) == Settings()
    assert host.settings_file.read_text().count("\n# ") > 3
    assert host.settings_file.stat().st_mode & 0o777 == 0o640


def test_settings_that_are_there_are_never_touched(host: InstallHost) -> None:
    before = host.settings_file.read_bytes()

    host.install()
    host.uninstall()

    assert host.settings_file.read_bytes() == before


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        (None, DONE, "esmtp\n"),
        ("", DONE, "esmtp\n"),
        ("# what is filtered\nesmtp\n", DONE, "esmtp\n# what is filtered\nesmtp\n"),
        ("\nlocal\n", DONE, "esmtp\n\nlocal\n"),
        ("esmtp\n", ALREADY, "esmtp\n"),
        ("local\n", ALREADY, "local\n"),
        ("esmtp local # all\n", ALREADY, "esmtp local # all\n"),
    ],
)
def test_the_first_line_of_enablefiltering_is_written_if_it_says_nothing(
    host: InstallHost, before: str | None, state: State, after: str
) -> None:
    file = host.host.configuration / "enablefiltering"
    if before is not None:
        file.write_text(before)

    outcomes = host.install()

    assert outcomes[2].state is state
    assert file.read_text() == after


def test_the_token_becomes_readable_by_the_group_and_nobody_else(host: InstallHost) -> None:
    token = host.state / "token"
    token.write_text("secret\n")
    token.chmod(0o604)
    host.host = Host(
        Settings(filter_directory=host.host.settings.filter_directory, group=GROUP, token_file=token),
        host.host.configuration,
        host.host.programs,
    )

    first, second = host.install(), host.install()

    assert (first[1].state, second[1].state) == (DONE, ALREADY)
    assert token.stat().st_mode & 0o777 == 0o640
    assert token.stat().st_gid == os.getegid()


def test_a_link_that_leads_elsewhere_is_not_taken(host: InstallHost) -> None:
    host.host.link.symlink_to("/bin/true")

    outcomes = host.install()

    assert outcomes[-1].state is FAILED
    assert "set another socket_name" in outcomes[-1].said
    assert host.host.link.readlink() == Path("/bin/true")


def test_a_filter_that_does_not_come_up_is_a_failure(host: InstallHost) -> None:
    shutil.copy("/bin/true", host.program)
    with host.courierfilter():
        outcomes = host.install(start_seconds=0.5)

    assert outcomes[-1].state is FAILED
    assert outcomes[-1].said.startswith("nobody answers; see the mail log")


# Observe mode -----------------------------------------------------------------------------------------------------


def test_observe_mode_is_switched_on_and_off_and_again_changes_nothing(host: InstallHost) -> None:
    before = host.settings_file.read_bytes()
    with host.courierfilter():
        outcomes = [host.install(observe=observe)[1] for observe in (True, True, False, False)]
    after = host.settings_file.read_bytes()

    assert states(outcomes) == [DONE, ALREADY, DONE, ALREADY]
    assert "nothing is refused, until `couriergate-shim install --no-observe`" in outcomes[0].what
    assert after.endswith(b"observe = false\n\n" + before)


def test_a_running_filter_takes_observe_mode_at_once(host: InstallHost) -> None:
    with host.courierfilter():
        host.install()
        parent, workers = find_parent(host.host.socket), _workers(host)
        outcomes = host.install(observe=True)
        same_parent, new_workers = find_parent(host.host.socket), _workers(host)

    assert states(outcomes) == [ALREADY, DONE, ALREADY, ALREADY, ALREADY, DONE]
    assert same_parent == parent
    assert new_workers & workers == set()


def test_a_standalone_filter_takes_observe_mode_at_once_too(host: InstallHost) -> None:
    host.install(standalone=True)
    with ShimProgram(host.mail_host) as shim:
        outcomes = host.install(standalone=True, observe=True)
        started = [line.fields.get("observe") for line in shim.log() if line.fields.get("event") == "started"]

    assert (outcomes[1].state, outcomes[-1].state) == (DONE, DONE)
    assert started == [None, "yes"]


def test_install_alone_leaves_observe_mode_on_and_says_so(host: InstallHost) -> None:
    host.install(observe=True)
    before = host.settings_file.read_bytes()

    outcomes = host.install()

    assert outcomes[1].state is ALREADY
    assert outcomes[1].what == "observe mode: nothing is refused, until `couriergate-shim install --no-observe`"
    assert host.settings_file.read_bytes() == before


def test_install_alone_says_nothing_of_observe_mode_where_it_is_off(host: InstallHost) -> None:
    assert not [one for one in host.install() if "observe" in one.what]


@pytest.mark.parametrize("exists", [True, False])
def test_a_dry_run_tells_of_observe_mode_and_writes_nothing(host: InstallHost, *, exists: bool) -> None:
    if not exists:
        host.settings_file.unlink()
    before = host.listing(), exists and host.settings_file.read_bytes()

    outcomes = host.install(observe=True, dry_run=True)

    assert outcomes[1] == Outcome(
        WOULD, "observe mode: nothing is refused, until `couriergate-shim install --no-observe`"
    )
    assert (host.listing(), exists and host.settings_file.read_bytes()) == before


def test_settings_that_install_writes_can_observe(host: InstallHost) -> None:
    host.settings_file.unlink()

    outcomes = host.install(observe=True)

    assert states(outcomes)[:2] == [DONE, DONE]
    assert load_settings(host.settings_file) == Settings(observe=True)


def test_rights_and_place_of_the_settings_stay(host: InstallHost) -> None:
    file = host.state / "elsewhere.toml"
    host.settings_file.rename(file)
    host.settings_file.symlink_to(file)
    file.chmod(0o604)

    host.install(observe=True)

    assert host.settings_file.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o604
    assert load_settings(file).observe


def test_a_way_of_writing_it_that_is_not_understood_is_left_to_a_person(host: InstallHost) -> None:
    before = host.settings_file.read_text() + '"obs\\u0065rve" = false\n'
    host.settings_file.write_text(before)

    outcomes = host.install(observe=True)

    assert outcomes[-1].state is FAILED
    assert outcomes[-1].said == f"{host.settings_file}: want a line `observe = true` there; write it by hand"
    assert host.settings_file.read_text() == before


# A filter that runs by itself -------------------------------------------------------------------------------------


def test_standalone_leaves_a_stub_that_keeps_the_socket_through_a_hup(host: InstallHost) -> None:
    with host.courierfilter():
        outcomes = host.install(standalone=True)
        with ShimProgram(host.mail_host):
            again = host.install(standalone=True)
            _have_courierfilter_clean_up(host)
            served = is_answered(host.host.socket)
        uninstalled = host.uninstall()

    assert states(outcomes) == [ALREADY, DONE, DONE, DONE, TO_DO]
    assert "systemctl enable --now couriergate-shim" in outcomes[-1].said
    assert set(states(again)) == {ALREADY}
    assert served
    assert states(uninstalled) == [DONE, DONE, DONE, ALREADY, TO_DO]


def _have_courierfilter_clean_up(host: InstallHost) -> None:
    """Send it the HUP of a filterctl, and return when it has removed what it does not know."""
    unknown = host.host.settings.filter_directory / "unknown"
    unknown.touch()
    process = host.host.courierfilter()
    assert process is not None
    os.kill(process, signal.SIGHUP)
    deadline = time.monotonic() + 15
    while unknown.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("standalone", [False, True])
def test_the_other_way_of_running_wants_an_uninstall_first(host: InstallHost, *, standalone: bool) -> None:
    host.install(standalone=not standalone)

    outcomes = host.install(standalone=standalone)

    assert states(outcomes) == [ALREADY, FAILED]
    assert "first `couriergate-shim uninstall`" in outcomes[-1].said


def test_a_stub_that_somebody_wrote_by_hand_is_one(host: InstallHost) -> None:
    host.host.program.write_text("#!/bin/sh\nexec 3>&-\nexec cat >/dev/null\n")

    assert host.install(standalone=True)[1].state is ALREADY


def test_the_stub_lets_courierfilter_start_and_ends_with_its_input(tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    command = f"exec 3>{shlex.quote(str(tmp_path / 'ready'))}; exec {shlex.quote(str(stub))}"

    with subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE) as running:
        running.communicate(timeout=15)

    assert running.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="uninstall wants root")
def test_broken_settings_keep_nobody_from_uninstalling(
    host: InstallHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("sysconfdir", str(host.state))
    host.settings_file.write_text(
        f'socket_name = "mine"\nfilter_directory = "{host.state}/allfilters"\nscanners = 1\n'
    )

    status = run_uninstall(host.settings_file, dry_run=True, as_json=False)

    assert status == 0
    assert f"already so socket {host.state}/allfilters/mine removed" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who is not root")
def test_whoever_is_not_root_is_told_so(host: InstallHost, capsys: pytest.CaptureFixture[str]) -> None:
    os.seteuid(65534)
    try:
        status = run_install(Path("/nowhere/shim.toml"), standalone=False, observe=True, dry_run=True, as_json=False)
    finally:
        os.seteuid(0)

    assert status == 1
    assert "run it as root" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="install wants root")
def test_the_command_says_the_same_as_data(host: InstallHost) -> None:
    ended = subprocess.run(
        [str(COMMAND), "install", "--dry-run", "--json", "--config", str(host.settings_file)],
        env={"sysconfdir": str(host.state)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    steps = json.loads(ended.stdout)["steps"]
    assert steps[0] == {
        "state": "already so",
        "what": f"settings in {host.settings_file}, which are yours from now on",
        "said": "",
    }
    assert steps[-1]["state"] == "would do"
