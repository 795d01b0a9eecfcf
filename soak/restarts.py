"""Restarts of every kind and kills of workers, under load, on a whole mail host."""

from collections.abc import Iterator

from soak.disturbances import DISTURBANCES, WORKER_KILLED
from soak.mail_host import disturb
from soak.plan import Plan
from soak.progress import Progress
from soak.row import Row
from tests.scenarios.courier_host import CourierHost


def prove_restarts(host: CourierHost, plan: Plan, progress: Progress) -> Iterator[Row]:
    for disturbance in DISTURBANCES:
        yield disturb(host, disturbance, plan.times, progress)


def prove_kills(host: CourierHost, plan: Plan, progress: Progress) -> Iterator[Row]:
    yield disturb(host, WORKER_KILLED, plan.kills, progress)
