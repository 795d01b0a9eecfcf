"""The benchmark of judging measures what it says: each of its rows, against its bound."""

import pytest

from bench.judge import ENTRIES, facts_for, main, policy_of
from scanner_service.judge.policy_bank import traffic_of


def test_a_quick_run_prints_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--quick"])

    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert status == 0
    assert [row.split(" | ")[0] for row in rows[2:4]] == [
        "| judging, one recipient",
        "| judging, each of 50 recipients",
    ]
    assert "verdicts/s" in rows[-1]


def test_the_policy_that_is_measured_holds_a_bank_and_its_entries() -> None:
    policy = policy_of(ENTRIES).policy_for(traffic_of(facts_for(1)))

    assert policy.name == "partner"
    assert policy.lovers["banned"].tables
    assert policy.sender_scores is not None
