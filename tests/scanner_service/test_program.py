"""The program couriergate-scanner: its command line, its signals, its processes."""

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scanner_service import __version__
from tests.fakes.clamd import FakeClamd, know_nothing, scan, scan_slowly, stay_silent
from tests.scanner_service.live_service import post
from tests.scanner_service.messages import CLEAN
from tests.scanner_service.scanner_program import (
    PROGRAM,
    ScannerProgram,
    clean_environment,
    free_port,
    run_scanner,
    running_scanner,
)
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny


def settings_with(clamd_address: str) -> str:
    return f'[virus]\nengines = [{{kind = "clamd", address = "{clamd_address}"}}]\n'


def test_help_tells_of_the_commands_and_the_exit_status(tmp_path: Path) -> None:
    ran = run_scanner("--help", folder=tmp_path)

    assert ran.returncode == 0
    assert re.search(r"serve +serve until told to stop\n +check +say whether the settings can be used", ran.stdout)
    assert "Exit status: 0 done, 1 refused or failed, 2 wrong usage." in " ".join(ran.stdout.split())


def test_the_version_is_told(tmp_path: Path) -> None:
    ran = run_scanner("--version", folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (0, f"couriergate-scanner {__version__}\n")


def test_wrong_usage_ends_with_two(tmp_path: Path) -> None:
    ran = run_scanner("serve", "--workers", "0", folder=tmp_path)

    assert ran.returncode == 2
    assert ran.stderr.startswith("usage: couriergate-scanner")
    assert "argument --workers: want at least 1, got 0" in ran.stderr


def check(folder: Path, *arguments: str, settings: str) -> "subprocess.CompletedProcess[str]":
    (folder / "scanner.toml").write_text(settings)
    return run_scanner("check", "--config", "scanner.toml", *arguments, folder=folder)


def test_check_accepts_settings_with_a_real_engine_that_finds_the_test_file(tmp_path: Path) -> None:
    with FakeClamd() as clamd:
        ran = check(tmp_path, settings=settings_with(clamd.address) + "signature_days = 0\n")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "settings can be used: listens on http://127.0.0.1:8025, virus engines clamd\n"
    assert clamd.tests_seen == 1


def test_check_warns_of_old_signatures_and_they_protect_all_the_same(tmp_path: Path) -> None:
    with FakeClamd() as clamd:
        ran = check(tmp_path, settings=settings_with(clamd.address))

    assert ran.returncode == 0
    assert re.search(r"engine clamd: its signatures are \d+ days old. Do: look at freshclam", ran.stderr)


def test_check_fails_if_an_engine_does_not_find_the_test_file_and_says_what_to_do(tmp_path: Path) -> None:
    with FakeClamd(know_nothing) as clamd:
        ran = check(tmp_path, settings=settings_with(clamd.address))

    assert ran.returncode == 1
    assert ran.stderr == (
        f"couriergate-scanner: engine clamd: {clamd.address}: does not find the EICAR test file: its signatures are "
        "not loaded. Do: look at freshclam and its log, and at DatabaseDirectory in clamd.conf\n"
        "couriergate-scanner: but no virus engine protects now: mail is answered 451 until one does\n"
    )


def test_check_fails_if_an_engine_is_away_unless_it_shall_ask_none(tmp_path: Path) -> None:
    settings = settings_with(f"unix:{tmp_path}/away.ctl")

    asked, not_asked = check(tmp_path, settings=settings), check(tmp_path, "--no-engines", settings=settings)

    assert asked.returncode == 1
    assert f"engine clamd: unix:{tmp_path}/away.ctl: No such file or directory. Do: look whether it" in asked.stderr
    assert (not_asked.returncode, not_asked.stderr) == (0, "")


def test_check_asks_a_silent_engine_for_some_seconds_only(tmp_path: Path) -> None:
    with FakeClamd(stay_silent) as clamd:
        started = time.monotonic()
        ran = check(tmp_path, settings=settings_with(clamd.address))
        seconds = time.monotonic() - started

    assert ran.returncode == 1
    assert "no answer to the EICAR test file in 5 s" in ran.stderr
    assert seconds < 10


@pytest.mark.parametrize(("backup", "status"), [(False, 1), (True, 0)])
def test_check_fails_for_an_engine_that_is_missing_beside_another_unless_it_is_a_backup(
    tmp_path: Path, backup: bool, status: int
) -> None:
    with FakeClamd() as clamd:
        ran = check(
            tmp_path,
            settings="[virus]\nengines = [\n"
            f'  {{kind = "clamd", address = "{clamd.address}"}},\n'
            f'  {{kind = "clamd", address = "unix:{tmp_path}/away.ctl", backup = {str(backup).lower()}}},\n]\n',
        )

    assert ran.returncode == status
    assert "engine clamd-2: " in ran.stderr
    assert "no virus engine protects" not in ran.stderr


def test_check_fails_with_the_demo_engine_only(tmp_path: Path) -> None:
    ran = run_scanner("check", folder=tmp_path)

    assert ran.returncode == 1
    assert "the only virus engine is the built-in EICAR rule" in ran.stderr


@pytest.mark.parametrize(
    "engine", ['{kind = "spamd", address = "unix:FOLDER/nobody.sock"}', '{kind = "rspamd", url = "unix:FOLDER/x"}']
)
def test_check_warns_of_a_spam_engine_that_is_away_and_accepts_the_settings(tmp_path: Path, engine: str) -> None:
    spam = "signature_days = 0\n[spam]\nengine = " + engine.replace("FOLDER", str(tmp_path))

    with FakeClamd() as clamd:
        ran = check(tmp_path, settings=settings_with(clamd.address) + spam)

    assert ran.returncode == 0
    assert re.search(r", virus engines clamd, spam engine (spamd|rspamd)$", ran.stdout.strip())
    assert ran.stderr.startswith("couriergate-scanner: warning: no spam score: ")
    assert "Do: look whether it runs, at its address in [spam] engine" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_check_does_not_wait_for_a_spam_engine_that_hangs(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        spam = f'[spam]\nengine = {{kind = "spamd", address = "unix:{tmp_path}/silent.sock"}}'

        with FakeClamd() as clamd:
            ran = check(tmp_path, settings=settings_with(clamd.address) + spam)

    assert ran.returncode == 0
    assert "spamd: no answer in 5 s" in ran.stderr


@pytest.mark.parametrize("command", ["serve", "check"])
def test_settings_that_must_not_be_used_end_both_commands_with_one(tmp_path: Path, command: str) -> None:
    (tmp_path / "scanner.toml").write_text('[listen]\nhost = "0.0.0.0"\n')

    ran = run_scanner(command, "--config", "scanner.toml", folder=tmp_path)

    assert ran.returncode == 1
    assert "couriergate-scanner: [listen] host = '0.0.0.0' can be reached from elsewhere" in ran.stderr
    assert "Traceback" not in ran.stderr


@contextlib.contextmanager
def serving_without_settings(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = [str(PROGRAM), "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=clean_environment(), stderr=subprocess.DEVNULL) as process:
        try:
            yield process, port
        finally:
            process.terminate()


def test_without_settings_it_serves_on_the_loopback_with_its_state_in_var(tmp_path: Path) -> None:
    with (
        serving_without_settings(tmp_path) as (_, port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=8)) as client,
    ):
        verdict = decode_verdict(post(client, CLEAN).content)

    assert verdict.engines == "demo"
    assert (tmp_path / "var/admin.token").stat().st_mode & 0o777 == 0o600


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScannerProgram]:
    limits = "[limits]\nmax_message_bytes = 1000000\n"
    with running_scanner(tmp_path_factory.mktemp("program"), settings=limits) as running:
        yield running


def test_it_says_where_it_listens_and_warns_of_the_demo_engine(program: ScannerProgram) -> None:
    listening = program.log_lines("listening on")
    warning = program.log_lines("event=demo")

    assert listening == [f"couriergate-scanner: listening on unix:{program.path}"]
    assert "level=warning" in warning[0]
    assert "no real virus will be found" in warning[0]


def test_it_warns_at_once_that_no_engine_protects_and_says_when_one_does_again(tmp_path: Path) -> None:
    with (
        FakeClamd(know_nothing) as clamd,
        running_scanner(tmp_path, settings=settings_with(clamd.address)) as running,
    ):
        none_protects = running.log_lines("event=engines")
        problem = running.log_lines("event=engine ")
        clamd.behaviour = scan
        well_again = running.log_lines("now=real")
        old = running.log_lines("event=signatures")

    assert "level=warning" in none_protects[0]
    assert "no virus engine protects now" in none_protects[0]
    assert f'engine=clamd problem="{clamd.address}: does not find the EICAR test file' in problem[0]
    assert "level=info" in well_again[0]
    assert "days old: look at freshclam" in old[0]


def test_the_unix_socket_is_for_its_owner_and_group(program: ScannerProgram) -> None:
    assert program.path.stat().st_mode & 0o777 == 0o660


def seconds_to_end(process: subprocess.Popen[bytes], number: signal.Signals) -> float:
    started = time.monotonic()
    process.send_signal(number)
    process.wait(20)
    return time.monotonic() - started


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_it_ends_within_two_seconds_of_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with running_scanner(tmp_path) as running, running.client() as idle:
        idle.get("/livez")  # a kept connection must not keep it

        seconds = seconds_to_end(running.process, number)

    assert seconds < 2
    assert "Traceback" not in running.log.read_text()


def test_it_ends_in_time_although_clamd_takes_no_connection(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        address = f"tcp:127.0.0.1:{full.getsockname()[1]}"
        running = stack.enter_context(running_scanner(tmp_path, settings=settings_with(address)))
        time.sleep(0.2)  # it is asking for the version

        seconds = seconds_to_end(running.process, signal.SIGTERM)

    assert seconds < 3


def test_a_message_in_flight_is_answered_although_it_is_told_to_end(tmp_path: Path) -> None:
    with (
        FakeClamd(scan_slowly(1)) as clamd,
        running_scanner(tmp_path, settings=settings_with(clamd.address)) as running,
        running.client() as client,
    ):
        answer = told_to_end_in_flight(running, clamd, client)

    assert decode_verdict(answer.content).destiny is Destiny.PASS
    assert "Traceback" not in running.log.read_text()


def test_two_workers_share_socket_and_token_and_answer_what_is_in_flight(tmp_path: Path) -> None:
    with (
        FakeClamd() as clamd,
        running_scanner(tmp_path, "--workers", "2", settings=settings_with(clamd.address)) as running,
        running.client() as client,
    ):
        token = (tmp_path / "state/admin.token").read_text().strip()
        authorized = {"Authorization": f"Bearer {token}", "Connection": "close"}
        statuses = {post(client, CLEAN, more=authorized).status_code for _ in range(20)}
        processes = children_of(running.process.pid)
        clamd.behaviour = scan_slowly(1)
        answer = told_to_end_in_flight(running, clamd, client)

    assert statuses == {200}
    assert len(processes) >= 2
    assert decode_verdict(answer.content).destiny is Destiny.PASS
    assert "Traceback" not in running.log.read_text()


def told_to_end_in_flight(running: ScannerProgram, clamd: FakeClamd, client: httpx.Client) -> httpx.Response:
    """Send a message, tell the service to end while clamd scans it, return the answer once it has ended."""
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(post(client, CLEAN)))
    asking.start()
    while not clamd.messages_in_hand:
        time.sleep(0.01)
    running.process.terminate()
    asking.join()
    running.process.wait(10)
    return answers[0]


def test_while_it_ends_it_takes_no_new_request(tmp_path: Path) -> None:
    with (
        FakeClamd(scan_slowly(4)) as clamd,
        running_scanner(tmp_path, settings=settings_with(clamd.address)) as running,
        running.client() as client,
        contextlib.ExitStack() as stack,
    ):
        kept = [stack.enter_context(connected(running.path)) for _ in range(8)]
        before = {answer_to(one)[:12] for one in kept}
        asking = threading.Thread(target=lambda: post(client, CLEAN))
        asking.start()
        while not clamd.messages_in_hand:
            time.sleep(0.01)
        running.process.terminate()
        while any(is_open(one) for one in kept):
            time.sleep(0.01)
        after = {answer_to(one) for one in kept}
        with pytest.raises(ConnectionRefusedError):
            connected(running.path)
        is_at_work = asking.is_alive()
        asking.join()
        running.process.wait(10)

    assert before == {b"HTTP/1.1 200"}
    assert is_at_work
    assert after == {b""}


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(20)
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def answer_to(connection: socket.socket) -> bytes:
    """Return the answer to a small request; nothing if the connection is closed."""
    try:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(65536)
    except ConnectionError:
        return b""


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(20)


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_bomb_does_not_take_its_size_in_memory(program: ScannerProgram) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(10**6)) for _ in range(100)) + packer.flush()

    with program.client() as client:
        before = peak_memory_kilobytes(program.process.pid)
        statuses = {post(client, bomb, more={"Content-Encoding": "gzip"}).status_code for _ in range(5)}
        after = peak_memory_kilobytes(program.process.pid)

    assert statuses == {413}
    assert after - before < 50_000


def peak_memory_kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
