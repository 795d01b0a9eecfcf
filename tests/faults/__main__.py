"""``python -m tests.faults``: play every situation, write results.json and the table of docs/explanation/faults.md."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import pythonfilter
from bench.machine import current_commit
from tests.faults.filters import Couriergate, Pace, Pythonfilter, Side
from tests.faults.report import PAGE, RESULTS, Report, put_into_page
from tests.faults.situations import SITUATIONS, Outcome, Situation

PACE = Pace(deadline_seconds=10.0, retry_seconds=2.0, patience_seconds=30.0)
ROOT = Path(__file__).parents[2]


def main() -> int:
    pythonfilter.install()
    rows = {situation.name: _play_on_all_sides(situation) for situation in SITUATIONS}
    report = Report(datetime.now(UTC), current_commit(ROOT), PACE, rows)
    RESULTS.write_text(report.to_json())
    PAGE.write_text(put_into_page(report, PAGE.read_text()))
    return 0


def _play_on_all_sides(situation: Situation) -> dict[str, Outcome]:
    outcomes = {"couriergate": _play(situation, Couriergate)}
    if situation.beside is not None:
        outcomes["beside"] = _play(situation, lambda folder, pace: Couriergate(folder, pace, beside=True))
    if situation.for_pythonfilter:
        outcomes["pythonfilter"] = _play(situation, Pythonfilter)
    for name, outcome in outcomes.items():
        print(f"{situation.name}: {name}: {outcome}", flush=True)
    return outcomes


def _play(situation: Situation, make: type[Side]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        return situation.play(make(Path(folder), PACE))


if __name__ == "__main__":
    sys.exit(main())
