"""The page about the soak says what its last run found."""

from soak.__main__ import MINUTES
from soak.report import BEGIN, END, PAGE, as_markdown, read_results


def test_the_page_shows_the_results_of_the_last_run() -> None:
    reports = read_results()

    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]

    assert shown == f"\n{as_markdown(reports)}\n"
    assert list(reports) == list(MINUTES)


def test_the_last_run_found_no_fault() -> None:
    rows = [row for report in read_results().values() for row in report["rows"]]

    assert [fault for row in rows for fault in row["faults"]] == []
