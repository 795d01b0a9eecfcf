"""Interleaved rounds: every target under every load in turn, with fresh messages each time."""

import itertools
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.load import Load
from bench.messages import MessageSize, fresh_message
from bench.processes import Program, machine_busy_seconds
from bench.results import DRIVER, MANY_CLIENTS, ONE_CLIENT, Cell
from bench.targets import Target

WARM_UP_SECONDS = 0.3
WARM_UP_MESSAGES = {MessageSize.SMALL: 400, MessageSize.MEDIUM: 100, MessageSize.LARGE: 16}
SPARE_MESSAGES = 1.3  # of what the last load took: a faster one must not run dry early


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure, and what."""

    rounds: int
    seconds: float
    sizes: tuple[MessageSize, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """Processor time so far, in seconds: of each program, of the bench, of the whole machine."""

    programs: Mapping[str, float]
    driver: float
    machine: float
    clock: float


def measure_rounds(plan: Plan, targets: Sequence[Target], programs: Mapping[str, Program]) -> Iterator[Cell]:
    """Measure every target, size and number of clients in each round."""
    expected = {(target.name, size): warm_up(target, size) for target, size in itertools.product(targets, plan.sizes)}
    for number in range(plan.rounds):
        # Each round starts with another target, so that none is always the one after the rest.
        order = [*targets[number % len(targets) :], *targets[: number % len(targets)]]
        for size, clients, target in itertools.product(plan.sizes, (ONE_CLIENT, MANY_CLIENTS), order):
            count = math.ceil(expected[target.name, size] * plan.seconds * SPARE_MESSAGES)
            requests = target.prepare([fresh_message(size) for _ in range(max(count, clients))])
            before = read(programs)
            load = target.drive(requests, clients, plan.seconds)
            after = read(programs)
            target.clear()
            yield make_cell(
                load,
                before,
                after,
                number=number + 1,
                target=target.name,
                size=size,
                clients=clients,
            )


def warm_up(target: Target, size: MessageSize) -> float:
    """Messages per second of a short load, which also fills caches and starts pools of processes."""
    requests = target.prepare([fresh_message(size) for _ in range(WARM_UP_MESSAGES[size])])
    load = target.drive(requests, MANY_CLIENTS, WARM_UP_SECONDS)
    target.clear()
    return load.messages_per_second


def read(programs: Mapping[str, Program]) -> Reading:
    return Reading(
        programs={name: program.cpu_seconds() for name, program in programs.items()},
        driver=time.process_time(),
        machine=machine_busy_seconds(),
        clock=time.perf_counter(),
    )


def make_cell(
    load: Load, before: Reading, after: Reading, *, number: int, target: str, size: MessageSize, clients: int
) -> Cell:
    spent = {name: after.programs[name] - before.programs[name] for name in after.programs}
    strangers = (after.machine - before.machine) - (after.driver - before.driver) - sum(spent.values())
    capacity = (after.clock - before.clock) * (os.cpu_count() or 1)
    return Cell(
        round=number,
        target=target,
        size=size,
        clients=clients,
        messages=load.messages,
        p50_ms=load.percentile_ms(50),
        p95_ms=load.percentile_ms(95),
        messages_per_second=load.messages_per_second,
        cpu_ms_per_message={
            name: seconds * 1000 / load.messages
            for name, seconds in {**spent, DRIVER: load.driver_cpu_seconds}.items()
        },
        other_load_percent=max(0.0, strangers / capacity * 100),
    )
