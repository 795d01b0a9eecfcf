"""The pool of decoders, with the real child and with one that a stranger has taken over."""

import asyncio
import errno
import gzip
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from structlog.testing import capture_logs

from scanner_service.clients import decoder_process
from scanner_service.clients.decoder_process import DecoderPool, DecoderUnavailableError
from scanner_service.clients.decoder_protocol import SevenZipAnswer, SevenZipRequest
from scanner_service.clients.seven_zip import SevenZip
from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.message import PartMark
from tests.fakes.descriptors import children_of_this_process, open_descriptors

T = TypeVar("T")
HOSTILE = Path(__file__).parents[2] / "fakes/hostile_decoder.py"
LIMIT_SECONDS = 30
GRANTED = Remainder(
    depth=30, parts=5000, unpacked_bytes=2**28, held_bytes=32 * 2**20, seconds=10.0, header_bytes=2**20
)
UNDECODABLE = frozenset({PartMark.UNDECODABLE})


LOOPS = pytest.mark.parametrize("run", [asyncio.new_event_loop, uvloop.new_event_loop], indirect=True)


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[T]]], T]:
    """Run on the loop of the service, or on those of LOOPS."""
    new_loop = getattr(request, "param", uvloop.new_event_loop)

    def run_within_the_limit(story: Callable[[], Awaitable[T]]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(LIMIT_SECONDS):
                return await story()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(limited())

    return run_within_the_limit


Run = Callable[[Callable[[], Awaitable[T]]], T]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Where hostile decoders write which of them was asked what."""
    path = tmp_path / "record"
    path.touch()
    return path


@pytest.fixture(scope="module")
def uvloop_ran_once() -> None:
    uvloop.run(asyncio.sleep(0))  # keeps two descriptors for the rest of the process


@pytest.fixture(autouse=True)
def nothing_left(uvloop_ran_once: None) -> Iterator[None]:
    before = (len(open_descriptors()), children_of_this_process())  # other tests' services have some

    yield

    assert (len(open_descriptors()), children_of_this_process()) == before


def hostile_pool(record: Path | str, *more: str, size: int = 2) -> DecoderPool:
    return DecoderPool(size, [sys.executable, "-I", "-B", str(HOSTILE), str(record), *more])


def container(what: str, *more: str, body: bytes = b"PK") -> Container:
    return Container("1.2", 1, "application/zip", (what, *more), body)


def tries(record: Path) -> list[tuple[int, str]]:
    return [(int(line.split()[0]), line.split()[1]) for line in record.read_text().splitlines()]


async def ask(
    pool: DecoderPool, what: str, *more: str, body: bytes = b"PK", granted: Remainder = GRANTED, wait: float = 20
) -> Unpacked:
    until = asyncio.get_running_loop().time() + wait
    return await pool.unpack(container(what, *more, body=body), granted, until)


@LOOPS
def test_the_real_decoder_answers_from_its_cage(run: Run[Unpacked]) -> None:
    async def story() -> Unpacked:
        pool = DecoderPool(2)
        try:
            unpacked = await ask(pool, "a.txt", body=b"no container")
            assert pool.children == 1
            assert pool.last_failure is None
        finally:
            await pool.aclose()
        return unpacked

    assert run(story).over_limits is None


def test_children_are_warmed_up_and_ended(run: Run[list[int]]) -> None:
    async def story() -> list[int]:
        pool = DecoderPool(2)
        await pool.warm_up()
        up = [pool.children]
        await pool.aclose()
        return [*up, pool.children]

    assert run(story) == [2, 0]


@LOOPS
@pytest.mark.parametrize(
    "what", ["crash_then_work", "exit_then_work", "close_and_stay_then_work", "talk_nonsense_then_work"]
)
def test_what_fails_once_is_opened_by_a_fresh_child(run: Run[Unpacked], record: Path, what: str) -> None:
    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            await ask(pool, "work")
            await ask(pool, "work")
            return await ask(pool, what)
        finally:
            await pool.aclose()

    unpacked = run(story)

    assert [part.path for part in unpacked.parts] == ["1.2/a.zip/notes.txt"]
    assert unpacked.marks == frozenset()
    processes = [process for process, asked in tries(record) if asked == what]
    assert len(set(processes)) == 2
    assert (processes[1], "work") not in tries(record)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("crash", "killed: Segmentation fault"),
        ("exit", "ended with exit code 1: the library's\\x1b[31m last words"),
        ("eat_memory", "ended with exit code 1: MemoryError"),
        ("talk_without_end", "it answers nonsense: "),
        ("promise_too_much", "it answers nonsense: frame: want at most "),
        ("talk_nonsense", "it answers nonsense: header: want JSON"),
        ("claim_foreign_part", "it answers nonsense: path: want one below '1.2', got '2/a.zip/notes.txt'"),
        ("say_more", "it answers nonsense: frame: want nothing after it"),
        ("close_and_stay", "killed: Killed"),
    ],
)
def test_what_fails_twice_is_undecodable_and_the_next_one_is_opened(
    run: Run[tuple[Unpacked, Unpacked]], record: Path, what: str, reason: str
) -> None:
    async def story() -> tuple[Unpacked, Unpacked]:
        pool = hostile_pool(record)
        try:
            failed = await ask(pool, what)
            return failed, await ask(pool, "work")
        finally:
            await pool.aclose()

    with capture_logs() as log:
        failed, after = run(story)

    assert (failed.parts, failed.marks, failed.over_limits) == ((), UNDECODABLE, None)
    assert failed.remainder == replace(GRANTED, seconds=failed.remainder.seconds)
    assert len(after.parts) == 1
    assert len({process for process, asked in tries(record) if asked == what}) == 2
    assert [(entry["again"], entry["failure"].startswith(reason)) for entry in log] == [(True, True), (False, True)]


def test_a_child_that_hangs_is_ended_in_its_time(run: Run[Unpacked], record: Path) -> None:
    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            await ask(pool, "work")
            return await ask(pool, "hang", granted=replace(GRANTED, seconds=0.1))
        finally:
            await pool.aclose()

    started = time.monotonic()
    unpacked = run(story)

    assert unpacked.marks == UNDECODABLE
    assert time.monotonic() - started < 2 * (0.1 + decoder_process.GRACE_SECONDS) + 2
    assert len(tries(record)) == 3


@LOOPS
def test_the_callers_limit_ends_the_waiting_and_says_nothing_against_the_container(
    run: Run[None], record: Path
) -> None:
    async def story() -> None:
        pool = hostile_pool(record)
        try:
            await ask(pool, "work")
            with pytest.raises(DecoderUnavailableError, match="no time is left"):
                await ask(pool, "hang", wait=0.2)
            assert len((await ask(pool, "work")).parts) == 1
        finally:
            await pool.aclose()

    run(story)


def test_what_has_failed_once_and_then_takes_all_the_time_is_undecodable(run: Run[Unpacked], record: Path) -> None:
    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            return await ask(pool, "crash_then_hang", wait=1.0)
        finally:
            await pool.aclose()

    assert run(story).marks == UNDECODABLE


def test_a_kernel_without_landlock_is_told_once(run: Run[None], record: Path) -> None:
    async def story() -> None:
        pool = hostile_pool(record, "no_landlock", size=1)
        try:
            await ask(pool, "crash_then_work")
        finally:
            await pool.aclose()

    with capture_logs() as log:
        run(story)

    assert [entry["failure"] for entry in log].count(decoder_process.NO_LANDLOCK) == 1


def test_a_child_that_complains_is_heard_and_not_repeated(run: Run[Unpacked], record: Path) -> None:
    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            return await ask(pool, "complain")
        finally:
            await pool.aclose()

    with capture_logs() as log:
        unpacked = run(story)

    assert len(unpacked.parts) == 1
    assert log == []


def test_a_child_that_has_died_in_its_idleness_is_replaced_unnoticed(run: Run[Unpacked], record: Path) -> None:
    async def story() -> Unpacked:
        pool = hostile_pool(record, size=1)
        try:
            await ask(pool, "work")
            os.kill(tries(record)[0][0], signal.SIGKILL)
            await asyncio.sleep(0.1)
            return await ask(pool, "work")
        finally:
            await pool.aclose()

    with capture_logs() as log:
        unpacked = run(story)

    assert len(unpacked.parts) == 1
    assert log == []


def test_a_child_that_speaks_unasked_is_not_asked_again(run: Run[None], record: Path) -> None:
    async def story() -> None:
        pool = hostile_pool(record, size=1)
        try:
            await ask(pool, "say_more_later")
            await asyncio.sleep(0.3)
            await ask(pool, "work")
        finally:
            await pool.aclose()

    run(story)

    assert len({process for process, _ in tries(record)}) == 2


def test_a_child_is_replaced_after_its_number_of_containers(
    run: Run[None], record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_process, "CONTAINERS_OF_A_CHILD", 3)

    async def story() -> None:
        pool = hostile_pool(record, size=1)
        try:
            for _ in range(7):
                await ask(pool, "work")
        finally:
            await pool.aclose()

    run(story)

    processes = [process for process, _ in tries(record)]
    assert [processes.count(process) for process in dict.fromkeys(processes)] == [3, 3, 1]


@LOOPS
def test_eight_requests_at_two_children_are_all_answered(run: Run[list[Unpacked]], record: Path) -> None:
    async def story() -> list[Unpacked]:
        pool = hostile_pool(record, size=2)
        try:
            async with asyncio.TaskGroup() as group:
                bodies = [bytes([number]) * 1000 for number in range(8)]
                asked = [group.create_task(ask(pool, "work_slowly", body=body)) for body in bodies]
        finally:
            await pool.aclose()
        return [task.result() for task in asked]

    answers = run(story)

    assert [answer.parts[0].body for answer in answers] == [bytes([number]) * 1000 for number in range(8)]
    assert len({process for process, _ in tries(record)}) == 2


def test_who_finds_no_child_free_in_time_is_told(run: Run[None], record: Path) -> None:
    async def story() -> None:
        pool = hostile_pool(record, size=1)
        try:
            await ask(pool, "work")
            async with asyncio.TaskGroup() as group:
                busy = group.create_task(ask(pool, "work_slowly"))
                await asyncio.sleep(0.05)
                with pytest.raises(DecoderUnavailableError, match="all 1 decoders are busy"):
                    await ask(pool, "work", wait=0.05)
            assert len(busy.result().parts) == 1
        finally:
            await pool.aclose()

    run(story)


@LOOPS
def test_a_request_that_is_cancelled_leaves_nothing_behind(run: Run[Unpacked], record: Path) -> None:
    async def story() -> Unpacked:
        children_before = children_of_this_process()
        pool = hostile_pool(record, size=1)
        try:
            await ask(pool, "work")
            open_before = len(open_descriptors())
            asked = [asyncio.ensure_future(ask(pool, "hang")) for _ in range(3)]  # one asks, two wait for their turn
            await asyncio.sleep(0.1)
            for one in asked:
                one.cancel()
            results = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in results)
            assert len(open_descriptors()) == open_before
            assert len(children_of_this_process()) == len(children_before) + 1
            return await ask(pool, "work")
        finally:
            await pool.aclose()

    assert len(run(story).parts) == 1


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["/no/such/program"], "the decoder cannot be started: .*No such file"),
        (
            [sys.executable, "-I", "-c", "raise SystemExit('missing')"],
            "does not start: ended with exit code 1: missing",
        ),
        (
            [sys.executable, "-I", str(HOSTILE), "no_cage"],
            r"the decoder has no cage: the kernel refuses\\x0aa seccomp filter",
        ),
    ],
)
def test_without_a_working_decoder_the_reason_is_told_and_logged_once(
    run: Run[str | None], command: list[str], reason: str
) -> None:
    async def story() -> str | None:
        pool = DecoderPool(1, command)
        try:
            for _ in range(2):
                with pytest.raises(DecoderUnavailableError, match=reason):
                    await ask(pool, "work")
            assert pool.children == 0
            return pool.last_failure
        finally:
            await pool.aclose()

    with capture_logs() as log:
        last_failure = run(story)

    assert [entry["failure"] for entry in log] == [last_failure]


def test_a_decoder_that_never_says_hello_is_not_waited_for_beyond_the_limit(run: Run[None]) -> None:
    async def story() -> None:
        pool = hostile_pool("silent", size=1)
        try:
            with pytest.raises(DecoderUnavailableError, match="does not start in time"):
                await ask(pool, "work", wait=0.3)
        finally:
            await pool.aclose()

    run(story)


@LOOPS
def test_closing_the_pool_ends_those_who_wait(run: Run[None], record: Path) -> None:
    async def story() -> None:
        pool = hostile_pool(record, size=1)
        await ask(pool, "work")
        asked = asyncio.ensure_future(ask(pool, "hang"))
        await asyncio.sleep(0.1)

        await pool.aclose()

        with pytest.raises(DecoderUnavailableError, match="the service is stopping"):
            await asked
        with pytest.raises(DecoderUnavailableError, match="the service is stopping"):
            await ask(pool, "work")
        await pool.aclose()  # again does no harm

    run(story)


def test_a_child_inherits_no_descriptor_of_the_service(run: Run[list[str]], record: Path) -> None:
    async def story() -> list[str]:
        pool = hostile_pool(record, size=1)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.set_inheritable(True)
            try:
                await ask(pool, "work")
                return targets_of_descriptors(tries(record)[0][0])
            finally:
                await pool.aclose()

    targets = run(story)

    assert sorted(target.partition(":")[0] for target in targets) == ["/dev/null", "pipe", "socket"]


def targets_of_descriptors(process: int) -> list[str]:
    return [str(Path(f"/proc/{process}/fd/{number}").readlink()) for number in open_descriptors(process)]


SERVICE = f"""
import asyncio, sys
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.model.container import Container, Remainder
async def main():
    pool = DecoderPool(1, [sys.executable, "-I", "-B", {str(HOSTILE)!r}, sys.argv[1]])
    await pool.unpack(Container("1", 1, "", (sys.argv[2],), b""), {GRANTED!r}, asyncio.get_running_loop().time() + 20)
    await asyncio.sleep(20)
asyncio.run(main())
"""


@pytest.mark.parametrize(
    "what", ["work", "spin_in_the_cage"]
)  # one that hears that the service is gone, one that does not
def test_children_end_with_a_service_that_is_killed(record: Path, what: str) -> None:
    with subprocess.Popen([sys.executable, "-I", "-c", SERVICE, str(record), what]) as service:
        wait_until(lambda: bool(tries(record)))
        time.sleep(0.2)
        child = Path(f"/proc/{tries(record)[0][0]}")
        assert is_running(child)

        service.kill()

    wait_until(lambda: not is_running(child))


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(process: Path) -> bool:
    try:
        return process.joinpath("cmdline").read_bytes() != b""  # empty: it only waits to be reaped by its new parent
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_seven_zip_that_is_not_installed_is_told_to_the_child_and_to_the_log(
    run: Run[Unpacked], record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            return await ask(pool, "run_seven_zip", "l", "--", "{archive}")
        finally:
            await pool.aclose()

    with capture_logs() as log:
        unpacked = run(story)

    assert unpacked.parts[0].body.startswith(b"7-Zip is not installed")
    assert [entry["log_level"] for entry in log] == ["warning"]


class SevenZipWithoutDescriptors(SevenZip):
    async def run(self, request: SevenZipRequest, until: float) -> SevenZipAnswer:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_want_of_descriptors_says_nothing_against_the_container(run: Run[None], record: Path) -> None:
    async def story() -> None:
        command = [sys.executable, "-I", "-B", str(HOSTILE), str(record)]
        pool = DecoderPool(1, command, SevenZipWithoutDescriptors())
        try:
            with pytest.raises(DecoderUnavailableError, match="Too many open files"):
                await ask(pool, "run_seven_zip", "l", "--", "{archive}")
        finally:
            await pool.aclose()

    run(story)


def test_a_child_that_wants_something_else_of_seven_zip_is_ended(run: Run[Unpacked], record: Path) -> None:
    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            return await ask(pool, "run_seven_zip", "a", "--", "{archive}")
        finally:
            await pool.aclose()

    assert run(story).marks == UNDECODABLE


def test_seven_zip_runs_for_a_child(run: Run[Unpacked], record: Path) -> None:
    if SevenZip().program is None:
        pytest.skip("7-Zip is not installed")

    async def story() -> Unpacked:
        pool = hostile_pool(record)
        try:
            body = gzip.compress(b"what was packed")
            return await ask(pool, "run_seven_zip", "x", "-so", "--", "{archive}", body=body)
        finally:
            await pool.aclose()

    assert run(story).parts[0].body == b"what was packed"
