"""What happens to a mail host, one after the other, while mail comes in."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from soak.shim_processes import kill_parent, kill_worker, reload_shim
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.courier_mta import FILTER_NAME, FILTER_SOCKET
from tests.scenarios.waiting import wait_until

_SOCKET_LIMIT_SECONDS = 30
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One kind; ``happen`` returns how many messages it may refuse, None for any number."""

    name: str
    happen: Callable[[CourierHost], int | None]
    hole: bool = False


def _courierfilter_restart(host: CourierHost) -> int:
    host.courier.run("courierfilter", "restart")
    return 0


def _reload(host: CourierHost) -> int:
    reload_shim(host.courier)
    return 0


def _shim_restart(host: CourierHost) -> int:
    host.courier.restart_shim()
    return 0


def _service_restart(host: CourierHost) -> int:
    host.service.restart()
    return 0


def _clamd_restart(host: CourierHost) -> int:
    host.clamd.restart()
    return 0


def _worker_killed(host: CourierHost) -> int:
    return kill_worker(host.courier, random.Random(time.monotonic()))


def _courierfilter_stop_start(host: CourierHost) -> None:
    host.courier.restart_filter()


def _filterctl_stop_start(host: CourierHost) -> None:
    """Wait for the end of the filter: two quick signals would be one to courierfilter, which then changes nothing."""
    host.courier.run("filterctl", "stop", FILTER_NAME)
    wait_until(lambda: not FILTER_SOCKET.exists(), _SOCKET_LIMIT_SECONDS, "no filter socket")
    time.sleep(_PAUSE_SECONDS)
    host.courier.run("filterctl", "start", FILTER_NAME)
    wait_until(FILTER_SOCKET.exists, _SOCKET_LIMIT_SECONDS, "a filter socket")


def _parent_killed(host: CourierHost) -> None:
    kill_parent(host.courier)
    time.sleep(_PAUSE_SECONDS)
    host.courier.restart_filter()


DISTURBANCES = (
    Disturbance("courierfilter restart", _courierfilter_restart),
    Disturbance("SIGHUP to the shim", _reload),
    Disturbance("couriergate-shim restart", _shim_restart),
    Disturbance("scanning service restarted", _service_restart),
    Disturbance("clamd restarted", _clamd_restart),
    Disturbance("worker killed", _worker_killed),
    Disturbance("courierfilter stop; start", _courierfilter_stop_start),
    Disturbance("filterctl stop; start", _filterctl_stop_start, hole=True),
    Disturbance("parent killed, stop; start", _parent_killed),
)
WORKER_KILLED = DISTURBANCES[5]
