"""What many messages, big ones and silent connections leave behind in the shim: nothing."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

from bench.processes import read_pss_bytes
from soak.idle_scanner import CLIENTS, EDITED, TOGETHER
from soak.plan import Plan
from soak.progress import Progress
from soak.row import Row
from soak.shim_alone import ShimAlone, mail_host_with_idle_scanner
from tests.fakes.courier_queue import MESSAGE, control_file
from tests.fakes.submit import connect, submit
from tests.scenarios.waiting import wait_until

MEGABYTE = 1e6
_EDITED_EACH = 10
_WARM_UP_SHARE = 10
_SETTLE_SECONDS = 15
_SAMPLE_SECONDS = 0.02
_MOST_GROWTH_BYTES = 2 * MEGABYTE
_MOST_MEMORY_BYTES = 45 * MEGABYTE
_BIG_BYTES = 100 * 2**20
_SILENT = 200
_OK = b"200 2.0.0 Ok\n"


def prove_leaks(plan: Plan, progress: Progress) -> Iterator[Row]:
    with mail_host_with_idle_scanner() as host:
        with ShimAlone(host) as shim:
            yield prove_many_messages(shim, plan.messages, progress)
            yield prove_silent_connections(shim, _SILENT)
        with ShimAlone(host) as shim:
            yield prove_big_messages(shim, _BIG_BYTES)


def prove_many_messages(shim: ShimAlone, count: int, progress: Progress) -> Row:
    """Every tenth message gets a header field, and so a new file."""
    _send_many(shim, count // _WARM_UP_SHARE, progress)
    descriptors, memory = _descriptors_at_rest(shim), _memory(shim)
    started = time.monotonic()
    answered = _send_many(shim, count, progress)
    seconds = time.monotonic() - started
    descriptors_after, memory_after = _descriptors_at_rest(shim, descriptors), _memory(shim)
    faults = []
    if answered != count:
        faults.append(f"{answered} of {count} accepted")
    if descriptors_after != descriptors:
        faults.append(f"descriptors: {descriptors} before, {descriptors_after} after")
    if memory_after - memory > _MOST_GROWTH_BYTES:
        faults.append("memory grew")
    figures = {
        "messages": answered,
        "seconds": round(seconds),
        "descriptors before": descriptors,
        "descriptors after": descriptors_after,
        "MB before": _megabytes(memory),
        "MB after": _megabytes(memory_after),
    }
    return Row("many messages", figures, faults)


def prove_silent_connections(shim: ShimAlone, count: int) -> Row:
    """Connections that say nothing, connections that come and go, and real messages between them."""
    _burst(shim)
    before = _descriptors_at_rest(shim)
    answered = 0
    with ExitStack() as silent:
        for _ in range(count):
            silent.enter_context(connect(shim.host.filter_socket))
            connect(shim.host.filter_socket).close()
            answered += shim.send(MESSAGE, control_file()) == _OK
    _burst(shim)
    after = _descriptors_at_rest(shim, before)
    faults = [f"{answered} of {count} real messages accepted"] if answered != count else []
    if after != before:
        faults.append(f"descriptors: {before} before, {after} after")
    figures = {"messages": answered, "silent": count, "descriptors before": before, "descriptors after": after}
    return Row("silent connections", figures, faults)


def prove_big_messages(shim: ShimAlone, size: int) -> Row:
    """Eight at once, each read from the same file."""
    request = shim.host.queue.put(MESSAGE + b"x" * (size - len(MESSAGE)))
    before = _memory(shim)
    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = [clients.submit(submit, shim.host.filter_socket, request) for _ in range(CLIENTS)]
        peak = before
        while not all(reply.done() for reply in replies):
            peak = max(peak, _memory(shim))
            time.sleep(_SAMPLE_SECONDS)
    answered = sum(reply.result() == _OK for reply in replies)
    faults = [f"{answered} of {CLIENTS} accepted"] if answered != CLIENTS else []
    if peak > _MOST_MEMORY_BYTES:
        faults.append(f"{_megabytes(peak)} MB, want at most {_megabytes(_MOST_MEMORY_BYTES)}")
    figures = {
        "messages": answered,
        "seconds": round(time.monotonic() - started, 1),
        "MB before": _megabytes(before),
        "MB at most": _megabytes(peak),
    }
    return Row(f"{CLIENTS} x {size // 2**20} MiB at once", figures, faults)


def _send_many(shim: ShimAlone, count: int, progress: Progress) -> int:
    """Return how many were accepted."""
    plain, edited = control_file(), control_file(sender=EDITED.encode())
    answered = 0
    with ThreadPoolExecutor(CLIENTS) as clients:
        numbers = range(count)
        for number, reply in enumerate(
            clients.map(lambda n: shim.send(MESSAGE, plain if n % _EDITED_EACH else edited), numbers)
        ):
            answered += reply == _OK
            progress.step("many messages", number, count)
    _burst(shim)
    return answered


def _burst(shim: ShimAlone) -> None:
    """Have eight messages in hand at once: so many connections to the scanner are kept then, no more and no less."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        together = [control_file(sender=TOGETHER.encode())] * CLIENTS
        assert list(clients.map(lambda control: shim.send(MESSAGE, control), together)) == [_OK] * CLIENTS


def _descriptors_at_rest(shim: ShimAlone, want: int | None = None) -> int:
    """Return how many are open once nothing changes, or, if given, as soon as it is that many."""
    seen = [shim.descriptors()]

    def is_at_rest() -> bool:
        time.sleep(0.2)
        seen.append(shim.descriptors())
        return seen[-1] == (seen[-2] if want is None else want)

    with suppress(TimeoutError):  # what it is then is what will be reported
        wait_until(is_at_rest, _SETTLE_SECONDS, "rest")
    return seen[-1]


def _memory(shim: ShimAlone) -> int:
    return sum(map(read_pss_bytes, shim.processes()))


def _megabytes(size: float) -> float:
    return round(size / MEGABYTE, 1)
