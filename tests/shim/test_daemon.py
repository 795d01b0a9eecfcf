"""The life of the program: its socket, its start, its stop."""

import asyncio
import os
import resource
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shim.worker import DRAIN_SECONDS
from tests.fakes.courier_queue import QUEUE_ID
from tests.fakes.descriptors import open_descriptors
from tests.fakes.scanner import FakeScanner, Talk, be_silent, give_verdict, nobody_listening
from tests.fakes.shim_program import (
    PATIENCE_SECONDS,
    PROGRAM,
    LogLine,
    MailHost,
    ShimProgram,
    ShimUnderCourierfilter,
    parse_log_line,
)
from tests.fakes.submit import connect, read_reply, submit
from verdict_api.verdict import HeaderAction, HeaderEdit

CLEAN = b"200 2.0.0 Ok\n"
STOPPING = b"432 4.3.2 Mail filter is stopping, try again later\n"
NOT_CHECKED = b"451 4.3.0 Message could not be checked, try again later\n"

Start = Callable[[MailHost], ShimProgram]
BOTH_WAYS = pytest.mark.parametrize(
    "start", [ShimProgram, ShimUnderCourierfilter], ids=["standalone", "courierfilter"]
)


@BOTH_WAYS
def test_the_socket_is_there_with_the_rights_that_submit_needs(mail_host: MailHost, start: Start) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with start(mail_host) as shim:
            mode = mail_host.filter_socket.stat().st_mode
            names = _names_in(mail_host.all_filters)
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert names == ["couriergate"]
    assert reply == CLEAN
    assert shim.log()[0].fields == {
        "event": "started",
        "mode": "standalone" if start is ShimProgram else "courierfilter",
        "scanners": scanner.endpoint,
        "workers": "1",
    }


def test_courierfilter_is_told_as_soon_as_the_socket_is_there(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimUnderCourierfilter(mail_host) as shim:
            shim.wait_until_ready()

            assert mail_host.filter_socket.is_socket()
            assert not Path(f"/proc/{shim.process.pid}/fd/3").is_fifo()


def test_only_end_of_file_on_standard_input_stops_it_at_once_and_the_socket_stays(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimUnderCourierfilter(mail_host) as shim:
            assert shim.process.stdin is not None
            shim.process.stdin.write(b"stop\n")
            shim.process.stdin.flush()
            replies = [submit(mail_host.filter_socket, mail_host.queue.put()) for _ in range(3)]
            asked = time.monotonic()
            shim.ask_to_stop()
            status = shim.wait_for_end()

    assert replies == [CLEAN] * 3
    assert time.monotonic() - asked < 1.0
    assert status == 0
    assert shim.log()[-1].fields == {"event": "stopped"}
    assert mail_host.filter_socket.is_socket()
    with pytest.raises(ConnectionRefusedError):
        connect(mail_host.filter_socket)


@pytest.mark.parametrize(
    ("start", "number"),
    [(ShimProgram, signal.SIGINT), (ShimUnderCourierfilter, signal.SIGTERM)],
)
def test_a_signal_stops_it_and_the_socket_stays(mail_host: MailHost, start: Start, number: signal.Signals) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with start(mail_host) as shim:
            asked = time.monotonic()
            shim.process.send_signal(number)
            status = shim.wait_for_end()

    assert time.monotonic() - asked < 1.0
    assert status == 0
    assert mail_host.filter_socket.is_socket()


def test_a_socket_that_a_dead_shim_left_is_replaced_and_never_missing(mail_host: MailHost) -> None:
    _leave_socket(mail_host.filter_socket)
    _leave_socket(mail_host.all_filters / ".couriergate")
    missing, done = [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            if not mail_host.filter_socket.exists():
                missing.append(time.monotonic())

    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with ShimProgram(mail_host):
                reply = submit(mail_host.filter_socket, mail_host.queue.put())
        finally:
            done.set()
            watcher.join()

    assert reply == CLEAN
    assert missing == []
    assert _names_in(mail_host.all_filters) == ["couriergate"]


@pytest.mark.parametrize(("ours", "other"), [("allfilters", "filters"), ("filters", "allfilters")])
def test_a_socket_of_the_same_name_in_the_other_directory_is_removed(
    mail_host: MailHost, ours: str, other: str
) -> None:
    for name in ("couriergate", "another", ".couriergate"):
        _leave_socket(mail_host.directory / other / name)

    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint], filter_directory=str(mail_host.directory / ours))
        with ShimProgram(mail_host):
            reply = submit(mail_host.directory / ours / "couriergate", mail_host.queue.put())

    assert reply == CLEAN
    assert _names_in(mail_host.directory / other) == [".couriergate", "another"]


def test_a_file_of_the_same_name_in_the_other_directory_is_not_ours_to_remove(mail_host: MailHost) -> None:
    (mail_host.filters / "couriergate").write_text("notes")

    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host):
            pass

    assert (mail_host.filters / "couriergate").read_text() == "notes"


def test_a_scanner_that_is_down_costs_451_and_one_line_and_is_found_again(mail_host: MailHost) -> None:
    path = mail_host.directory / "scanner"
    mail_host.set_up([f"unix:{path}"], retry_seconds=0.1)

    with ShimProgram(mail_host) as shim:
        reply = submit(mail_host.filter_socket, mail_host.queue.put())
        (line,) = shim.log()[1:]
        with FakeScanner(unix_path=path):
            reply_then = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == NOT_CHECKED
    assert line.level == "ERR"
    assert line.fields["queue_id"] == QUEUE_ID
    assert line.fields["problem"] == f"no verdict: unix:{path}: No such file or directory"
    assert reply_then == CLEAN


def test_the_deadline_of_the_settings_is_kept(mail_host: MailHost) -> None:
    with FakeScanner(usual=be_silent) as scanner:
        mail_host.set_up([scanner.endpoint], deadline_seconds=0.3)
        with ShimProgram(mail_host):
            started = time.monotonic()
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == NOT_CHECKED
    assert 0.2 < time.monotonic() - started < 2.0


def test_a_verdict_that_is_being_carried_out_at_the_stop_is_carried_out(mail_host: MailHost) -> None:
    add = HeaderEdit(HeaderAction.ADD, "X-Tag", "1")
    with FakeScanner(usual=give_verdict(lambda verdict: replace(verdict, header_edits=(add,)))) as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim, ThreadPoolExecutor() as others:
            request = mail_host.queue.put()
            (worker,) = _children_of(shim.process.pid)
            with _slow_syncs(worker, seconds=DRAIN_SECONDS + 0.4):
                reply = others.submit(submit, mail_host.filter_socket, request)
                _wait_for(lambda: bool(list(mail_host.queue.directory.glob("*.couriergate"))))
                shim.ask_to_stop()

                assert reply.result() == CLEAN
                assert shim.wait_for_end() == 0

    assert Path(os.fsdecode(request.split(b"\n")[0])).read_bytes().startswith(b"X-Tag: 1\n")
    assert not list(mail_host.queue.directory.glob("*.couriergate"))


@contextmanager
def _slow_syncs(process: int, seconds: float) -> Iterator[None]:
    """Let the first fsync of a process take so long."""
    slow = f"inject=fsync:delay_enter={int(seconds * 1e6)}:when=1"
    strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", slow, "-p", str(process)]
    with subprocess.Popen(strace, stderr=subprocess.PIPE) as tracing:
        assert tracing.stderr is not None
        assert b"attached" in tracing.stderr.readline()
        try:
            yield
        finally:
            tracing.terminate()


def test_a_message_in_hand_gets_its_verdict_after_the_stop(mail_host: MailHost) -> None:
    async def slow(talk: Talk) -> None:
        await talk.hear_head()
        await asyncio.sleep(0.3)
        await give_verdict()(talk)

    with FakeScanner(usual=slow) as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim, connect(mail_host.filter_socket) as connection:
            connection.sendall(mail_host.queue.put())
            _wait_for(lambda: scanner.connections == 1)
            shim.ask_to_stop()
            reply = read_reply(connection)
            status = shim.wait_for_end()

    assert reply == CLEAN
    assert status == 0
    assert [line.fields.get("event") for line in shim.log()] == ["started", None, "stopped"]


@dataclass(frozen=True, slots=True)
class SlowStop:
    """What came, after how many seconds, of a stop with two strangers and a mail in hand that nobody judges."""

    served: list[bytes]
    strangers: list[bytes]
    strangers_seconds: float
    refused_seconds: float
    in_hand: bytes
    status: int
    stopped_seconds: float
    log: list[LogLine]


@pytest.fixture(scope="module")
def slow_stop(tmp_path_factory: pytest.TempPathFactory) -> SlowStop:
    """Play it once, for it takes more than five seconds, and let each test look at one side of it."""
    host = MailHost(tmp_path_factory.mktemp("host"))
    with FakeScanner() as scanner:
        host.set_up([scanner.endpoint])
        with (
            ShimUnderCourierfilter(host) as shim,
            connect(host.filter_socket) as silent,
            connect(host.filter_socket) as stuck,
            connect(host.filter_socket) as in_hand,
        ):
            came = time.monotonic()
            stuck.sendall(b"/D1\n/C")
            served = [submit(host.filter_socket, host.queue.put()) for _ in range(5)]
            scanner.usual = be_silent
            in_hand.sendall(host.queue.put())
            _wait_for(lambda: len(scanner.heard) == 6)
            asked = time.monotonic()
            shim.ask_to_stop()
            _wait_for(lambda: _refuses(host.filter_socket))
            refused_seconds = time.monotonic() - asked
            strangers = [read_reply(silent), read_reply(stuck)]
            strangers_seconds = time.monotonic() - came
            reply = read_reply(in_hand)
            status = shim.wait_for_end()
            stopped_seconds = time.monotonic() - asked
            log = shim.log()
    return SlowStop(served, strangers, strangers_seconds, refused_seconds, reply, status, stopped_seconds, log)


def test_who_says_nothing_or_half_of_it_holds_up_nobody(slow_stop: SlowStop) -> None:
    assert slow_stop.served == [CLEAN] * 5


def test_who_says_nothing_or_half_of_it_is_answered_after_five_seconds(slow_stop: SlowStop) -> None:
    assert slow_stop.strangers == [NOT_CHECKED] * 2
    assert 4.5 < slow_stop.strangers_seconds < 7.0
    problems = [line.fields.get("problem") for line in slow_stop.log]
    assert problems.count("filter request: no whole request in 5 s") == 2


def test_no_mail_is_taken_after_the_stop(slow_stop: SlowStop) -> None:
    assert slow_stop.refused_seconds < 1.0


def test_a_mail_whose_scanner_is_silent_is_answered_432_after_the_stop(slow_stop: SlowStop) -> None:
    assert slow_stop.in_hand == STOPPING
    (line,) = [line for line in slow_stop.log if line.level == "WARN"]
    assert line.fields["queue_id"] == QUEUE_ID
    assert line.fields["problem"] == "stopped before there was a verdict"


def test_a_stop_takes_no_longer_than_courierfilter_waits(slow_stop: SlowStop) -> None:
    assert slow_stop.status == 0
    assert 4.0 < slow_stop.stopped_seconds < 6.5
    assert slow_stop.log[-1].fields == {"event": "stopped"}


def test_many_connections_can_wait_while_it_is_busy(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim:
            os.kill(shim.process.pid, signal.SIGSTOP)
            waiting = [connect(mail_host.filter_socket) for _ in range(400)]
            os.kill(shim.process.pid, signal.SIGCONT)
            for connection in waiting:
                connection.close()
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == CLEAN


def test_without_free_descriptors_mail_waits_or_is_refused_for_now_and_none_passes_unscanned(
    mail_host: MailHost,
) -> None:
    async def slow(talk: Talk) -> None:
        await talk.hear_head()
        await asyncio.sleep(0.1)
        await give_verdict()(talk)

    with FakeScanner(usual=slow) as scanner:
        mail_host.set_up([scanner.endpoint], retry_seconds=0.3)
        with ShimProgram(mail_host) as shim:
            assert submit(mail_host.filter_socket, mail_host.queue.put()) == CLEAN
            (worker,) = _children_of(shim.process.pid)
            highest = max(open_descriptors(worker))
            limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (highest + 8, limits[1]))
            requests = [mail_host.queue.put() for _ in range(30)]
            with ThreadPoolExecutor(30) as pool:
                replies = list(pool.map(lambda request: submit(mail_host.filter_socket, request), requests))
            resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
            reply_then = submit(mail_host.filter_socket, mail_host.queue.put())

    assert set(replies) <= {CLEAN, NOT_CHECKED}
    assert replies.count(CLEAN) == len(scanner.heard) - 2
    assert NOT_CHECKED in replies
    assert reply_then == CLEAN


def test_without_its_token_it_serves_and_says_so(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint], token_file=str(mail_host.directory / "token"))
        with ShimProgram(mail_host) as shim:
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == CLEAN
    assert "authorization" not in scanner.heard[0].headers
    (line,) = [line for line in shim.log() if line.fields.get("event") == "no token"]
    assert line.level == "ERR"
    assert line.fields["problem"].startswith(f"{mail_host.directory}/token: the token cannot be read")


def test_the_token_is_read_at_the_start(mail_host: MailHost) -> None:
    (mail_host.directory / "token").write_text("s3cret\n")

    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint], token_file=str(mail_host.directory / "token"))
        with ShimProgram(mail_host):
            submit(mail_host.filter_socket, mail_host.queue.put())

    assert scanner.heard[0].headers["authorization"] == "Bearer s3cret"


def test_a_directory_that_is_not_there_is_said_in_one_line(mail_host: MailHost) -> None:
    with nobody_listening() as scanner:
        mail_host.set_up([scanner], filter_directory=str(mail_host.directory / "none"))

        status, line = _run_to_failure(mail_host)

    assert status == 1
    assert line.level == "ERR"
    assert line.fields["event"] == "not started"
    assert line.fields["problem"] == (
        f"{mail_host.directory}/none/couriergate: cannot make the filter socket: No such file or directory"
    )


def test_a_name_too_long_for_a_socket_is_said_in_one_line(mail_host: MailHost) -> None:
    with nobody_listening() as scanner:
        mail_host.set_up([scanner], socket_name="x" * 100)

        status, line = _run_to_failure(mail_host)

    assert status == 1
    assert line.fields["event"] == "not started"
    assert "too long" in line.fields["problem"]


def test_with_settings_that_are_refused_it_answers_4xx_until_they_are_mended(mail_host: MailHost) -> None:
    mail_host.set_up(["http://127.0.0.1:8025"], deadline=5)

    with FakeScanner() as scanner, ShimProgram(mail_host) as shim:
        reply = submit(mail_host.filter_socket, mail_host.queue.put())
        mail_host.set_up([scanner.endpoint])
        shim.process.send_signal(signal.SIGHUP)
        shim.wait_for_log("settings read anew")
        reply_then = _submit_until(mail_host, CLEAN)

    assert reply == NOT_CHECKED
    assert reply_then == CLEAN
    assert shim.log()[0].fields == {
        "event": "settings refused",
        "problem": f"{mail_host.settings_file}, line 3: unknown setting 'deadline'; did you mean 'deadline_seconds'?"
        "; all mail is answered 451 until a reload",
    }
    assert f"settings refused: {mail_host.settings_file}" in shim.log()[2].fields["problem"]


def test_a_reload_of_broken_settings_keeps_the_old_ones(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim:
            mail_host.settings_file.write_text("scanners = [")
            shim.process.send_signal(signal.SIGHUP)
            shim.wait_for_log("settings refused")
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == CLEAN
    assert "the ones of before stay" in shim.log()[-1].text or "the ones of before stay" in shim.log()[-2].text


def test_a_killed_worker_is_replaced_and_mail_waits_for_the_next(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim:
            (worker,) = _children_of(shim.process.pid)
            os.kill(worker, signal.SIGKILL)
            replies = [submit(mail_host.filter_socket, mail_host.queue.put()) for _ in range(3)]

    assert replies == [CLEAN] * 3
    assert any(line.fields.get("event") == "worker died" for line in shim.log())


def test_workers_whose_parent_was_killed_finish_and_go(mail_host: MailHost) -> None:
    async def slow(talk: Talk) -> None:
        await talk.hear_head()
        await asyncio.sleep(1.0)
        await give_verdict()(talk)

    with FakeScanner(usual=slow) as scanner:
        mail_host.set_up([scanner.endpoint], workers=2)
        with ShimProgram(mail_host) as shim, connect(mail_host.filter_socket) as connection:
            workers = _children_of(shim.process.pid)
            connection.sendall(mail_host.queue.put())
            _wait_for(lambda: scanner.connections == 1)
            shim.process.kill()
            shim.process.wait()
            reply = read_reply(connection)
            _wait_until_gone(workers)

        assert reply == CLEAN
        assert len(workers) == 2
        assert mail_host.filter_socket.is_socket()
        with pytest.raises(ConnectionRefusedError):
            connect(mail_host.filter_socket)


def test_a_restart_refuses_no_mail_and_brings_new_workers(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim, ThreadPoolExecutor(4) as pool:
            before = _children_of(shim.process.pid)
            sending = [pool.submit(submit, mail_host.filter_socket, mail_host.queue.put()) for _ in range(200)]
            restarted = [
                subprocess.run(
                    [*PROGRAM, "restart", "--config", mail_host.settings_file], capture_output=True, check=False
                )
                for _ in range(3)
            ]
            replies = [one.result() for one in sending]
            after = _children_of(shim.process.pid)
            pid_then = shim.process.poll()

    assert [one.returncode for one in restarted] == [0, 0, 0], restarted
    assert replies == [CLEAN] * 200
    assert not before & after
    assert pid_then is None


def test_a_restart_into_a_program_or_settings_that_fail_is_refused_and_the_old_one_serves_on(
    mail_host: MailHost,
) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimProgram(mail_host) as shim:
            mail_host.settings_file.write_text("scanners = [")
            os.kill(shim.process.pid, signal.SIGUSR2)
            shim.wait_for_log("not restarted")
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == CLEAN


def test_when_stopped_pass_takes_the_socket_away(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint], when_stopped="pass")
        with ShimProgram(mail_host) as shim:
            shim.ask_to_stop()
            status = shim.wait_for_end()

    assert status == 0
    assert not mail_host.filter_socket.exists()


def test_the_service_manager_is_told_when_workers_serve_and_when_they_stop(mail_host: MailHost) -> None:
    path = mail_host.directory / "notify"
    (mail_host.directory / "locals").write_text("test.example\n")
    (mail_host.directory / "me").unlink()
    os.mkfifo(mail_host.directory / "me")  # a worker reads it before it serves, and waits for a writer

    with FakeScanner() as scanner, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(0.5)
        mail_host.set_up([scanner.endpoint])
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(_start_and_stop, ShimProgram(mail_host, notify_socket=path))
            _wait_for(mail_host.filter_socket.is_socket)
            with pytest.raises(TimeoutError):
                manager.recv(100)
            (mail_host.directory / "me").write_text("mx.test.example\n")
            manager.settimeout(PATIENCE_SECONDS)
            heard = [manager.recv(100), manager.recv(100)]
            starting.result()

    assert heard == [b"READY=1", b"STOPPING=1"]


def _start_and_stop(shim: ShimProgram) -> None:
    with shim:
        shim.ask_to_stop()
        shim.wait_for_end()


def _submit_until(host: MailHost, wanted: bytes) -> bytes:
    """Submit mail until the new workers answer; return the last reply."""
    end = time.monotonic() + 10
    while (reply := submit(host.filter_socket, host.queue.put())) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    return reply


def _children_of(process: int) -> set[int]:
    return {int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()}


def _wait_until_gone(processes: set[int]) -> None:
    end = time.monotonic() + 10
    while any(_runs(process) for process in processes):
        assert time.monotonic() < end, "a worker outlived its parent"
        time.sleep(0.02)


def _runs(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def _run_to_failure(host: MailHost) -> tuple[int, LogLine]:
    ended = subprocess.run(
        [*PROGRAM, "run", "--config", host.settings_file], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert ended.stdout == b""
    (line,) = ended.stderr.decode().splitlines()
    return ended.returncode, parse_log_line(line)


def _leave_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def _refuses(path: Path) -> bool:
    try:
        connect(path).close()
    except ConnectionRefusedError:
        return True
    return False


def _names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_journal_gets_the_levels_that_it_reads(mail_host: MailHost) -> None:
    with FakeScanner() as scanner, mail_host.log_file.open("wb") as log:
        mail_host.set_up([scanner.endpoint], workers=0)
        status = os.fstat(log.fileno())
        environment = {"sysconfdir": str(mail_host.directory), "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        with subprocess.Popen(
            [*PROGRAM, "run", "--config", mail_host.settings_file], cwd="/usr", env=environment, stderr=log
        ) as process:
            _wait_for(lambda: b"settings refused" in mail_host.log_file.read_bytes())
            process.terminate()

    assert mail_host.log_file.read_bytes().startswith(b'<3>ERR:couriergate: event="settings refused"')
