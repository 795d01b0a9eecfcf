"""Programs that the bench starts: their output, their end, and what they cost, from /proc (proc(5))."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_LIMIT_SECONDS = 20.0
STOP_LIMIT_SECONDS = 15.0  # a drain of the shim or of the service ends before
POLL_SECONDS = 0.002
LOG_LINES_SHOWN = 8


class ProgramFailedError(Exception):
    """A program ended, or was not ready in time; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """One line of /proc/PID/stat, as far as it tells of the parent and of processor time."""

    parent: int
    cpu_ticks: int


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs, with all processes below it."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready_seconds: float

    def process_ids(self) -> tuple[int, ...]:
        return tree_of(self.process.pid, read_process_times())

    def cpu_seconds(self) -> float:
        """Processor time of the whole tree so far; a child that has ended counts with its parent."""
        times = read_process_times()
        ticks = sum(times[pid].cpu_ticks for pid in tree_of(self.process.pid, times))
        return ticks / TICKS_PER_SECOND

    def memory_bytes(self) -> int:
        """Proportional set size: pages that processes share are counted once."""
        return sum(map(read_pss_bytes, self.process_ids()))


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    directory: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Start a program in its own directory, wait until it is ready, and stop it at the end.

    Raises:
        ProgramFailedError: it ended or was not ready within 20 seconds.
    """
    log = directory / f"{name}.log"
    started = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=None if environment is None else {**os.environ, **environment},
            stdin=subprocess.PIPE,  # an end of file there stops a courierfilter
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that Ctrl-C reaches only the bench, which stops all in order
        )
    try:
        await_readiness(name, process, log, is_ready)
        yield Program(name, process, log, time.perf_counter() - started)
    finally:
        stop(process)


def await_readiness(name: str, process: subprocess.Popen[bytes], log: Path, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while not is_ready():
        if process.poll() is not None:
            raise ProgramFailedError(f"{name}: ended with status {process.returncode}\n{last_lines(log)}")
        if time.monotonic() > deadline:
            raise ProgramFailedError(f"{name}: not ready after {START_LIMIT_SECONDS:.0f} s\n{last_lines(log)}")
        time.sleep(POLL_SECONDS)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program by SIGTERM, and whatever of its tree is left after a while by SIGKILL."""
    descendants = tree_of(process.pid, read_process_times())
    process.terminate()
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in descendants:
        if session_of(pid) == process.pid:  # the number may belong to a stranger by now
            os.kill(pid, 9)


def session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n".join(f"    {line}" for line in lines)


def read_process_times() -> dict[int, ProcessTimes]:
    """Every process of the machine, by its number."""
    times = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                times[int(entry.name)] = parse_stat(Path(entry.path, "stat").read_bytes())
    return times


def parse_stat(line: bytes) -> ProcessTimes:
    # The command's name, in parentheses, may hold spaces and parentheses.
    fields = line.rpartition(b")")[2].split()
    return ProcessTimes(parent=int(fields[1]), cpu_ticks=sum(map(int, fields[11:15])))


def tree_of(root: int, times: Mapping[int, ProcessTimes]) -> tuple[int, ...]:
    """This process, if it is alive, and its descendants."""
    if root not in times:
        return ()
    children = (pid for pid, process in times.items() if process.parent == root)
    return (root, *(pid for child in children for pid in tree_of(child, times)))


def read_pss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def machine_busy_seconds() -> float:
    """Processor time that all processors together have spent, by whomever."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
