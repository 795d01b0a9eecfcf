"""The restarts and kills of `make soak`, once each: under load no mail is lost, doubled or let through unfiltered."""

from collections.abc import Iterator

import pytest

from soak.disturbances import CLAMD_DISTURBANCES, DISTURBANCES, WORKER_KILLED, Disturbance
from soak.mail_host import SOAK_SCANNER_SETTINGS, SOAK_SHIM_SETTINGS, disturb
from soak.pause import pause_outlives_kill
from soak.progress import Progress
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.programs_under_test import SCANNER_SETTINGS, SHIM_SETTINGS


@pytest.fixture(scope="module")
def soak_host(running_host: CourierHost) -> Iterator[CourierHost]:
    """The host with the settings of the soak; the scenarios get theirs back."""
    running_host.restore()
    running_host.use_settings(SOAK_SHIM_SETTINGS, SOAK_SCANNER_SETTINGS)
    yield running_host
    running_host.restore()
    running_host.use_settings(SHIM_SETTINGS, SCANNER_SETTINGS)


OTHER_DISTURBANCES = [one for one in DISTURBANCES if one not in CLAMD_DISTURBANCES]


@pytest.mark.parametrize("disturbance", OTHER_DISTURBANCES, ids=lambda disturbance: disturbance.name)
def test_what_happens_to_the_host_costs_no_mail(soak_host: CourierHost, disturbance: Disturbance) -> None:
    row = disturb(soak_host, disturbance, 1, Progress())

    assert row.faults == []
    assert row.figures["accepted"]


@pytest.mark.parametrize("disturbance", CLAMD_DISTURBANCES, ids=lambda disturbance: disturbance.name)
def test_a_clamd_that_is_away_again_and_again_refuses_no_clean_mail_and_passes_no_virus(
    soak_host: CourierHost, disturbance: Disturbance
) -> None:
    row = disturb(soak_host, disturbance, 5, Progress())

    assert row.faults == []
    assert row.figures["refused 4xx"] == 0
    assert row.figures["refused 5xx"] == row.figures["infected"] != 0


def test_killed_again_and_again_a_worker_refuses_no_more_than_it_held(soak_host: CourierHost) -> None:
    row = disturb(soak_host, WORKER_KILLED, 3, Progress())

    assert row.faults == []
    assert row.figures["refused 5xx"]


def test_a_pause_outlives_every_process_and_ends_by_the_clock(soak_host: CourierHost) -> None:
    row = pause_outlives_kill(soak_host)

    assert row.faults == []
    assert row.figures["paused: marked"]
    assert row.figures["refused 5xx"]
