"""What a run has measured, and the few figures that are made of it.

Rounds are interleaved, and a difference or ratio is taken inside one round before the median over the rounds: a
machine that is slower for a while then slows both sides of it.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bench.messages import MessageSize

CLAMD = "clamd"
COURIERGATE = "couriergate"
PYTHONFILTER = "pythonfilter"
TARGETS = (CLAMD, COURIERGATE, PYTHONFILTER)
SHIM = "shim"
SERVICE = "service"
DRIVER = "driver"
PROGRAMS = (SHIM, SERVICE, CLAMD, PYTHONFILTER, DRIVER)
ONE_CLIENT = 1
MANY_CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """One target under one load, once."""

    round: int
    target: str
    size: MessageSize
    clients: int
    messages: int
    p50_ms: float
    p95_ms: float
    messages_per_second: float
    cpu_ms_per_message: Mapping[str, float]
    """By program; `driver` is the bench itself."""
    other_load_percent: float
    """What strangers took of all processors meanwhile."""

    def cpu_ms(self, program: str) -> float:
        """Processor time of a program per message; 0 if it did not run."""
        return self.cpu_ms_per_message.get(program, 0.0)


@dataclass(frozen=True, slots=True)
class Costs:
    """What Couriergate's programs cost beside the time of a message."""

    service_start_seconds: float
    shim_start_seconds: float
    shim_memory_bytes: int
    service_memory_bytes: int


@dataclass(slots=True)
class Results:
    """All cells of a run, and why something is not among them."""

    cells: list[Cell] = field(default_factory=list)
    transport_cells: list[Cell] = field(default_factory=list)
    costs: Costs | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def select(self, target: str, size: MessageSize, clients: int) -> list[Cell]:
        return select(self.cells, target, size, clients)

    def added_ms(self, target: str, size: MessageSize) -> float | None:
        """Median latency of one client above that of raw clamd."""
        return self._compare(target, CLAMD, size, ONE_CLIENT, lambda ours, base: ours.p50_ms - base.p50_ms)

    def latency_ratio(self, target: str, size: MessageSize) -> float | None:
        return self._compare(target, CLAMD, size, ONE_CLIENT, lambda ours, base: ours.p50_ms / base.p50_ms)

    def throughput_ratio(self, target: str, base: str, size: MessageSize) -> float | None:
        return self._compare(
            target,
            base,
            size,
            MANY_CLIENTS,
            lambda ours, theirs: ours.messages_per_second / theirs.messages_per_second,
        )

    def cpu_ms(self, program: str, target: str, size: MessageSize) -> float | None:
        """Processor time of a program per message: the larger of the figures with one and with many clients."""
        figures = (
            median_of(self.select(target, size, clients), lambda cell: cell.cpu_ms(program))
            for clients in (ONE_CLIENT, MANY_CLIENTS)
        )
        return max((figure for figure in figures if figure is not None), default=None)

    def _compare(
        self,
        target: str,
        base: str,
        size: MessageSize,
        clients: int,
        difference: Callable[[Cell, Cell], float],
    ) -> float | None:
        bases = {cell.round: cell for cell in self.select(base, size, clients)}
        differences = [
            difference(cell, bases[cell.round]) for cell in self.select(target, size, clients) if cell.round in bases
        ]
        return statistics.median(differences) if differences else None


def select(cells: Iterable[Cell], target: str, size: MessageSize, clients: int) -> list[Cell]:
    return [cell for cell in cells if (cell.target, cell.size, cell.clients) == (target, size, clients)]


def median_of(cells: Iterable[Cell], figure: Callable[[Cell], float]) -> float | None:
    figures = [figure(cell) for cell in cells]
    return statistics.median(figures) if figures else None
