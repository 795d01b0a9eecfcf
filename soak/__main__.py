"""`python -m soak [PART …]`: prove, print the tables and, if asked, write them down."""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.machine import current_commit
from soak.fuzz import prove_parsers
from soak.guided import prove_decoders
from soak.leaks import prove_leaks
from soak.life import prove_life
from soak.mail_host import mail_host
from soak.pause import prove_pause
from soak.plan import Plan
from soak.progress import Progress
from soak.report import ROOT, Report, as_markdown, begin_report, write_results
from soak.restarts import prove_kills, prove_restarts
from soak.row import Row
from tests.run import PRIVATELY
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.private_namespace import why_scenarios_cannot_run

HOST_PARTS: dict[str, Callable[[CourierHost, Plan, Progress], Iterator[Row]]] = {
    "restarts": prove_restarts,
    "kills": prove_kills,
    "pause": prove_pause,
}
OTHER_PARTS: dict[str, Callable[[Plan, Progress], Iterator[Row]]] = {
    "leaks": prove_leaks,
    "life": prove_life,
    "fuzz": prove_parsers,
    "fuzz_decode": prove_decoders,
}
# In full, on two processors that have nothing else to do.
MINUTES = {"restarts": 12, "kills": 15, "pause": 1, "leaks": 3, "life": 2, "fuzz": 6, "fuzz_decode": 4}


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0 if no row has a fault."""
    given = parse(arguments)
    parts = given.parts
    if not HOST_PARTS.keys().isdisjoint(parts):
        _enter_private_namespaces()
    plan = Plan(given.times, given.kills, given.messages, given.fuzz_seconds)
    progress = Progress()
    progress.say(f"{', '.join(parts)}: about {sum(MINUTES[name] for name in parts)} minutes in full")
    commit = current_commit(ROOT)  # now: each part that is written changes files
    reports = {}
    for name, rows in _begin(parts, plan, progress):
        reports[name] = _report_on(rows, commit, progress)
        if given.write:
            write_results(reports, list(MINUTES))
    print(f"\n{as_markdown(reports)}")
    return 1 if any(row["faults"] for report in reports.values() for row in report["rows"]) else 0


def _begin(parts: Sequence[str], plan: Plan, progress: Progress) -> Iterator[tuple[str, Iterator[Row]]]:
    on_host = [name for name in HOST_PARTS if name in parts]
    if on_host:
        with mail_host(Path(tempfile.mkdtemp())) as host:
            for name in on_host:
                yield name, HOST_PARTS[name](host, plan, progress)
    for name, prove in OTHER_PARTS.items():
        if name in parts:
            yield name, prove(plan, progress)


def _report_on(rows: Iterator[Row], commit: str, progress: Progress) -> Report:
    report, begun = begin_report(commit), progress.seconds()
    for row in rows:
        progress.say(f"{row.name}: {'; '.join(row.faults) or 'as it should be'}")
        report["rows"].append(dataclasses.asdict(row))
        report["seconds"] = progress.seconds() - begun
    return report


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; without a part it means all."""
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m soak",
        description="The long proofs, on a page of the documentation when they are done.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(MINUTES)}; all if none is named")
    parser.add_argument("--times", type=int, default=plan.times, help="restarts of each kind (%(default)s)")
    parser.add_argument("--kills", type=int, default=plan.kills, help="kills of a worker (%(default)s)")
    parser.add_argument("--messages", type=int, default=plan.messages, help="for leaks (%(default)s)")
    parser.add_argument("--fuzz-seconds", type=float, default=plan.fuzz_seconds, help="a parser (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write the parts to soak/results.json and its page")
    given = parser.parse_args(arguments)
    given.parts = given.parts or list(MINUTES)
    if strange := set(given.parts) - set(MINUTES):
        parser.error(f"want parts of {', '.join(MINUTES)}, got {', '.join(sorted(strange))}")
    return given


def _enter_private_namespaces() -> None:
    """Become this same program in mount, network and process namespaces of its own, unless it is there already."""
    if os.environ.get("COURIERGATE_NAMESPACE") != "1":
        if os.geteuid() != 0:
            sys.exit("soak: restarts and kills need root; without: python -m soak leaks life fuzz fuzz_decode")
        command = [*PRIVATELY, sys.executable, "-m", "soak", *sys.argv[1:]]
        # The folder goes from here, where nothing is mounted on it.
        with tempfile.TemporaryDirectory(prefix="couriergate-soak-") as folder:
            environment = os.environ | {"COURIERGATE_NAMESPACE": "1", "TMPDIR": folder}
            sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if reason := why_scenarios_cannot_run():
        sys.exit(f"soak: {reason}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
