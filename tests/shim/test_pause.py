"""The panic button: it lets mail pass, says so, and ends by the clock whatever happens to the processes."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shim.pause import LONGEST_SECONDS, Pause, PauseError, begin_pause, end_pause, pause_in_force, pause_path
from tests.fakes.courier_queue import MESSAGE
from tests.fakes.scanner import FakeScanner, give_verdict
from tests.fakes.shim_program import PROGRAM, MailHost, ShimProgram
from tests.fakes.submit import submit
from tests.shim.verdict_changes import rejecting

CLEAN = b"200 2.0.0 Ok\n"
REJECTED = b"550 5.7.1"


@pytest.fixture
def host(mail_host: MailHost) -> Iterator[MailHost]:
    """A mail host whose scanner rejects everything."""
    with FakeScanner(usual=give_verdict(rejecting)) as scanner:
        mail_host.set_up([scanner.endpoint])
        yield mail_host


@pytest.mark.parametrize(
    ("since", "until", "now", "holds"),
    [
        (100, 200, 100, True),
        (100, 200, 199.9, True),
        (100, 200, 200, False),
        (100, 200, 41, True),  # the clock was set back a little
        (100, 200, 39, False),
        (100, 100 + LONGEST_SECONDS + 1, 150, False),
    ],
)
def test_a_pause_holds_between_two_times(since: float, until: float, now: float, *, holds: bool) -> None:
    assert Pause(since, until).holds(now) is holds


def test_a_pause_is_found_again_until_it_is_ended(tmp_path: Path) -> None:
    begun = begin_pause(tmp_path / ".gate.paused", 60)

    assert pause_in_force(tmp_path / ".gate.paused") == begun
    assert [entry.name for entry in tmp_path.iterdir()] == [".gate.paused"]
    end_pause(tmp_path / ".gate.paused")
    end_pause(tmp_path / ".gate.paused")
    assert pause_in_force(tmp_path / ".gate.paused") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"7", b"\xff", b'{"since": 0}', b'{"since": "x", "until": 1}', b'{"since": [], "until": {}}'],
)
def test_a_file_that_says_no_time_is_no_pause(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".gate.paused").write_bytes(content)

    with pytest.raises(PauseError, match="want since and until"):
        pause_in_force(tmp_path / ".gate.paused")


def test_mail_passes_marked_while_paused_and_is_scanned_after(host: MailHost) -> None:
    with ShimProgram(host) as shim:
        before = submit(host.filter_socket, host.queue.put())
        paused = command(host, "pause", "--for", "30m")
        request = host.queue.put(b"X-Virus-Scanned: yes, believe me\n" + MESSAGE)
        meanwhile = submit(host.filter_socket, request)
        resumed = command(host, "resume")
        after = submit(host.filter_socket, host.queue.put())
        shim.wait_for_log('event="pause ended"')

    assert before.startswith(REJECTED)
    assert meanwhile == CLEAN
    assert after.startswith(REJECTED)
    assert data_file_of(request).read_bytes() == b"X-Couriergate-Unscanned: paused\n" + MESSAGE
    assert "all mail passes unscanned and marked until" in paused.stdout
    assert resumed.stdout == "mail is scanned again\n"
    (line,) = [line for line in shim.log() if line.fields.get("unfiltered")]
    assert line.level == "WARN"
    assert line.fields["unfiltered"] == "yes"
    assert line.fields["problem"] == "paused"
    alerts = [line.fields["event"] for line in shim.log() if line.level == "ALERT"]
    assert alerts == ["paused", "pause ended"]


def test_a_pause_outlives_every_process_and_ends_by_the_clock(host: MailHost) -> None:
    with ShimProgram(host) as shim:
        command(host, "pause", "--for", "6s")
        shim.process.send_signal(signal.SIGKILL)
        shim.wait_for_end()
    with ShimProgram(host) as shim:
        meanwhile = submit(host.filter_socket, host.queue.put())
        shim.wait_for_log('event="pause ended"')
        after = submit(host.filter_socket, host.queue.put())

    assert meanwhile == CLEAN
    assert after.startswith(REJECTED)
    assert shim.log()[0].fields["event"] == "paused"


def test_a_pause_helps_where_the_settings_are_broken(host: MailHost) -> None:
    with ShimProgram(host):
        host.settings_file.write_text(host.settings_file.read_text() + "nonsense = 1\n")
        paused = command(host, "pause", "--for", "1m")

        assert submit(host.filter_socket, host.queue.put()) == CLEAN

    assert paused.returncode == 0
    assert "unknown setting 'nonsense'" in paused.stderr


def test_a_broken_pause_file_lets_nothing_pass(host: MailHost) -> None:
    with ShimProgram(host) as shim:
        pause_path(host.filter_socket).write_text("until tomorrow")

        assert submit(host.filter_socket, host.queue.put()).startswith(REJECTED)

    assert any(line.fields.get("event") == "no pause" for line in shim.log())


def test_mail_that_cannot_be_marked_does_not_pass(host: MailHost) -> None:
    with ShimProgram(host):
        command(host, "pause", "--for", "1m")
        request = host.queue.put()
        data_file_of(request).with_suffix(".couriergate").mkdir()  # where the new data file would be written

        reply = submit(host.filter_socket, request)

    assert reply.startswith(b"451 4.3.0")
    assert data_file_of(request).read_bytes() == MESSAGE


@pytest.mark.parametrize("duration", ["", "30", "m", "0s", "25h", "-1m", "1.5h", "1440m1s", "1d"])
def test_a_time_that_is_none_is_refused(host: MailHost, duration: str) -> None:
    refused = command(host, "pause", f"--for={duration}")

    assert refused.returncode == 2
    assert "want a time such as 90s, 30m or 2h, at most 24h" in refused.stderr
    assert not pause_path(host.filter_socket).exists()


def test_a_pause_without_a_shim_is_kept_and_says_that_nobody_serves(host: MailHost) -> None:
    paused = command(host, "pause", "--for", "1m")

    assert paused.returncode == 1
    assert "nobody serves it" in paused.stderr
    assert pause_in_force(pause_path(host.filter_socket)) is not None


def command(host: MailHost, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROGRAM, *words, "--config", str(host.settings_file)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/usr",
    )


def data_file_of(request: bytes) -> Path:
    return Path(os.fsdecode(request.split(b"\n")[0]))
