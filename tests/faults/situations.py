"""The rows of the matrix: what is wrong, how it is played at the filter socket, and what the shim must answer.

Every message holds the EICAR test file: a filter that lets it pass has let a virus pass.
"""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.processes import ProgramFailedError, read_process_times, tree_of
from tests.fakes.clamd import EICAR
from tests.fakes.courier_queue import CourierQueue, control_file
from tests.faults import engines
from tests.faults.engines import HEALTHY, Engine
from tests.faults.filters import Circumstances, Heard, RunningFilter, Side, read_line

CROWD = 200
SETTLE_SECONDS = 10.0
PAGE_BYTES = 4096
LIMIT_BYTES = 5000
LONG_DEADLINE: dict[str, object] = {"deadline_seconds": 60}
SPARE_MEMORY_BYTES = 8 * 2**20
TINY_FILE_SYSTEM = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k tiny "$0" && exec "$@"')
# Root reads every file but for these capabilities; who is not root has none of them.
AS_A_MERE_OWNER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()

REJECTED = "550 5.7.1 Message content rejected, id=b7kQ2sX9aLmP - INFECTED: Eicar-Test-Signature"
NOT_CHECKED = "451 4.3.0 Message could not be checked, try again later"
STOPPING = "432 4.3.2 Mail filter is stopping, try again later"
TOO_BIG = "552 5.3.4 Message too big for the mail filter"
NO_SOCKET = "no filter socket"
NOT_LISTENING = "no connection (Connection refused)"
ENDED = "it ended"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. What is left over is None where the filter has ended."""

    reply: str
    seconds: float
    log: tuple[str, ...]
    descriptors_left: int | None = None
    files_left: int | None = None
    note: str = ""


Play = Callable[[Side], Outcome]
MakeRequest = Callable[[RunningFilter], bytes]


@dataclass(frozen=True, slots=True)
class Situation:
    """One row: what the shim answers, and a part of what it logs, the reason.

    ``beside`` is its reply with a healthy scanner beside the sick one, for rows about a sick scanner.
    """

    name: str
    play: Play
    reply: str = NOT_CHECKED
    logged: str = ""
    beside: str | None = None
    log_lines: int = 1
    for_pythonfilter: bool = True
    needs_root: bool = False


# How a row is played ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observed:
    """A running filter, and how many descriptors it held before the situation."""

    running: RunningFilter
    descriptors: int

    def after(self, heard: Heard, note: str = "") -> Outcome:
        """End the engine, so that connections to it are no excuse, and see what is left."""
        self.running.end_engine()
        return Outcome(
            heard.reply,
            heard.seconds,
            self.running.log(),
            self._descriptors_left(),
            len(self.running.strange_files()),
            note,
        )

    def _descriptors_left(self) -> int:
        end = time.monotonic() + SETTLE_SECONDS
        while (left := self.running.descriptors() - self.descriptors) and time.monotonic() < end:
            time.sleep(0.02)
        return left


@contextlib.contextmanager
def observing(side: Side, circumstances: Circumstances) -> Iterator[Observed]:
    with side.running(circumstances) as running:
        yield Observed(running, running.descriptors())


def message_of(size: int) -> bytes:
    """Return an infected message of so many bytes."""
    head = b"Subject: hello\nFrom: s@remote.example\n\n" + EICAR + b"\n"
    line = b"x" * 75 + b"\n"
    return (head + line * (size // len(line) + 1))[: size - 1] + b"\n"


MESSAGE = message_of(1000)


def infected(running: RunningFilter) -> bytes:
    return running.queue.put(MESSAGE)


def infected_of(size: int) -> MakeRequest:
    return lambda running: running.queue.put(message_of(size))


def ask(
    engine: Engine = HEALTHY, request: MakeRequest = infected, prefix: Sequence[str] = (), **settings: object
) -> Play:
    """Ask about one message."""

    def play(side: Side) -> Outcome:
        with observing(side, Circumstances(engine, settings, prefix)) as observed:
            return observed.after(observed.running.ask(request(observed.running), side.pace.patience_seconds))

    return play


# Courier's files -------------------------------------------------------------------------------------------------


def with_data_file(spoil: Callable[[Path], object]) -> MakeRequest:
    def put(running: RunningFilter) -> bytes:
        request = running.queue.put(MESSAGE)
        spoil(Path(os.fsdecode(request.split(b"\n")[0])))
        return request

    return put


def make_unreadable(path: Path) -> None:
    path.chmod(0)


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def with_control_file(content: bytes) -> MakeRequest:
    return lambda running: running.queue.put(MESSAGE, content)


def on_a_full_disk(engine: Engine) -> Play:
    """Have the spool on a file system of 64 KiB, and fill it when the message is there."""

    def play(side: Side) -> Outcome:
        place = side.folder / "tiny"
        place.mkdir()
        with observing(side, Circumstances(engine, prefix=(*TINY_FILE_SYSTEM, str(place)))) as observed:
            # As the filter sees it; what it is told to read is the same path.
            spool = Path(f"/proc/{observed.running.process.pid}/root{place}")
            there = replace(observed, running=replace(observed.running, spool=spool, queue=CourierQueue(spool)))
            request = there.running.queue.put(MESSAGE, full_page(control_file(recipients=(b"a@x.example", b"b@x"))))
            fill(spool / "D0")
            return there.after(there.running.ask(request, side.pace.patience_seconds))

    return play


def full_page(control: bytes) -> bytes:
    """Lengthen it to a page, so that the next byte needs another one."""
    return control + b"OFILLED=" + b"x" * (PAGE_BYTES - len(control) - len(b"OFILLED=\n")) + b"\n"


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(PAGE_BYTES)):
            pass


# Submit, and whoever else connects -------------------------------------------------------------------------------


def leave_before_the_reply(side: Side) -> Outcome:
    """One client goes; the reply is that to the next message."""
    with observing(side, Circumstances(engines.SLOW)) as observed:
        running = observed.running
        with running.connect(side.pace.patience_seconds) as connection:
            connection.sendall(infected(running))
        wait_until(lambda: len(running.log()) > 0, side.pace.patience_seconds)
        return observed.after(running.ask(infected(running), side.pace.patience_seconds))


def connect_and_say_nothing(side: Side) -> Outcome:
    """Ask about a message while a crowd is connected; note when the filter has had enough of them."""
    with observing(side, Circumstances()) as observed, contextlib.ExitStack() as crowd:
        running = observed.running
        asked = time.monotonic()
        silent = [crowd.enter_context(running.connect(side.pace.patience_seconds)) for _ in range(CROWD)]
        heard = running.ask(infected(running), side.pace.patience_seconds)
        try:
            for connection in silent:
                read_line(connection)
            note = f"the silent were answered after {time.monotonic() - asked:.1f} s"
        except TimeoutError:
            note = f"the silent were still connected after {side.pace.patience_seconds:g} s"
        crowd.close()
        return observed.after(heard, note)


def connect_and_leave(side: Side) -> Outcome:
    with observing(side, Circumstances()) as observed:
        for _ in range(CROWD):
            observed.running.connect(side.pace.patience_seconds).close()
        return observed.after(observed.running.ask(infected(observed.running), side.pace.patience_seconds))


# The program -----------------------------------------------------------------------------------------------------


def raise_unexpectedly(side: Side) -> Outcome:
    """The shim runs out of memory over a long control file; pythonfilter's clamd names a virus in Latin-1."""
    with observing(side, Circumstances(engines.UNEXPECTED)) as observed:
        if side.name != "pythonfilter":
            for process in children_of(observed.running):
                limit_memory(process)
        request = with_control_file(control_file() + b"O" + b"x" * (2 * SPARE_MEMORY_BYTES - 1000))(observed.running)
        return observed.after(observed.running.ask(request, side.pace.patience_seconds))


def limit_memory(process: int) -> None:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + SPARE_MEMORY_BYTES
    resource.prlimit(process, resource.RLIMIT_AS, (limit, limit))


def start_with_broken_settings(side: Side) -> Outcome:
    asked = time.monotonic()
    try:
        with observing(side, Circumstances(broken_settings=True)) as observed:
            return observed.after(observed.running.ask(infected(observed.running), side.pace.patience_seconds))
    except ProgramFailedError:
        return Outcome(NO_SOCKET, time.monotonic() - asked, (), note="Courier passes all mail then")


def kill_who_has_the_message(side: Side) -> Outcome:
    """Kill the process that asks a silent engine; the reply is that to the next message, which is judged."""
    with observing(side, Circumstances(engines.SILENT_ONCE, LONG_DEADLINE)) as observed:
        running = observed.running
        with running.connect(side.pace.patience_seconds) as connection:
            connection.sendall(infected(running))
            wait_until(lambda: running.descriptors() >= observed.descriptors + 2, side.pace.patience_seconds)
            workers = children_of(running)
            for process in workers or [running.process.pid]:
                os.kill(process, signal.SIGKILL)
            read_line(connection)
        if not workers:
            running.process.wait()
        heard = running.ask(infected(running), side.pace.patience_seconds)
        if not workers:
            return Outcome(heard.reply, heard.seconds, running.log(), note="Courier answers 432 from then on")
        return observed.after(heard)


def kill_the_program(side: Side) -> Outcome:
    with observing(side, Circumstances()) as observed:
        running = observed.running
        running.process.kill()
        running.process.wait()
        wait_until(lambda: not is_listening(running), side.pace.patience_seconds)
        heard = running.ask(infected(running), side.pace.patience_seconds)
        return Outcome(heard.reply, heard.seconds, running.log(), note="Courier answers 432 from then on")


def stop_amid_a_scan(side: Side) -> Outcome:
    with observing(side, Circumstances(engines.SILENT, LONG_DEADLINE)) as observed:
        running = observed.running
        with running.connect(side.pace.patience_seconds) as connection:
            connection.sendall(infected(running))
            wait_until(lambda: running.descriptors() >= observed.descriptors + 2, side.pace.patience_seconds)
            asked = time.monotonic()
            running.ask_to_stop()
            heard = Heard(read_line(connection), time.monotonic() - asked)
        running.process.wait(side.pace.patience_seconds)
        return replace(end_of(running, asked), reply=heard.reply, seconds=heard.seconds)


def stop_when_idle(side: Side) -> Outcome:
    with observing(side, Circumstances()) as observed:
        asked = time.monotonic()
        observed.running.ask_to_stop()
        observed.running.process.wait(side.pace.patience_seconds)
        return end_of(observed.running, asked)


def end_of(running: RunningFilter, asked: float) -> Outcome:
    seconds = time.monotonic() - asked
    socket = "stays" if running.socket_path.exists() else "is gone: Courier passes all mail then"
    return Outcome(ENDED, seconds, running.log(), note=f"ended after {seconds:.1f} s; its socket {socket}")


def children_of(running: RunningFilter) -> list[int]:
    return [one for one in tree_of(running.process.pid, read_process_times()) if one != running.process.pid]


def is_listening(running: RunningFilter) -> bool:
    try:
        running.connect(1.0).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], limit_seconds: float) -> None:
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end, "what the situation waits for did not come"
        time.sleep(0.02)


SICK_SCANNER = (
    Situation("it refuses connections", ask(engines.DOWN), logged="Connect call failed", beside=REJECTED),
    Situation("it accepts and says nothing", ask(engines.SILENT), logged="no answer", beside=REJECTED),
    Situation("it says garbage", ask(engines.GARBAGE), logged="not HTTP: illegal", beside=REJECTED),
    Situation(
        "its reply is cut off in the header",
        ask(engines.HEAD_CUT),
        logged="peer unexpectedly closed",
        beside=REJECTED,
    ),
    Situation(
        "its reply is cut off in the body",
        ask(engines.BODY_CUT),
        logged="received 11 bytes, expected 900",
        beside=REJECTED,
    ),
    Situation("its reply is 10 MB long", ask(engines.ENDLESS), logged="want at most", beside=REJECTED),
    Situation(
        "it answers 401", ask(engines.answering(401)), logged=": 401 ", beside=NOT_CHECKED, for_pythonfilter=False
    ),
    Situation(
        "it answers 413",
        ask(engines.answering(413)),
        TOO_BIG,
        logged=": 413 ",
        beside=TOO_BIG,
        for_pythonfilter=False,
    ),
    Situation(
        "it answers 429", ask(engines.answering(429)), logged=": 429 ", beside=REJECTED, for_pythonfilter=False
    ),
    Situation("it answers 500", ask(engines.BROKEN), logged=": 500 ", beside=REJECTED),
    Situation(
        "it answers 503 with Retry-After",
        ask(engines.BUSY),
        logged=": 503 ",
        beside=REJECTED,
        for_pythonfilter=False,
    ),
    Situation(
        "it closes amid the message", ask(engines.HANGS_UP, infected_of(2**20)), logged="onnection", beside=REJECTED
    ),
    Situation(
        "its certificate is not trusted",
        ask(engines.UNTRUSTED),
        logged="CERTIFICATE_VERIFY_FAILED",
        beside=REJECTED,
        for_pythonfilter=False,
    ),
    Situation(
        "it speaks HTTP where TLS is wanted",
        ask(engines.PLAIN),
        logged="WRONG_VERSION_NUMBER",
        beside=REJECTED,
        for_pythonfilter=False,
    ),
)
MESSAGES = (
    Situation("an infected message of 1.3 MB", ask(request=infected_of(1_300_000)), REJECTED),
    Situation("an infected message of 30 MB", ask(request=infected_of(30_000_000)), REJECTED),
    *(
        Situation(
            f"a message of `max_message_bytes` {more:+d}",
            ask(request=infected_of(LIMIT_BYTES + more), max_message_bytes=LIMIT_BYTES),
            TOO_BIG if more > 0 else REJECTED,
            for_pythonfilter=False,
        )
        for more in (-1, 0, 1)
    ),
)
FILES = (
    Situation(
        "the data file must not be read",
        ask(request=with_data_file(make_unreadable), prefix=AS_A_MERE_OWNER),
        logged="Permission denied",
    ),
    Situation("the data file is not there", ask(request=with_data_file(Path.unlink)), logged="No such file"),
    Situation("the data file is a FIFO", ask(request=with_data_file(make_fifo)), logged="want a regular file"),
    Situation(
        "the control file is garbage", ask(request=with_control_file(bytes(range(256)) * 4)), logged="want a record"
    ),
    Situation("the control file is empty", ask(request=with_control_file(b"")), logged="want a record"),
    Situation(
        "the control file has 17 MB",
        ask(request=with_control_file(control_file() + b"x" * 17_000_000)),
        logged="want at most",
    ),
    Situation(
        "the disk is full when a header field is added",
        on_a_full_disk(engines.TAGGING),
        logged="No space left on device",
        for_pythonfilter=False,
        needs_root=True,
    ),
    Situation(
        "the disk is full when a recipient is removed",
        on_a_full_disk(engines.SPARING),
        logged="No space left on device",
        for_pythonfilter=False,
        needs_root=True,
    ),
)
CLIENTS = (
    Situation("`submit` goes before the reply; then the next message", leave_before_the_reply, REJECTED, log_lines=2),
    Situation(
        f"{CROWD} connections that say nothing, and a message", connect_and_say_nothing, REJECTED, log_lines=CROWD + 1
    ),
    Situation(f"{CROWD} connections opened and closed, then a message", connect_and_leave, REJECTED),
)
PROGRAM = (
    Situation("an error that nobody expected", raise_unexpectedly, logged="bug: "),
    Situation("settings that cannot be used, at the start", start_with_broken_settings, logged="settings refused"),
    Situation("SIGKILL to who has a message; then the next one", kill_who_has_the_message, REJECTED),
    Situation("SIGKILL to the program; then a message", kill_the_program, NOT_LISTENING, log_lines=0),
    Situation(
        "told to stop while the scanner is silent",
        stop_amid_a_scan,
        STOPPING,
        logged="stopped before there was a verdict",
    ),
    Situation("told to stop when idle", stop_when_idle, ENDED, log_lines=0),
)
GROUPS = {
    "The scanner (pythonfilter: its clamd)": SICK_SCANNER,
    "The message": MESSAGES,
    "Courier's files": FILES,
    "Who connects": CLIENTS,
    "The filter itself": PROGRAM,
}
SITUATIONS = tuple(situation for group in GROUPS.values() for situation in group)
