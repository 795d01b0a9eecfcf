"""The results as tables for people, and as JSON for comparison with other runs."""

import dataclasses
import json
import operator
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from bench.budgets import MEGABYTE, Budget, Outcome, judge
from bench.machine import Machine
from bench.messages import MessageSize
from bench.results import (
    CLAMD,
    DRIVER,
    MANY_CLIENTS,
    ONE_CLIENT,
    PROGRAMS,
    PYTHONFILTER,
    TARGETS,
    Cell,
    Results,
    median_of,
    select,
)
from bench.rounds import Plan
from bench.transports import LEAN, STOCK

NOISY_PERCENT = 10.0
NOTHING = "-"


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """A run with all that it depends on."""

    date: datetime
    commit: str
    machine: Machine
    plan: Plan
    results: Results

    def as_text(self) -> str:
        sections = (
            self._headline(),
            align(target_rows(self.results, self.plan.sizes)),
            costs_line(self.results),
            align(transport_rows(self.results, self.plan.sizes)) if self.results.transport_cells else "",
            align(budget_rows(judge(self.results))),
            "\n".join(remarks(self.results)),
        )
        return "\n\n".join(section for section in sections if section) + "\n"

    def as_json(self) -> str:
        document = {
            "date": self.date.isoformat(timespec="seconds"),
            "commit": self.commit,
            "machine": dataclasses.asdict(self.machine),
            "plan": dataclasses.asdict(self.plan),
            "summary": [summarize(self.results, target, size) for size in self.plan.sizes for target in TARGETS],
            "budgets": [describe_outcome(outcome) for outcome in judge(self.results)],
            **dataclasses.asdict(self.results),
        }
        return json.dumps(rounded(document), indent=1) + "\n"

    def write(self, path: Path) -> None:
        unfinished = path.with_suffix(".json.tmp")
        unfinished.write_text(self.as_json())
        unfinished.replace(path)

    def _headline(self) -> str:
        machine, plan = self.machine, self.plan
        return (
            f"Couriergate {self.commit[:12] or 'without a commit'}, {self.date:%Y-%m-%d %H:%M} UTC, "
            f"{machine.processors} x {machine.processor}, Python {machine.python}, {machine.clamd}\n"
            f"medians of {plan.rounds} rounds of {plan.seconds:g} s; added and ratios are within a round"
        )


def target_rows(results: Results, sizes: Sequence[MessageSize]) -> list[list[str]]:
    cpu_titles = [f"{program} CPU" for program in PROGRAMS]
    rows = [["size", "target", "p50 ms", "p95 ms", "added", "ratio", "msg/s x8", "/clamd", "/pyfilter", *cpu_titles]]
    rows.extend(
        [size, target, *speed_columns(results, target, size), *cpu_columns(cells)]
        for size in sizes
        for target in TARGETS
        if (cells := results.select(target, size, MANY_CLIENTS))
    )
    return rows


def speed_columns(results: Results, target: str, size: MessageSize) -> list[str]:
    alone = results.select(target, size, ONE_CLIENT)
    together = results.select(target, size, MANY_CLIENTS)
    return [
        show(median_of(alone, lambda cell: cell.p50_ms)),
        show(median_of(alone, lambda cell: cell.p95_ms)),
        show(results.added_ms(target, size)),
        show(results.latency_ratio(target, size)),
        show(median_of(together, lambda cell: cell.messages_per_second), decimals=0),
        show(results.throughput_ratio(target, CLAMD, size)),
        show(results.throughput_ratio(target, PYTHONFILTER, size)),
    ]


def cpu_columns(cells: Sequence[Cell]) -> list[str]:
    """Milliseconds per message; nothing for a program that has no part in it."""
    return [show(median_of(cells, operator.methodcaller("cpu_ms", program)) or None) for program in PROGRAMS]


def transport_rows(results: Results, sizes: Sequence[MessageSize]) -> list[list[str]]:
    rows = [["size", "HTTP client", "p50 ms", "req/s x8", "p95 ms x8", "client CPU ms"]]
    for size in sizes:
        for name in (STOCK, LEAN):
            alone = select(results.transport_cells, name, size, ONE_CLIENT)
            together = select(results.transport_cells, name, size, MANY_CLIENTS)
            figures = [
                show(median_of(alone, lambda cell: cell.p50_ms)),
                show(median_of(together, lambda cell: cell.messages_per_second), decimals=0),
                show(median_of(together, lambda cell: cell.p95_ms)),
                show(median_of(together, lambda cell: cell.cpu_ms(DRIVER))),
            ]
            rows.append([size, name, *figures])
    return rows


def costs_line(results: Results) -> str:
    if (costs := results.costs) is None:
        return ""
    return (
        f"service: {costs.service_start_seconds:.2f} s to ready, {costs.service_memory_bytes / MEGABYTE:.0f} MB; "
        f"shim: {costs.shim_start_seconds:.2f} s to socket, {costs.shim_memory_bytes / MEGABYTE:.0f} MB (PSS)"
    )


def budget_rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    rows = [["budget", "", "measured", "limit", "goal"]]
    for outcome in outcomes:
        budget = outcome.budget
        figure = NOTHING if outcome.figure is None else f"{outcome.figure:.2f} {budget.unit}"
        bounds = [show_bound(budget, bound) for bound in (budget.limit, budget.goal)]
        rows.append([budget.subject, outcome.word, figure, *bounds])
    return rows


def show_bound(budget: Budget, bound: float) -> str:
    return f"{'>=' if budget.more_is_better else '<='} {bound:g} {budget.unit}"


def remarks(results: Results) -> Iterator[str]:
    for target, reason in results.left_out.items():
        yield f"left out: {target}: {reason}"
    noisy = [cell for cell in results.cells if cell.other_load_percent > NOISY_PERCENT]
    if noisy:
        yield (
            f"noisy: in {len(noisy)} of {len(results.cells)} cells other programs took more than "
            f"{NOISY_PERCENT:.0f} % of the machine"
        )


def summarize(results: Results, target: str, size: MessageSize) -> dict[str, object]:
    alone = results.select(target, size, ONE_CLIENT)
    together = results.select(target, size, MANY_CLIENTS)
    return {
        "target": target,
        "size": size,
        "p50_ms": median_of(alone, lambda cell: cell.p50_ms),
        "p95_ms": median_of(alone, lambda cell: cell.p95_ms),
        "added_ms": results.added_ms(target, size),
        "latency_ratio": results.latency_ratio(target, size),
        "messages_per_second": median_of(together, lambda cell: cell.messages_per_second),
        "throughput_of_clamd": results.throughput_ratio(target, CLAMD, size),
        "throughput_of_pythonfilter": results.throughput_ratio(target, PYTHONFILTER, size),
    }


def describe_outcome(outcome: Outcome) -> dict[str, object]:
    budget = outcome.budget
    return {
        "subject": budget.subject,
        "unit": budget.unit,
        "limit": budget.limit,
        "goal": budget.goal,
        "figure": outcome.figure,
        "outcome": outcome.word,
    }


def show(figure: float | None, decimals: int = 2) -> str:
    return NOTHING if figure is None else f"{figure:.{decimals}f}"


def align(rows: Sequence[Sequence[str]]) -> str:
    """A table with two columns of words, then columns of numbers, which end in line."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if number < 2 else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def rounded(value: object) -> object:
    """The same document with no more digits than a measurement has."""
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {key: rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [rounded(item) for item in value]
        case _:
            return value
