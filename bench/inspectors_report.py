"""What inspectors cost, as JSON and as a table of the page about cost."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.messages import MessageSize
from bench.performance_page import say_run, with_section
from bench.stage import PROJECT

RESULTS = PROJECT / "bench/inspectors_results.json"
BEGIN = "<!-- made by python -m bench inspectors -->\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """One inspector and one size: milliseconds by the clock, and of the service's processor time; medians."""

    name: str
    size: str
    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class InspectorsReport:
    """A run with all that it depends on."""

    date: str
    commit: str
    machine: Mapping[str, Any]
    costs: tuple[Cost, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> "InspectorsReport":
        document = json.loads(text)
        costs = tuple(Cost(**cost) for cost in document["costs"])
        return cls(**{**document, "costs": costs, "left_out": tuple(document["left_out"])})

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    def as_markdown(self) -> str:
        left_out = "".join(f"Left out: {reason}\n" for reason in self.left_out)
        run = say_run(self.date, self.commit, self.machine)
        return f"{run}\n\n{self._table()}{left_out and chr(10)}{left_out}"

    def on_page(self, page: str) -> str:
        """Return the page with this report in place of the one it has."""
        return with_section(page, BEGIN, self.as_markdown())

    def _table(self) -> str:
        sizes = [size.value for size in MessageSize]
        lines = [
            "| inspector | " + " | ".join(f"{size} | of it ours" for size in sizes) + " |",
            "| --- | " + " | ".join("---: | ---:" for _ in sizes) + " |",
        ]
        for name in dict.fromkeys(cost.name for cost in self.costs):
            of_name = {cost.size: cost for cost in self.costs if cost.name == name}
            cells = " | ".join(f"{of_name[size].wall_ms:.2f} | {of_name[size].cpu_ms:.2f}" for size in sizes)
            lines.append(f"| {name} | {cells} |")
        return "\n".join(lines) + "\n"
