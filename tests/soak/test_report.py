"""The page about the soak says what its last run found."""

import json

from soak.report import BEGIN, END, PAGE, RESULTS, as_markdown


def test_the_page_shows_the_results_of_the_last_run() -> None:
    report = json.loads(RESULTS.read_text())

    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]

    assert shown == f"\n{as_markdown(report)}\n"
    assert report["rows"]


def test_the_last_run_found_no_fault() -> None:
    report = json.loads(RESULTS.read_text())

    assert [fault for row in report["rows"] for fault in row["faults"]] == []
