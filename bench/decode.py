"""`python -m bench decode`: what decoding costs apart, by bytes and by parts, beside the library's parser."""

import argparse
import dataclasses
import email
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.decode_report import PLOT, RESULTS, DecodeReport, Point, plot, with_table
from bench.machine import current_commit, describe_machine
from bench.messages import (
    Attachment,
    MessageSize,
    alternative,
    compose_message,
    encode_attachment,
    fresh_message,
    mixed,
    multipart,
    photograph,
)
from bench.performance_page import PAGE
from bench.stage import PROJECT
from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.container_signs import may_hold_parts
from scanner_service.decode.mime import decode_message
from scanner_service.decode.witness import decode_with_witness

KILOBYTE, MEGABYTE = 2**10, 2**20
SIZES = (1, 4, 16, 64, 256, 1024, 2048, 4096, 8192)  # kilobytes
PARTS = (1, 10, 50, 100, 500, 1000, 2000, 5000)
ENCODED_BYTES = 78 / 57  # base64 in lines, to a byte
# The curve matters here, not where it is cut off.
LIMITS = DecodeLimits(parts=10**6, seconds=600)


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """Rounds over all the messages, one after the other, and at least how long each is repeated in a round."""

    rounds: int = 7
    seconds: float = 0.03
    sizes: Sequence[int] = SIZES
    parts: Sequence[int] = PARTS


QUICK_PLAN = DecodePlan(rounds=1, seconds=0, sizes=(1, 16, 256), parts=(1, 100))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench decode", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of a few messages, and nothing is written")
    parser.add_argument("--rounds", type=int, metavar="N", default=DecodePlan().rounds)
    given = parser.parse_args(arguments)
    plan = QUICK_PLAN if given.quick else DecodePlan(rounds=given.rounds)
    report = DecodeReport(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=current_commit(PROJECT),
        machine=dataclasses.asdict(describe_machine("")),
        points=tuple(measure(plan)),
    )
    print(report.as_markdown())
    if not given.quick:
        RESULTS.write_text(report.as_json())
        PLOT.write_text(plot(report))
        PAGE.write_text(with_table(PAGE.read_text(), report))
    return 0


def measure(plan: DecodePlan) -> Iterator[Point]:
    """Measure all messages in each round, so that a disturbance falls on all alike; yield the medians."""
    messages = list(_messages(plan))
    decode_ms: list[list[float]] = [[] for _ in messages]
    library_ms: list[list[float]] = [[] for _ in messages]
    for number in range(plan.rounds):
        print(f"round {number + 1}/{plan.rounds}", file=sys.stderr, flush=True)
        for place, (_, _, raw) in enumerate(messages):
            decode_ms[place].append(_milliseconds(decode, raw, plan.seconds))
            library_ms[place].append(_milliseconds(decode_with_library, raw, plan.seconds))
    for place, (series, parts, raw) in enumerate(messages):
        ours, librarys = statistics.median(decode_ms[place]), statistics.median(library_ms[place])
        yield Point(series, len(raw), parts, round(ours, 4), round(librarys, 4))


def decode(raw: bytes) -> None:
    """All that the service does itself: every reading, names, bytes, what they are, and which are containers."""
    decoded = decode_with_witness(raw, Budget.of_message(LIMITS, len(raw)))
    for part in decoded.parts:
        _ = (part.names, part.types, part.body, part.marks, may_hold_parts(part))
    assert decoded.over_limits is None


def decode_with_library(raw: bytes) -> None:
    """The same as far as the library goes: parts, one name for each, bytes."""
    for part in email.message_from_bytes(raw).walk():
        if not part.is_multipart():
            _ = (part.get_filename(), part.get_payload(decode=True))


def _messages(plan: DecodePlan) -> Iterator[tuple[str, int, bytes]]:
    for size in MessageSize:
        raw = fresh_message(size)
        yield size.value, _leaves(raw), raw
    for kilobytes in plan.sizes:
        raw = _message_of_bytes(kilobytes * KILOBYTE)
        yield "bytes", _leaves(raw), raw
    for parts in plan.parts:
        yield "parts", parts, _message_of_parts(parts)


def _message_of_bytes(length: int) -> bytes:
    """A text and its HTML, and for what is missing to the length a picture."""
    missing = length - 2 * KILOBYTE
    if missing <= 0:
        return compose_message("Minutes", alternative(text_bytes=length // 8, html_bytes=length // 8))
    return compose_message("Pier", mixed(photograph(int(missing / ENCODED_BYTES))))


def _message_of_parts(count: int) -> bytes:
    notes = [Attachment(f"note{number}.txt", "text/plain", b"a short note\n") for number in range(count)]
    return compose_message("Notes", multipart("mixed", [encode_attachment(note) for note in notes]))


def _leaves(raw: bytes) -> int:
    return len(decode_message(raw, Budget.of_message(LIMITS, len(raw))).parts)


def _milliseconds(step: Callable[[bytes], None], raw: bytes, seconds: float) -> float:
    """Return the processor time of one step: other programs may run beside it."""
    times = 0
    started = time.thread_time()
    while True:
        step(raw)
        times += 1
        spent = time.thread_time() - started
        if spent >= seconds:
            return spent / times * 1000
