"""What happens to a mail host, one after the other, while mail comes in."""

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
    """One kind; ``happen`` returns how many messages were in the hands of what it killed, if anything.

    No more than those may be refused for now, unless it stops the filter. Where it makes a hole, Courier takes the
    filter's socket away, and mail passes unfiltered.
    """

    name: str
    happen: Callable[[CourierHost], int | None]
    stops_filter: bool = False
    makes_hole: bool = False


def _filterctl_stop_start(host: CourierHost) -> None:
    """Wait for the end of the filter: two quick signals would be one to courierfilter, which then changes nothing."""
    host.courier.run("filterctl", "stop", FILTER_NAME)
    wait_until(lambda: not FILTER_SOCKET.exists(), _SOCKET_LIMIT_SECONDS, "no filter socket")
    time.sleep(_PAUSE_SECONDS)
    host.courier.run("filterctl", "start", FILTER_NAME)
    wait_until(FILTER_SOCKET.exists, _SOCKET_LIMIT_SECONDS, "a filter socket")


def _kill_parent_stop_start(host: CourierHost) -> None:
    kill_parent(host.courier)
    time.sleep(_PAUSE_SECONDS)
    host.courier.restart_filter()


WORKER_KILLED = Disturbance("worker killed", lambda host: kill_worker(host.courier))
CLAMD_DISTURBANCES = (
    Disturbance("clamd restarted", lambda host: host.clamd.restart()),
    Disturbance("clamd reads its signatures anew", lambda host: host.clamd.reload()),
)
DISTURBANCES = (
    Disturbance("courierfilter restart", lambda host: host.courier.run("courierfilter", "restart")),
    Disturbance("SIGHUP to the shim", lambda host: reload_shim(host.courier)),
    Disturbance("couriergate-shim restart", lambda host: host.courier.restart_shim()),
    Disturbance("scanning service restarted", lambda host: host.service.restart()),
    *CLAMD_DISTURBANCES,
    WORKER_KILLED,
    Disturbance("courierfilter stop; start", lambda host: host.courier.restart_filter(), stops_filter=True),
    Disturbance("filterctl stop; start", _filterctl_stop_start, stops_filter=True, makes_hole=True),
    Disturbance("parent killed, stop; start", _kill_parent_stop_start, stops_filter=True),
)
