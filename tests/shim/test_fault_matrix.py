"""The fault matrix of docs/explanation/faults.md, every row for the shim, with short limits."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.filters import Couriergate, Pace
from tests.faults.situations import SICK_SCANNER, SITUATIONS, Outcome, Situation

PACE = Pace(deadline_seconds=1.5, retry_seconds=0.5, patience_seconds=30.0)
PATIENT = replace(PACE, deadline_seconds=15.0)  # it takes seconds to be sure that a scanner hangs
SLACK_SECONDS = 10.0  # the machine may be busy with other things


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short name: a socket's path has at most 107 bytes."""
    return tmp_path_factory.mktemp("host")


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)
def test_the_shim_answers_what_it_promises_in_one_line_and_leaves_nothing(folder: Path, situation: Situation) -> None:
    if situation.needs_root and os.geteuid() != 0:
        pytest.skip("not root: a file system of a mount namespace cannot be made")

    outcome = situation.play(Couriergate(folder, PACE))

    _must_be(outcome, situation.reply, situation.log_lines)
    assert situation.logged in "".join(outcome.log[-1:])


@pytest.mark.parametrize("situation", SICK_SCANNER, ids=lambda one: one.name)
def test_a_healthy_scanner_beside_judges_the_mail(folder: Path, situation: Situation) -> None:
    outcome = situation.play(Couriergate(folder, PATIENT, beside=True))

    assert situation.beside is not None
    _must_be(outcome, situation.beside, situation.log_lines)


def _must_be(outcome: Outcome, reply: str, log_lines: int) -> None:
    assert outcome.reply == reply
    assert len(outcome.log) == log_lines, outcome.log
    assert outcome.seconds < PACE.deadline_seconds + SLACK_SECONDS
    assert outcome.descriptors_left in {0, None}
    assert outcome.files_left in {0, None}
