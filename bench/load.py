"""The load driver: one process, one thread for each client, nothing prepared while the clock runs."""

import collections
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPLY_LIMIT_SECONDS = 60.0
REPLY_LIMIT_BYTES = 4096


class WrongReplyError(Exception):
    """A target answered a message otherwise than it must, so that its numbers would mean nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a driver saw: the time of every exchange, the wall clock, and its own processor time."""

    latencies_ms: Sequence[float]
    elapsed_seconds: float
    driver_cpu_seconds: float

    @property
    def messages(self) -> int:
        return len(self.latencies_ms)

    @property
    def messages_per_second(self) -> float:
        return self.messages / self.elapsed_seconds

    def percentile_ms(self, percent: int) -> float:
        """The nearest-rank percentile."""
        ranked = sorted(self.latencies_ms)
        return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]


def drive(ask: Callable[[bytes], None], requests: Sequence[bytes], clients: int, limit_seconds: float) -> Load:
    """Send requests with so many clients until the time is over or no request is left.

    Raises:
        WrongReplyError: `ask` got an answer that it must not get.
        OSError: `ask` got none.
    """
    waiting = collections.deque(requests)
    start = threading.Barrier(clients + 1)
    with ThreadPoolExecutor(clients) as pool:
        workers = [pool.submit(ask_in_turn, ask, waiting, start, limit_seconds) for _ in range(clients)]
        start.wait()
        cpu_before, started = time.process_time(), time.perf_counter()
        latencies = [latency for worker in workers for latency in worker.result()]
        elapsed, cpu_after = time.perf_counter() - started, time.process_time()
    return Load(latencies, elapsed, cpu_after - cpu_before)


def ask_in_turn(
    ask: Callable[[bytes], None],
    waiting: collections.deque[bytes],
    start: threading.Barrier,
    limit_seconds: float,
) -> list[float]:
    """One client's work: the time of each of its exchanges in milliseconds."""
    latencies = []
    start.wait()
    deadline = time.perf_counter() + limit_seconds
    while time.perf_counter() < deadline:
        try:
            request = waiting.popleft()
        except IndexError:  # the messages ran out before the time
            break
        began = time.perf_counter()
        ask(request)
        latencies.append((time.perf_counter() - began) * 1000)
    return latencies


def exchange(socket_path: Path, request: bytes) -> bytes:
    """Connect, ask, and read the reply up to its first line end, or to the end of the stream."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(REPLY_LIMIT_SECONDS)
        connection.connect(str(socket_path))
        connection.sendall(request)
        reply = b""
        while not reply.endswith(b"\n") and len(reply) < REPLY_LIMIT_BYTES:
            received = connection.recv(REPLY_LIMIT_BYTES)
            if not received:
                break
            reply += received
        return reply
