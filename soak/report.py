"""The rows as JSON, and as the tables of the page about them."""

import dataclasses
import itertools
import json
import operator
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import current_commit, describe_machine
from soak.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "soak/results.json"
PAGE = ROOT / "docs/explanation/soak.md"
BEGIN, END = "<!-- made by make soak -->\n", "<!-- end -->\n"

Report = dict[str, Any]


def describe_run(plan: Plan) -> Report:
    """Return what results.json holds before there is a result: at the start, of what is there then."""
    machine = dataclasses.asdict(describe_machine(""))
    del machine["clamd"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": current_commit(ROOT),
        "machine": machine,
        "load": round(os.getloadavg()[0], 1),
        "plan": dataclasses.asdict(plan),
        "seconds": 0,
        "rows": [],
    }


def write_results(report: Report) -> None:
    """Write results.json, and its tables into the page."""
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{as_markdown(report)}\n{END}{rest.partition(END)[2]}")


def as_markdown(report: Report) -> str:
    """Return a line about the run, and a table for each part."""
    machine = report["machine"]
    head = (
        f"{report['date']}, commit {report['commit'][:12]}, {machine['processors']} x {machine['processor']}, "
        f"Python {machine['python']}, {report['seconds'] / 60:.0f} minutes; "
        f"load average before it: {report['load']}.\n"
    )
    parts = itertools.groupby(report["rows"], operator.itemgetter("part"))
    return head + "".join(f"\n### {part}\n\n{_table(list(rows))}" for part, rows in parts)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    lines = [["", *names, "faults"], ["---", *(["---:"] * len(names)), "---"]]
    lines += [
        [row["name"], *(str(row["figures"].get(name, "")) for name in names), "; ".join(row["faults"]) or "none"]
        for row in rows
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
