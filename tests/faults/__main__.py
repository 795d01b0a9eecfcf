"""``python -m tests.faults``: play all situations, write results.json and the table of docs/explanation/faults.md."""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import pythonfilter
from bench.machine import current_commit
from tests.faults.filters import Couriergate, Pace, Pythonfilter, Side
from tests.faults.report import PAGE, RESULTS, ROOT, Cell, Report, put_into_page
from tests.faults.situations import SITUATIONS, Situation

PACE = Pace(deadline_seconds=10.0, retry_seconds=2.0, patience_seconds=30.0)


def main() -> int:
    commit = current_commit(ROOT)
    pythonfilter.install()
    rows = {situation.name: play_on_all_sides(situation) for situation in SITUATIONS}
    report = Report.now(datetime.now(UTC), commit, PACE, rows)
    RESULTS.write_text(report.to_json())
    PAGE.write_text(put_into_page(report, PAGE.read_text()))
    print(f"written: {RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")
    return 0


def play_on_all_sides(situation: Situation) -> dict[str, Cell]:
    sides: dict[str, Callable[[Path, Pace], Side]] = {"couriergate": Couriergate}
    if situation.beside is not None:
        sides["beside"] = partial(Couriergate, beside=True)
    if situation.for_pythonfilter:
        sides["pythonfilter"] = Pythonfilter
    cells = {}
    for name, make in sides.items():
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            outcome = situation.play(make(Path(folder), PACE))
        cells[name] = Cell.of(replace(outcome, reply=outcome.reply.replace(folder, "")))
        print(f"{situation.name}: {name}: {cells[name]}", flush=True)
    return cells


if __name__ == "__main__":
    sys.exit(main())
