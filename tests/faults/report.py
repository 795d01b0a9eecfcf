"""The outcomes as a file, and as the table of docs/explanation/faults.md."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from tests.faults.filters import Pace
from tests.faults.situations import GROUPS, Outcome

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs/explanation/faults.md"
BEGIN, END = "<!-- make faults writes from here -->\n", "<!-- to here -->\n"
SIDES = {
    "couriergate": "Couriergate",
    "beside": "with a healthy scanner beside",
    "pythonfilter": "courier-pythonfilter",
}
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Cell:
    """One outcome, as far as the table tells it."""

    reply: str
    seconds: float
    log_lines: int
    descriptors_left: int | None
    files_left: int | None
    note: str

    @classmethod
    def of(cls, outcome: Outcome) -> "Cell":
        return cls(
            outcome.reply,
            round(outcome.seconds, 1),
            len(outcome.log),
            outcome.descriptors_left,
            outcome.files_left,
            outcome.note,
        )

    def __str__(self) -> str:
        code, _, _ = self.reply.partition(" ")
        reply = f"`{code}`" if code.isdigit() else self.reply
        if code == "200":
            reply = "**`200`, the virus passes**"
        said = [f"{reply}, {self.seconds:.1f} s, {_count(self.log_lines, 'line')}"]
        said += [f"{_count(self.descriptors_left, 'descriptor')} left"] if self.descriptors_left else []
        said += [f"{_count(self.files_left, 'file')} left"] if self.files_left else []
        return "; ".join([*said, *([self.note] if self.note else [])])


Rows = Mapping[str, Mapping[str, Cell]]


@dataclass(frozen=True, slots=True)
class Report:
    """A run; ``rows`` has the cells of each situation, by side."""

    date: str
    commit: str
    pace: Pace
    rows: Rows

    @classmethod
    def now(cls, when: datetime, commit: str, pace: Pace, rows: Rows) -> "Report":
        return cls(when.isoformat(timespec="minutes"), commit, pace, rows)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        fields = json.loads(text)
        rows = {name: {side: Cell(**cell) for side, cell in cells.items()} for name, cells in fields["rows"].items()}
        return cls(fields["date"], fields["commit"], Pace(**fields["pace"]), rows)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    def table(self) -> str:
        limits = f"`deadline_seconds` {self.pace.deadline_seconds:g}, `retry_seconds` {self.pace.retry_seconds:g}"
        lines = [f"Played at {self.date} with commit `{self.commit}`, {limits}.", ""]
        for group, situations in GROUPS.items():
            rows = {situation.name: self.rows[situation.name] for situation in situations}
            sides = [side for side in SIDES if any(side in cells for cells in rows.values())]
            lines += [_row(group, *(SIDES[side] for side in sides)), _row(*["---"] * (1 + len(sides)))]
            lines += [_row(name, *(str(cells.get(side, NOTHING)) for side in sides)) for name, cells in rows.items()]
            lines.append("")
        return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def put_into_page(report: Report, page: str) -> str:
    """Return the page with the table of this report."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{report.table()}{END}{after}"
