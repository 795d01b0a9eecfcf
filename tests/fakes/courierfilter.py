"""Courier's courierfilter in small: ``python -m tests.fakes.courierfilter ACTIVE STATE``.

It holds the lock, starts what is in ``active`` with two pipes, and at SIGHUP stops what is gone there and removes
the sockets that it does not know (``filters/courierfilter.c``, ``sighup``). At SIGTERM it stops everything and ends.
"""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path


def main() -> None:
    active, state = Path(sys.argv[1]), Path(sys.argv[2])
    running: dict[str, subprocess.Popen[bytes]] = {}
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
    _reserve_descriptor_3()
    with (state / "filters/.lock").open("wb") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        print("ready", flush=True)
        _reconcile(active, state, running)
        while signal.sigwait({signal.SIGHUP, signal.SIGTERM}) == signal.SIGHUP:
            _reconcile(active, state, running)
        for name in list(running):
            _stop(running.pop(name))


def _reconcile(active: Path, state: Path, running: dict[str, "subprocess.Popen[bytes]"]) -> None:
    wanted = {link.name for link in active.iterdir() if link.exists()}
    for name in running.keys() - wanted:
        _stop(running.pop(name))
    for name in wanted - running.keys():
        running[name] = _start(active / name)
    for directory in ("filters", "allfilters"):
        for path in (state / directory).iterdir():
            if not path.name.startswith(".") and not path.is_dir() and path.name not in wanted:
                path.unlink()


def _start(link: Path) -> "subprocess.Popen[bytes]":
    reading, writing = os.pipe()
    os.dup2(writing, 3)
    try:
        return subprocess.Popen([link], stdin=subprocess.PIPE, stdout=sys.stderr, pass_fds=[3])
    finally:
        _reserve_descriptor_3()
        os.close(reading)
        os.close(writing)


def _reserve_descriptor_3() -> None:
    """Keep it for the filters: nothing of ours may come to be there."""
    null = os.open(os.devnull, os.O_RDONLY)
    if null != 3:
        os.dup2(null, 3)
        os.close(null)


def _stop(filter_: "subprocess.Popen[bytes]") -> None:
    assert filter_.stdin is not None
    filter_.stdin.close()
    filter_.wait()


if __name__ == "__main__":
    main()
