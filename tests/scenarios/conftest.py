"""The mail host of the scenarios: one for the whole run, in the namespaces that the test runner made for it."""

import os
from collections.abc import Iterator

import pytest

from tests.scenarios.courier_host import CourierHost
from tests.scenarios.private_namespace import why_scenarios_cannot_run


@pytest.fixture(scope="session")
def running_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CourierHost]:
    if reason := why_scenarios_cannot_run():
        (pytest.fail if os.environ.get("COURIERGATE_REQUIRE_ALL") == "1" else pytest.skip)(reason)
    host = CourierHost()
    host.set_up(tmp_path_factory.mktemp("mail-host"))
    with host.running():
        yield host


@pytest.fixture
def mail_host(running_host: CourierHost) -> CourierHost:
    """The host as every scenario finds it: everything running, nothing queued, nothing delivered."""
    running_host.restore()
    return running_host
