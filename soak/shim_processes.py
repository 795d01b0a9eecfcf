"""The shim's processes under the real courierfilter: who they are, and what a worker has in its hands."""

import os
import random
import signal
from pathlib import Path

from tests.scenarios.courier_mta import FILTER_SOCKET, CourierMta
from tests.scenarios.process_list import command_line
from tests.scenarios.waiting import wait_until

_CHANGE_LIMIT_SECONDS = 60
_CONNECTED = "03"  # linux/net.h, SS_CONNECTED, in the column St of /proc/net/unix


def parent_of(courier: CourierMta) -> int:
    return next(pid for pid in courier.filter_processes() if not _is_worker(pid))


def workers_of(courier: CourierMta) -> set[int]:
    return {pid for pid in courier.filter_processes() if _is_worker(pid)}


def reload_shim(courier: CourierMta) -> None:
    """Send SIGHUP; return when only new workers serve."""
    before = workers_of(courier)
    os.kill(parent_of(courier), signal.SIGHUP)
    wait_until(
        lambda: bool(now := workers_of(courier)) and not now & before,
        _CHANGE_LIMIT_SECONDS,
        "new workers in place of the old ones",
    )


def kill_parent(courier: CourierMta) -> None:
    os.kill(parent_of(courier), signal.SIGKILL)


def kill_worker(courier: CourierMta) -> int:
    """Kill one worker, as soon as there is any; return how many messages it had in its hands."""
    wait_until(lambda: bool(workers_of(courier)), _CHANGE_LIMIT_SECONDS, "a worker")
    worker = random.choice(sorted(workers_of(courier)))
    os.kill(worker, signal.SIGSTOP)  # so that nothing changes while we count
    wait_until(lambda: _state_of(worker) in "TZX", _CHANGE_LIMIT_SECONDS, "a worker that stands still")
    held = _held_by(worker)
    os.kill(worker, signal.SIGKILL)
    return held


def _is_worker(pid: int) -> bool:
    return "worker" in command_line(pid).split("\0")


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _held_by(worker: int) -> int:
    """Count the connections that it took: a socket that was accepted bears the path to which the listener was bound.

    That is the hidden one; it was renamed since.
    """
    taken = {
        f"socket:[{columns[6]}]"
        for columns in map(str.split, Path("/proc/net/unix").read_text().splitlines())
        if columns[-1] == str(FILTER_SOCKET.with_name(f".{FILTER_SOCKET.name}")) and columns[5] == _CONNECTED
    }
    return sum(str(entry.readlink()) in taken for entry in Path(f"/proc/{worker}/fd").iterdir())
