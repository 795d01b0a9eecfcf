"""What Couriergate may cost, and whether it does."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.messages import MessageSize
from bench.results import CLAMD, COURIERGATE, PYTHONFILTER, SHIM, Costs, Results

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit that must hold, and the goal beyond it."""

    subject: str
    unit: str
    limit: float
    goal: float
    measure: Callable[[Results], float | None]
    more_is_better: bool = False

    def meets(self, figure: float, bound: float) -> bool:
        return figure >= bound if self.more_is_better else figure <= bound


@dataclass(frozen=True, slots=True)
class Outcome:
    """A budget and what was measured for it; None if that was left out of the run."""

    budget: Budget
    figure: float | None

    @property
    def word(self) -> str:
        if self.figure is None:
            return "not measured"
        if self.budget.meets(self.figure, self.budget.goal):
            return "met, goal too"
        return "met" if self.budget.meets(self.figure, self.budget.limit) else "MISSED"


def judge(results: Results) -> list[Outcome]:
    return [Outcome(budget, budget.measure(results)) for budget in BUDGETS]


def latency(size: MessageSize, limit: float, goal: float) -> Budget:
    return Budget(
        f"latency added to clamd, {size}, 1 client",
        "ms",
        limit,
        goal,
        lambda results: results.added_ms(COURIERGATE, size),
    )


def relative_latency(size: MessageSize, limit: float, goal: float) -> Budget:
    def added_percent(results: Results) -> float | None:
        ratio = results.latency_ratio(COURIERGATE, size)
        return None if ratio is None else (ratio - 1) * 100

    return Budget(f"latency added to clamd, {size}, 1 client", "%", limit, goal, added_percent)


def throughput(base: str, size: MessageSize, limit: float, goal: float) -> Budget:
    return Budget(
        f"throughput of {base}'s, {size}, 8 clients",
        "x",
        limit,
        goal,
        lambda results: results.throughput_ratio(COURIERGATE, base, size),
        more_is_better=True,
    )


def shim_cpu(size: MessageSize, limit: float, goal: float) -> Budget:
    return Budget(
        f"shim: processor time per message, {size}",
        "ms",
        limit,
        goal,
        lambda results: results.cpu_ms(SHIM, COURIERGATE, size),
    )


def cost(subject: str, unit: str, limit: float, goal: float, figure: Callable[[Costs], float]) -> Budget:
    return Budget(
        subject,
        unit,
        limit,
        goal,
        lambda results: None if results.costs is None else figure(results.costs),
    )


BUDGETS = (
    latency(MessageSize.SMALL, 2.0, 1.2),
    latency(MessageSize.MEDIUM, 3.5, 2.0),
    relative_latency(MessageSize.LARGE, 20.0, 10.0),
    throughput(CLAMD, MessageSize.SMALL, 0.5, 0.65),
    throughput(CLAMD, MessageSize.MEDIUM, 0.7, 0.85),
    throughput(CLAMD, MessageSize.LARGE, 0.85, 0.95),
    throughput(PYTHONFILTER, MessageSize.SMALL, 0.8, 1.05),
    throughput(PYTHONFILTER, MessageSize.MEDIUM, 1.1, 1.3),
    throughput(PYTHONFILTER, MessageSize.LARGE, 1.1, 1.3),
    shim_cpu(MessageSize.SMALL, 1.0, 0.4),
    shim_cpu(MessageSize.LARGE, 3.0, 1.5),
    cost("shim: memory of all its processes", "MB", 45.0, 30.0, lambda costs: costs.shim_memory_bytes / MEGABYTE),
    cost("service: start to ready", "s", 1.5, 0.8, lambda costs: costs.service_start_seconds),
    cost("shim: start to socket", "s", 0.3, 0.15, lambda costs: costs.shim_start_seconds),
)
