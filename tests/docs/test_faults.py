"""The page of faults shows the results that are kept, and the results are what the shim promises."""

from tests.faults.report import PAGE, RESULTS, Report, put_into_page
from tests.faults.situations import SITUATIONS


def test_the_page_shows_the_results() -> None:
    page = PAGE.read_text()

    assert put_into_page(Report.from_json(RESULTS.read_text()), page) == page


def test_the_results_have_each_situation_and_are_what_is_promised() -> None:
    rows = Report.from_json(RESULTS.read_text()).rows

    assert list(rows) == [situation.name for situation in SITUATIONS]
    for situation in SITUATIONS:
        cells = rows[situation.name]
        assert cells["couriergate"].reply == situation.reply, situation.name
        assert situation.beside is None or cells["beside"].reply == situation.beside, situation.name
        assert ("pythonfilter" in cells) == situation.for_pythonfilter, situation.name
