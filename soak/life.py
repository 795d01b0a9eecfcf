"""How long the shim takes to start and to stop."""

import os
import select
import statistics
import threading
import time
from collections.abc import Iterator, Sequence

from soak.idle_scanner import NEVER
from soak.plan import Plan
from soak.progress import Progress
from soak.row import Row
from soak.shim_alone import ShimAlone, mail_host_with_idle_scanner
from tests.fakes.courier_queue import MESSAGE, control_file
from tests.fakes.shim_program import PATIENCE_SECONDS, MailHost
from tests.scenarios.waiting import wait_until

_START_LIMIT_SECONDS = 0.3
_IDLE_STOP_LIMIT_SECONDS = 0.1
_HARD_STOP_LIMIT_SECONDS = 10.0
_OF_A_MESSAGE = 3  # descriptors: its connection, its file, the connection to the scanner


def prove_life(plan: Plan, progress: Progress) -> Iterator[Row]:
    with mail_host_with_idle_scanner() as host:
        starts, stops = zip(*(_start_and_stop(host) for _ in range(plan.times)), strict=True)
        yield _row("start to socket", starts, min(starts), _START_LIMIT_SECONDS)
        yield _row("stop, nothing in hand", stops, min(stops), _IDLE_STOP_LIMIT_SECONDS)
        hard = [stop_amid_a_message(host) for _ in range(max(1, plan.times // 4))]
        progress.say(f"life: stopped {len(hard)} times amid a message")
        yield _row("stop, scanner silent", hard, max(hard), _HARD_STOP_LIMIT_SECONDS)


def stop_amid_a_message(host: MailHost) -> float:
    """Return the seconds from SIGTERM to the end of the shim while the scanner never answers."""
    with ShimAlone(host) as shim:
        replies: list[bytes] = []
        client = threading.Thread(
            target=lambda: replies.append(shim.send(MESSAGE, control_file(sender=NEVER.encode())))
        )
        before = shim.descriptors()
        client.start()
        wait_until(lambda: shim.descriptors() >= before + _OF_A_MESSAGE, PATIENCE_SECONDS, "a message in hand")
        seconds = _stop(shim)
        client.join()
    assert replies == [b"432 4.3.2 Mail filter is stopping, try again later\n"]
    return seconds


def _start_and_stop(host: MailHost) -> tuple[float, float]:
    with ShimAlone(host) as shim:
        return shim.socket_seconds, _stop(shim)


def _stop(shim: ShimAlone) -> float:
    """Wait on the process itself: Popen.wait with a limit looks only every 50 ms."""
    process = os.pidfd_open(shim.process.pid)
    try:
        started = time.perf_counter()
        shim.ask_to_stop()
        select.select([process], [], [], PATIENCE_SECONDS)
        seconds = time.perf_counter() - started
    finally:
        os.close(process)
    assert shim.wait_for_end() == 0
    return seconds


def _row(name: str, seconds: Sequence[float], judged: float, limit: float) -> Row:
    figures = {
        "times": len(seconds),
        "best s": round(min(seconds), 3),
        "median s": round(statistics.median(seconds), 3),
        "worst s": round(max(seconds), 3),
        "limit s": limit,
    }
    return Row(name, figures, [] if judged <= limit else [f"{judged:.3f} s, want at most {limit:g}"])
