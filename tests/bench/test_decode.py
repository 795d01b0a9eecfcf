"""The benchmark of decoding measures, draws, and its page shows what it measured last."""

import xml.etree.ElementTree as ET

import pytest

from bench.decode import PARTS, QUICK_PLAN, SIZES, main, measure
from bench.decode_report import BY_BYTES, BY_PARTS, PLOT, RESULTS, DecodeReport, plot, with_table
from bench.performance_page import PAGE

SVG = "{http://www.w3.org/2000/svg}"
# Of cost in proportion to the amount, with room for what a message costs whatever its size, and for a noisy machine.
GROWTH_LIMIT = 2.0


@pytest.fixture
def report() -> DecodeReport:
    return DecodeReport.from_json(RESULTS.read_text())


def test_a_quick_run_measures_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = RESULTS.read_bytes()

    status = main(["--quick"])

    assert status == 0
    assert capsys.readouterr().out.count("and a picture |") == len(QUICK_PLAN.sizes)
    assert RESULTS.read_bytes() == before


def test_messages_have_the_size_and_the_parts_that_they_are_said_to_have() -> None:
    points = list(measure(QUICK_PLAN))

    by_bytes = [point for point in points if point.series == BY_BYTES]
    assert [round(point.size_bytes / 1024) for point in by_bytes] == pytest.approx(QUICK_PLAN.sizes, rel=0.1)
    assert [point.parts for point in points if point.series == BY_PARTS] == list(QUICK_PLAN.parts)
    assert all(point.decode_ms > 0 < point.library_ms for point in points)


def test_page_and_picture_show_the_results_of_the_last_run(report: DecodeReport) -> None:
    page = PAGE.read_text()

    assert page == with_table(page, report)
    assert PLOT.read_text() == plot(report)


def test_the_picture_has_a_place_for_each_message(report: DecodeReport) -> None:
    picture = ET.fromstring(plot(report))

    assert len(picture.findall(f".//{SVG}circle")) == 2 * (len(SIZES) + len(PARTS))
    assert picture.find(f"{SVG}title") is not None


@pytest.mark.parametrize(
    ("series", "amount", "from_amount"), [(BY_BYTES, "size_bytes", 2**19), (BY_PARTS, "parts", 100)]
)
def test_cost_was_linear(report: DecodeReport, series: str, amount: str, from_amount: int) -> None:
    points = [point for point in report.series(series) if getattr(point, amount) >= from_amount]

    costs = [point.decode_ms / getattr(point, amount) for point in points]

    assert max(costs) < GROWTH_LIMIT * min(costs)
