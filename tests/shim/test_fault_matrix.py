"""The fault matrix of docs/explanation/faults.md, every row for the shim, with short limits."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.faults.filters import Couriergate, Pace
from tests.faults.situations import SICK_SCANNER, SITUATIONS, Outcome, Situation

PACE = Pace(deadline_seconds=1.5, retry_seconds=0.5, patience_seconds=30.0)
PATIENT = replace(PACE, deadline_seconds=20.0)  # it takes seconds to be sure that a scanner hangs
SLACK_SECONDS = 10.0  # the machine may be busy with other things

Outcomes = Callable[..., Outcome]


@pytest.fixture(scope="module")
def outcome_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Play all rows, four at a time, for they wait more than they work; each has a shim and a host of its own."""

    def play(situation: Situation, *, beside: bool) -> Outcome:
        pace = PATIENT if beside else PACE
        return situation.play(Couriergate(tmp_path_factory.mktemp("host"), pace, beside=beside))

    with ThreadPoolExecutor(4) as pool:
        alone = {one.name: pool.submit(play, one, beside=False) for one in SITUATIONS if _can_be_played(one)}
        beside = {one.name: pool.submit(play, one, beside=True) for one in SICK_SCANNER}

        def outcome_of(situation: Situation, *, with_another: bool = False) -> Outcome:
            rows: dict[str, Future[Outcome]] = beside if with_another else alone
            return rows[situation.name].result()

        yield outcome_of


def _can_be_played(situation: Situation) -> bool:
    return not situation.needs_root or os.geteuid() == 0


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)
def test_the_shim_answers_what_it_promises_in_one_line_and_leaves_nothing(
    outcome_of: Outcomes, situation: Situation
) -> None:
    if not _can_be_played(situation):
        pytest.skip("not root: a file system of a mount namespace cannot be made")

    outcome = outcome_of(situation)

    _must_be(outcome, situation.reply, situation.log_lines)
    assert situation.logged in "".join(outcome.log[-1:])


@pytest.mark.parametrize("situation", SICK_SCANNER, ids=lambda one: one.name)
def test_a_healthy_scanner_beside_judges_the_mail(outcome_of: Outcomes, situation: Situation) -> None:
    outcome = outcome_of(situation, with_another=True)

    assert situation.beside is not None
    _must_be(outcome, situation.beside, situation.log_lines)


def _must_be(outcome: Outcome, reply: str, log_lines: int) -> None:
    assert outcome.reply == reply
    assert len(outcome.log) == log_lines, outcome.log
    assert outcome.seconds < PACE.deadline_seconds + SLACK_SECONDS
    assert outcome.descriptors_left in {0, None}
    assert outcome.files_left in {0, None}
