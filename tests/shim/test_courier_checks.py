"""Doctor's checks of Courier's files and sockets, each on a host where it is well and on one where it is not."""

import contextlib
import grp
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shim import courier_checks as checks
from shim.diagnosis import Finding, Level
from shim.mail_host import Host
from shim.pause import begin_pause, pause_path
from shim.settings import Settings
from tests.fakes.esmtpd import FakeFilter
from tests.fakes.shim_program import MailHost

GROUP = grp.getgrgid(os.getegid()).gr_name
ANSWER = b"200 Ok\n"
Check = Callable[[Host], Iterator[Finding]]


@pytest.fixture
def host(mail_host: MailHost) -> Host:
    """A host whose files are as they should be, and which nobody serves."""
    host = Host(
        Settings(filter_directory=mail_host.all_filters, group=GROUP),
        mail_host.directory,
        mail_host.directory / "bin",
    )
    host.programs.mkdir()
    host.program.touch(mode=0o755)
    host.active.mkdir()
    host.link.symlink_to(host.program)
    (host.configuration / "enablefiltering").write_text("esmtp local\n")
    return host


@contextlib.contextmanager
def serving(host: Host, name: str = "couriergate", reply: bytes | None = ANSWER) -> Iterator[Path]:
    path = host.settings.filter_directory / name
    with FakeFilter(path, reply):
        path.chmod(0o660)
        yield path


def worst(findings: Iterator[Finding]) -> tuple[Level, str]:
    """Return the first of the worst findings: how bad, and what was seen."""
    found = list(findings)
    first = max(found, key=lambda one: one.level)
    return first.level, first.saw


def test_no_socket_is_the_first_thing_to_say(host: Host) -> None:
    assert worst(checks.check_socket(host)) == (
        Level.PROBLEM,
        f"there is no {host.socket}: Courier passes all mail unfiltered",
    )


def test_a_socket_that_nobody_serves_is_a_problem(host: Host) -> None:
    with serving(host, reply=None):
        found = worst(checks.check_socket(host))

    assert found == (Level.PROBLEM, f"nobody answers behind {host.socket}: Courier answers 432 to all mail")


def test_a_socket_that_is_answered_is_well(host: Host) -> None:
    with serving(host):
        assert {one.level for one in checks.check_socket(host)} == {Level.OK}


def test_a_socket_that_the_group_cannot_write_to_is_a_problem(host: Host) -> None:
    with serving(host) as path:
        path.chmod(0o600)
        level, saw = worst(checks.check_socket(host))

    assert level is Level.PROBLEM
    assert f"want group {GROUP} and 0660, got " in saw


def test_the_link_is_looked_at(host: Host) -> None:
    well = worst(checks.check_link(host))
    host.program.unlink()
    dangling = worst(checks.check_link(host))
    host.link.unlink()
    missing = worst(checks.check_link(host))

    assert well == (Level.OK, f"{host.link} leads to {host.program}")
    assert dangling == (Level.PROBLEM, f"{host.link} leads nowhere: courierfilter takes the filter for removed")
    assert missing[0] is Level.PROBLEM
    assert missing[1].startswith(f"there is no {host.link}: ")


def test_courierfilter_runs_or_does_not(host: Host) -> None:
    never = worst(checks.check_courierfilter(host))
    with running_courierfilter(host) as process:
        running = worst(checks.check_courierfilter(host))
    ended = worst(checks.check_courierfilter(host))

    assert running == (Level.OK, f"runs as process {process}")
    assert never == ended == (Level.WARNING, "does not run")


@contextlib.contextmanager
def running_courierfilter(host: Host) -> Iterator[int]:
    """Have somebody hold courierfilter's lock, and yield the process id."""
    program = (
        "import fcntl, sys; lock = open(sys.argv[1], 'wb'); fcntl.lockf(lock, fcntl.LOCK_EX); "
        "print(flush=True); input()"
    )
    lock = host.configuration / "filters/.lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate("\n")


@pytest.mark.parametrize(
    ("first_line", "level", "saw"),
    [
        ("esmtp local", Level.OK, "esmtp local"),
        ("esmtp", Level.NOTE, "mail handed in by sendmail on this host is not filtered; `local` would"),
        (" esmtp\tlocal ", Level.OK, "esmtp local"),
        ("", Level.PROBLEM, "says nothing"),
        ("# esmtp", Level.PROBLEM, "says nothing"),
        (None, Level.PROBLEM, "says nothing"),
        ("local", Level.PROBLEM, "mail that comes by SMTP is not filtered"),
        ("esmtp dsn", Level.WARNING, "a refused bounce stays"),
    ],
)
def test_only_the_first_line_of_enablefiltering_counts(
    host: Host, first_line: str | None, level: Level, saw: str
) -> None:
    file = host.configuration / "enablefiltering"
    file.unlink()
    if first_line is not None:
        file.write_text(f"{first_line}\nesmtp local\n")

    found = worst(checks.check_enabled(host))

    assert found[0] is level
    assert saw in found[1]


def test_what_is_no_living_filter_blocks_all_mail(host: Host) -> None:
    stray = host.settings.filter_directory / "notes.txt"
    with serving(host), serving(host, "other"):
        (host.settings.filter_directory / ".hidden").touch()
        well = list(checks.check_other_sockets(host))
        stray.touch()
        with serving(host, "dead", None) as dead:
            found = [(one.level, one.saw) for one in checks.check_other_sockets(host)]

    assert well == []
    assert found == [
        (Level.PROBLEM, f"nobody listens on {dead}: Courier answers 432 to all mail"),
        (Level.PROBLEM, f"{stray} is no socket: Courier answers 432 to all mail"),
    ]


def test_alone_there_is_no_order_to_speak_of(host: Host) -> None:
    with serving(host):
        assert list(checks.check_order(host)) == []


def test_filters_before_and_after_are_named(host: Host) -> None:
    with serving(host), serving(host, "Zuerst"), serving(host, "pythonfilter"), serving(host, "zdkimfilter"):
        found = [(one.level, one.saw) for one in checks.check_order(host)]
        before = checks.filters_before(host)

    assert found == [
        (Level.NOTE, "Zuerst, couriergate, pythonfilter, zdkimfilter"),
        (Level.NOTE, "Zuerst is asked before us: if it answers 0xx, we are not asked"),
    ]
    assert before == ["Zuerst"]


def test_a_signer_must_come_after_us(host: Host) -> None:
    late = replace(host, settings=replace(host.settings, socket_name="zz"))
    with serving(late, "zz"), serving(late, "zdkimfilter"):
        level, saw = worst(checks.check_order(late))

    assert level is Level.WARNING
    assert saw.startswith("zdkimfilter signs before us")


def test_the_directory_that_courier_hardly_asks_is_a_problem(host: Host) -> None:
    wrong = replace(host, settings=replace(host.settings, filter_directory=host.configuration / "filters"))

    assert list(checks.check_directory(host)) == []
    assert worst(checks.check_directory(wrong))[0] is Level.PROBLEM


def test_a_twin_in_the_other_directory_is_a_warning(host: Host) -> None:
    twin = host.configuration / "filters/couriergate"
    twin.touch()

    level, saw = worst(checks.check_directory(host))

    assert level is Level.WARNING
    assert saw.startswith(f"{twin} has the name of our socket")


def test_a_pause_is_a_problem_while_it_is_in_force(host: Host) -> None:
    well = list(checks.check_pause(host))
    begin_pause(pause_path(host.socket), 600)
    paused = worst(checks.check_pause(host))
    pause_path(host.socket).write_text("for ever")
    broken = worst(checks.check_pause(host))

    assert well == []
    assert paused[0] is Level.PROBLEM
    assert paused[1].startswith("mail passes unscanned until 2")
    assert broken[0] is Level.WARNING
    assert "want since and until" in broken[1]


@pytest.mark.parametrize(
    ("courier", "shim", "service", "expected"),
    [
        (
            None,
            100,
            100,
            (Level.WARNING, "Courier's 10485760, the shim's 100, the service's 100: the service's bites first"),
        ),
        ("50", 100, 100, (Level.OK, "Courier's 50, the shim's 100, the service's 100: Courier's bites first")),
        ("100", 100, 100, (Level.OK, "Courier's bites first")),
        ("101", 100, 200, (Level.WARNING, "the shim's bites first, and too_big decides")),
        ("101", 200, 100, (Level.WARNING, "the service's bites first")),
        ("0", 200, 300, (Level.WARNING, "Courier's none, the shim's 200, the service's 300: the shim's bites first")),
        ("50", 100, None, (Level.OK, "Courier's bites first")),
    ],
)
def test_the_size_limit_that_bites_first_is_named(
    host: Host, courier: str | None, shim: int, service: int | None, expected: tuple[Level, str]
) -> None:
    if courier is not None:
        (host.configuration / "sizelimit").write_text(f"{courier}\n")
    host = replace(host, settings=replace(host.settings, max_message_bytes=shim))

    found = worst(checks.check_limits(host, [] if service is None else [service, 10**9]))

    assert found[0] is expected[0]
    assert expected[1] in found[1]


def notes_on(host: Host) -> dict[str, str]:
    found = list(checks.check_courier_settings(host))
    assert {one.level for one in found} == {Level.NOTE}
    return {one.check: one.saw for one in found}


def test_couriers_own_settings_are_noted(host: Host) -> None:
    by_default = notes_on(host)
    (host.configuration / "bofh").write_text("# maxrcpts 5\nmaxrcpts 1000 hard\n")
    (host.configuration / "batchsize").write_text("7\n")
    (host.configuration / "esmtpd").write_text('NOADDRREWRITE=0\n#NOADDRREWRITE=0\nNOADDRREWRITE="2"\n')
    (host.configuration / "courierd").write_text("ESMTP_BLOCKBACKSCATTER=smtp/dsn\n")
    changed = notes_on(host)

    assert by_default.keys() == {"recipients", "batchsize", "NOADDRREWRITE"}
    assert "accepts 100 " in by_default["recipients"]
    assert by_default["batchsize"].startswith("100 ")
    assert changed.keys() == {"recipients", "batchsize", "ESMTP_BLOCKBACKSCATTER"}
    assert "accepts 1000 " in changed["recipients"]
    assert changed["batchsize"].startswith("7 ")
    assert changed["ESMTP_BLOCKBACKSCATTER"].startswith("smtp/dsn: ")


def with_token(host: Host, content: str) -> tuple[Host, Path]:
    file = host.configuration / "token"
    file.write_text(content)
    return replace(host, settings=replace(host.settings, token_file=file)), file


def test_a_token_that_the_shim_can_read_is_well(host: Host) -> None:
    host, file = with_token(host, "secret\n")

    with serving(host):
        assert worst(checks.check_secrets(host)) == (Level.OK, f"{file} can be read by the shim")


def test_no_token_is_no_finding(host: Host) -> None:
    assert list(checks.check_secrets(host)) == []


def test_a_token_that_is_none_is_a_problem(host: Host) -> None:
    host, file = with_token(host, "two words\n")

    with serving(host):
        assert worst(checks.check_secrets(host)) == (
            Level.PROBLEM,
            f"{file}: want one token of printable ASCII",
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can serve as somebody else")
def test_a_token_that_only_root_can_read_is_a_problem_for_a_shim_that_is_another(host: Host) -> None:
    with tempfile.TemporaryDirectory(prefix="token.") as folder, somebody_else_serving(host):
        file, directory = Path(folder) / "token", Path(folder)
        file.write_text("secret\n")
        host = replace(host, settings=replace(host.settings, token_file=file))
        found = []
        for directory_mode, file_mode in ((0o711, 0o644), (0o711, 0o600), (0o700, 0o644)):
            directory.chmod(directory_mode)
            file.chmod(file_mode)
            found.append(worst(checks.check_secrets(host)))

    refused = (Level.PROBLEM, f"{file} cannot be read by the shim's user")
    assert found == [(Level.OK, f"{file} can be read by the shim"), refused, refused]


@contextlib.contextmanager
def somebody_else_serving(host: Host) -> Iterator[None]:
    """Have the user nobody listen on our socket."""
    program = (
        "import os, socket, sys; listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); listener.listen(); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, host.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate("\n")
