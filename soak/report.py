"""The rows as JSON, and as the tables of the page about them; each part as it ran last."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import describe_machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "soak/results.json"
PAGE = ROOT / "docs/explanation/soak.md"
BEGIN, END = "<!-- made by make soak -->\n", "<!-- end -->\n"

Report = dict[str, Any]


def begin_report(commit: str) -> Report:
    """Return what results.json says of a part before there is a row."""
    machine = dataclasses.asdict(describe_machine(""))
    del machine["clamd"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "machine": machine,
        "load": round(os.getloadavg()[0], 1),
        "seconds": 0,
        "rows": [],
    }


def write_results(reports: Mapping[str, Report], order: Sequence[str]) -> None:
    """Put these parts into results.json, in place of what it had of them, and all of its tables into the page."""
    known = {**read_results(), **reports}
    RESULTS.write_text(json.dumps({name: known[name] for name in order if name in known}, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{as_markdown(read_results())}\n{END}{rest.partition(END)[2]}")


def read_results() -> dict[str, Report]:
    """Return the report of each part, as it ran last."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def as_markdown(reports: Mapping[str, Report]) -> str:
    """Return for each part a line about its run, and its table."""
    return "\n".join(
        f"### {name}\n\n{_headline(report)}\n{_table(report['rows'])}" for name, report in reports.items()
    )


def _headline(report: Report) -> str:
    machine, commit = report["machine"], report["commit"]  # 40 digits, and a plus sign if files differed
    return (
        f"{report['date']}, commit {commit[:12]}{commit[40:]}, {machine['processors']} x {machine['processor']}, "
        f"Python {machine['python']}, {report['seconds']} seconds; load average before: {report['load']}.\n"
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    lines = [["", *names, "faults"], ["---", *(["---:"] * len(names)), "---"]]
    lines += [
        [row["name"], *(str(row["figures"].get(name, "")) for name in names), "; ".join(row["faults"]) or "none"]
        for row in rows
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
