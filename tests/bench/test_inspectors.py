"""The benchmark of inspectors measures each of them, and its page shows what it measured last."""

import pytest

from bench.inspectors import main
from bench.inspectors_report import RESULTS, InspectorsReport
from bench.messages import MessageSize
from bench.performance_page import PAGE
from scanner_service.inspector_choice import choose_inspectors
from scanner_service.settings import Settings


def test_a_quick_run_measures_every_inspector_that_is_on_by_default_and_writes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = RESULTS.read_bytes()

    status = main(["--quick"])

    assert status == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) > len(choose_inspectors(Settings()).inspectors) + 2  # a head, decoding, and another's
    assert RESULTS.read_bytes() == before


def test_the_page_shows_the_results_of_the_last_run() -> None:
    report, page = InspectorsReport.from_json(RESULTS.read_text()), PAGE.read_text()

    assert page == report.on_page(page)


def test_the_last_run_had_each_inspector_at_each_size() -> None:
    costs = InspectorsReport.from_json(RESULTS.read_text()).costs

    assert {(cost.name, cost.size) for cost in costs} == {
        (name, size.value) for name in {cost.name for cost in costs} for size in MessageSize
    }
    assert {"decode", "clamd", "banned", "bad_header"} <= {cost.name for cost in costs}
