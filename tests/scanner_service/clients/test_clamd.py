"""The client of clamd, against a clamd that works and those that fail."""

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.clients.clamd import (
    CHUNK_BYTES,
    ClamdClient,
    ClamdSizeLimitError,
    ClamdUnavailableError,
    read_answer,
)
from scanner_service.clients.daemon_address import DaemonAddress
from tests.fakes.clamd import (
    EICAR,
    VERSION,
    Behaviour,
    Conversation,
    FakeClamd,
    answer,
    dribble,
    hang_up,
    limit_streams_to,
    scan,
    stall,
    stay_silent,
)

T = TypeVar("T")
ENDS = (b" FOUND\0", b"OK\0", b"OK", b" FOUND", b" ERROR\0", b" size limit exceeded. ERROR\0", b"\0 FOUND\0")
LIMIT_SECONDS = 10


@pytest.fixture(params=[False, True], ids=["unix", "tcp"])
def tcp(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return request.param  # type: ignore[no-any-return]


def client_of(clamd: FakeClamd) -> ClamdClient:
    if clamd.path:
        return ClamdClient(DaemonAddress(path=str(clamd.path)))
    return ClamdClient(DaemonAddress(host="127.0.0.1", port=clamd.port))


def run(
    ask: Callable[[], Awaitable[T]], new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
) -> T:
    async def ask_within_the_limit() -> T:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await ask()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(ask_within_the_limit())


@pytest.mark.parametrize(
    "size", [0, 1, 70_000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * 10**6 + 1]
)
def test_clamd_gets_every_byte(size: int, tcp: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    data = os.urandom(size)

    with FakeClamd(tcp=tcp) as clamd:
        names = run(lambda: client_of(clamd).look(data), new_loop).names
        nobody = clamd.has_nobody()

    assert names == ()
    assert b"".join(clamd.streams) == data
    assert nobody


@pytest.mark.parametrize(
    ("behaviour", "data", "names"),
    [
        (scan, b"clean", ()),
        (scan, b"infected: " + EICAR, ("Eicar-Test-Signature",)),
        (dribble(b"stream: OK\0"), b"x", ()),
        (dribble(b"stream: Win.Test.EICAR_HDB-1 FOUND\0"), b"x", ("Win.Test.EICAR_HDB-1",)),
        (answer(b"stream: OK\0bytes to spare FOUND\0"), b"x", ()),
        (answer(b"stream: A name FOUND twice FOUND\0"), b"x", ("A name FOUND twice",)),
        (answer(b"stream: OK FOUND\0"), b"x", ("OK",)),
        (answer(b"stream: \xff\x1b FOUND\0"), b"x", ("\udcff\x1b",)),
    ],
)
def test_ok_and_found_are_answers(behaviour: Behaviour, data: bytes, names: tuple[str, ...], tcp: bool) -> None:
    with FakeClamd(behaviour, tcp=tcp) as clamd:
        found = run(lambda: client_of(clamd).look(data)).names
        nobody = clamd.has_nobody()

    assert found == names
    assert nobody


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (answer(b"stream: Can't allocate memory ERROR\0"), 'want OK or FOUND, got "Can\'t allocate memory ERROR"'),
        (answer(b"COMMAND READ TIMED OUT\0"), "want OK or FOUND, got 'COMMAND READ TIMED OUT'"),
        (answer(b"\0"), "want OK or FOUND, got ''"),
        (answer(b"\xff\xfe\xfd\0"), r"want OK or FOUND, got '\udcff\udcfe\udcfd'"),
        (answer(b"x" * 10**6 + b"\0"), "the answer ends too early: '" + "x" * 80 + "'"),
        (answer(b"stream: Eicar FOU"), "the answer ends too early: 'stream: Eicar FOU'"),
        (answer(b"stream: Eicar FOUND"), "the answer ends too early: 'stream: Eicar FOUND'"),
        (answer(b"stream: OK"), "the answer ends too early: 'stream: OK'"),  # the rest may be ".Trojan FOUND"
        (answer(b""), "closed unanswered"),
        (hang_up, "closed unanswered"),
    ],
)
@pytest.mark.parametrize("size", [1, 2 * 10**6])
def test_anything_else_is_no_answer(
    behaviour: Behaviour, said: str, size: int, tcp: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with FakeClamd(behaviour, tcp=tcp) as clamd:
        with pytest.raises(ClamdUnavailableError, match=re.escape(said)) as raised:
            run(lambda: client_of(clamd).look(b"x" * size), new_loop)
        nobody = clamd.has_nobody()

    assert str(raised.value).startswith(clamd.address + ": ")
    assert nobody


@given(st.binary() | st.builds(lambda name, end: b"stream: " + name + end, st.binary(), st.sampled_from(ENDS)))
def test_only_a_whole_ok_or_found_is_an_answer(said: bytes) -> None:
    line = said.partition(b"\0")[0].strip()

    try:
        names = read_answer(said, "clamd")
    except (ClamdUnavailableError, ClamdSizeLimitError) as error:
        names = None
        told = str(error)

    if names is None:
        assert told.startswith("clamd: ")
        assert len(told) < 600
    else:
        assert b"\0" in said
        assert line.endswith(b" FOUND") == bool(names)
        assert names or line in (b"stream: OK", b"OK")


@pytest.mark.parametrize("limit_bytes", [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES])
def test_the_size_limit_is_told_from_an_absence_every_time(
    limit_bytes: int, tcp: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    data = b"x" * 3_000_000

    async def scan_twenty_times() -> list[str]:
        outcomes = []
        for _ in range(20):
            with pytest.raises((ClamdSizeLimitError, ClamdUnavailableError)) as raised:
                await client_of(clamd).look(data)
            outcomes.append(raised.type.__name__)
        return outcomes

    with FakeClamd(limit_streams_to(limit_bytes), tcp=tcp) as clamd:
        outcomes = run(scan_twenty_times, new_loop)
        nobody = clamd.has_nobody()

    assert outcomes == ["ClamdSizeLimitError"] * 20
    assert nobody


@pytest.mark.parametrize("behaviour", [stay_silent, stall], ids=["silent", "stalled"])
@pytest.mark.parametrize("size", [1, 5 * 10**6])
def test_who_gives_up_waiting_leaves_no_connection(
    behaviour: Behaviour, size: int, tcp: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def scan_impatiently() -> None:
        async with asyncio.timeout(0.1):
            await client_of(clamd).look(b"x" * size)

    with FakeClamd(behaviour, tcp=tcp) as clamd:
        with pytest.raises(TimeoutError):
            run(scan_impatiently, new_loop)
        nobody = clamd.has_nobody()

    assert clamd.connections_seen == 1
    assert nobody


def test_many_scans_at_once_do_not_mix_their_answers(tcp: bool) -> None:
    messages = [b"%d " % number + EICAR * (number % 2) for number in range(60)]

    async def scan_all() -> list[tuple[str, ...]]:
        looks = await asyncio.gather(*(client_of(clamd).look(message) for message in messages))
        return [look.names for look in looks]

    with FakeClamd(tcp=tcp) as clamd:
        found = run(scan_all)
        nobody = clamd.has_nobody()

    assert found == [("Eicar-Test-Signature",) if number % 2 else () for number in range(60)]
    assert nobody


def test_a_clamd_that_is_gone_is_unavailable_at_once(tcp: bool) -> None:
    with FakeClamd(tcp=tcp) as clamd:
        clamd.stop()

        with pytest.raises(ClamdUnavailableError, match=r"No such file|Connect"):
            run(lambda: client_of(clamd).look(b"x"))
        with pytest.raises(ClamdUnavailableError, match=r"No such file|refused"):
            run(lambda: client_of(clamd).version())


def test_a_host_name_is_looked_up() -> None:
    with FakeClamd(tcp=True) as clamd:
        client = ClamdClient(DaemonAddress(host="localhost", port=clamd.port))

        names, version = run(lambda: client.look(EICAR)).names, run(client.version)

    assert names == ("Eicar-Test-Signature",)
    assert version == VERSION.decode().strip()


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Yield a TCP port that takes no more connections, and refuses none."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_connection_that_does_not_come_about_is_waited_for_two_seconds() -> None:
    async def ask_both() -> tuple[object, object]:
        return await asyncio.gather(client.look(b"x"), client.version(), return_exceptions=True)

    with black_hole() as port:
        client = ClamdClient(DaemonAddress(host="127.0.0.1", port=port))
        scanned, version = run(ask_both)

    assert isinstance(scanned, ClamdUnavailableError)
    assert str(scanned) == f"tcp:127.0.0.1:{port}: no connection in 2 s"
    assert isinstance(version, ClamdUnavailableError)


@contextlib.contextmanager
def full_queue(folder: Path) -> Iterator[socket.socket]:
    """Yield a listening unix socket on which one connection more waits than it takes at once."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(folder / "clamd"))
        listener.listen(0)
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
        waiting.connect(listener.getsockname())
        yield listener


def test_a_full_queue_of_connections_is_waited_for_and_then_told(tmp_path: Path) -> None:
    with full_queue(tmp_path) as listener:
        client = ClamdClient(DaemonAddress(path=listener.getsockname()))

        with pytest.raises(ClamdUnavailableError, match=r"no connection in 2 s\Z"):
            run(lambda: client.look(b"x"))


def test_a_place_that_comes_free_in_the_queue_is_taken(tmp_path: Path) -> None:
    async def ask() -> tuple[str, ...]:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(client.look(b"x"))
            await asyncio.sleep(0.05)
            listener.accept()[0].close()  # the one that waited before
            clamd = (await asyncio.to_thread(listener.accept))[0]
            with clamd:
                await asyncio.to_thread(clamd.recv, 64)
                clamd.sendall(b"stream: OK\0")
                return (await asking).names

    with full_queue(tmp_path) as listener:
        client = ClamdClient(DaemonAddress(path=listener.getsockname()))

        names = run(ask)

    assert names == ()


def test_the_version_is_told(tcp: bool) -> None:
    with FakeClamd(tcp=tcp) as clamd:
        version = run(lambda: client_of(clamd).version())
        nobody = clamd.has_nobody()

    assert version == "ClamAV 1.4.6/28039/Thu Jun  6 08:29:36 2024"
    assert nobody


@pytest.mark.parametrize(
    "behaviour", [hang_up, answer(b""), answer(b"\xff\xfe\n"), answer(b"UNKNOWN COMMAND. ERROR\n")]
)
def test_a_version_that_is_not_told_is_unavailable(behaviour: Behaviour, tcp: bool) -> None:
    with FakeClamd(behaviour, tcp=tcp) as clamd:
        with pytest.raises(ClamdUnavailableError, match=re.escape(clamd.address)):
            run(lambda: client_of(clamd).version())
        nobody = clamd.has_nobody()

    assert nobody


def dribble_version(conversation: Conversation) -> None:
    """Say a byte now and then, so that no wait for one byte is over."""
    conversation.read_command()
    for _ in range(60):
        conversation.say(b"C")
        time.sleep(0.25)


def test_a_version_that_has_no_end_is_given_up_and_leaves_no_thread_behind(tcp: bool) -> None:
    with FakeClamd(dribble_version, tcp=tcp) as clamd:
        with pytest.raises(ClamdUnavailableError, match="no version in 5 s"):
            run(lambda: client_of(clamd).version())
        nobody = clamd.has_nobody()

    assert nobody
