"""`python -m bench`: start everything, measure it, print the table and write bench/results.json."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench import decode, inspectors, judge
from bench.installation import Installation, install
from bench.load import WrongReplyError
from bench.machine import current_commit, describe_machine
from bench.messages import MessageSize
from bench.processes import ProgramFailedError
from bench.report import Report
from bench.results import CLAMD, COURIERGATE, TARGETS, Cell, Results
from bench.rounds import Plan, measure_rounds
from bench.stage import PROJECT, ProgramMissingError
from bench.transports import both_transports

RESULTS = PROJECT / "bench" / "results.json"
FULL_PLAN = Plan(rounds=3, seconds=2.0, sizes=tuple(MessageSize))
QUICK_PLAN = replace(FULL_PLAN, rounds=1, seconds=0.5)
SHARED_MEMORY = Path("/dev/shm")
ROOM_BYTES = 2**29


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    plan: Plan
    targets: tuple[str, ...]
    directory: Path
    output: Path | None


def main() -> int:
    if sys.argv[1:2] == ["decode"]:
        return decode.main(sys.argv[2:])
    if sys.argv[1:2] == ["inspectors"]:
        return inspectors.main(sys.argv[2:])
    if sys.argv[1:2] == ["judge"]:
        return judge.main(sys.argv[2:])
    options = parse_options(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        report = run(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (ProgramMissingError, ProgramFailedError, WrongReplyError, OSError, httpx.HTTPError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(f"\n{report.as_text()}")
    if options.output is not None:
        report.write(options.output)
        print(f"written: {options.output}")
    return 1 if COURIERGATE in report.results.left_out else 0


def parse_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Couriergate beside raw clamd and courier-pythonfilter, all in the same run.",
        epilog=f"A run of all sizes and targets without --quick is written to {RESULTS.relative_to(PROJECT)}. "
        "`python -m bench decode` measures decoding apart, `python -m bench inspectors` each inspector, "
        "`python -m bench judge` judging and replays.",
    )
    parser.add_argument("--quick", action="store_true", help="one round of half a second, for a first look")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"interleaved rounds ({FULL_PLAN.rounds})")
    parser.add_argument("--seconds", type=float, metavar="S", help=f"time of one cell ({FULL_PLAN.seconds:g})")
    parser.add_argument("--sizes", metavar="LIST", default=",".join(MessageSize), help="of %(default)s")
    parser.add_argument("--targets", metavar="LIST", default=",".join(TARGETS), help="of %(default)s")
    parser.add_argument(
        "--directory", type=Path, default=fast_directory(), help="for spools and sockets (%(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results there in any case")
    given = parser.parse_args(arguments)
    base = QUICK_PLAN if given.quick else FULL_PLAN
    try:
        sizes = tuple(MessageSize(name) for name in given.sizes.split(","))
        targets = tuple(TARGETS[TARGETS.index(name)] for name in given.targets.split(","))
    except ValueError as error:
        parser.error(str(error))
    plan = Plan(given.rounds or base.rounds, given.seconds or base.seconds, sizes)
    is_whole = not given.quick and set(sizes) == set(MessageSize) and set(targets) == set(TARGETS)
    return Options(plan, targets, given.directory, given.output or (RESULTS if is_whole else None))


def fast_directory() -> Path:
    """Shared memory if there is room: a disk that is busy with something else slows clamd threefold."""
    if os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > ROOM_BYTES:
        return SHARED_MEMORY
    return Path(tempfile.gettempdir())


def run(options: Options) -> Report:
    with ExitStack() as stack:
        directory = stack.enter_context(temporary_directory(options.directory))
        # On a disk, as in service: what the scanning service writes is part of its cost.
        state = stack.enter_context(temporary_directory(Path(tempfile.gettempdir())))
        say("starting clamd and " + ", ".join(name for name in options.targets if name != CLAMD))
        installation = install(stack, Path(directory), Path(state), options.targets)
        for name, reason in installation.left_out.items():
            say(f"left out: {name}: {reason}")
        return Report(
            date=datetime.now(UTC),
            commit=current_commit(PROJECT),
            machine=describe_machine(installation.clamd_version()),
            plan=options.plan,
            results=measure(installation, options.plan),
        )


def temporary_directory(parent: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="couriergate-bench-", dir=parent)


def measure(installation: Installation, plan: Plan) -> Results:
    results = Results(left_out=installation.left_out)
    for cell in measure_rounds(plan, installation.targets, installation.programs):
        results.cells.append(cell)
        say(describe(cell, plan))
    results.costs = installation.costs()
    if installation.scanner_socket is not None:
        shorter = replace(plan, seconds=plan.seconds / 2)
        for cell in measure_rounds(shorter, both_transports(installation.scanner_socket), installation.programs):
            results.transport_cells.append(cell)
            say(describe(cell, plan))
    return results


def describe(cell: Cell, plan: Plan) -> str:
    noise = f"  (other programs: {cell.other_load_percent:.0f} %)" if cell.other_load_percent > 2 else ""
    return (
        f"round {cell.round}/{plan.rounds}  {cell.size:>4}  {cell.target:<15} x{cell.clients}  "
        f"{cell.messages_per_second:7.1f} msg/s  p50 {cell.p50_ms:7.2f} ms  p95 {cell.p95_ms:7.2f} ms{noise}"
    )


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
