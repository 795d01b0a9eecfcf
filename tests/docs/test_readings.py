"""The page on readings has a row for each fork and each defect."""

from pathlib import Path

from scanner_service.decode.reading import Defect, Fork

PAGE = Path(__file__).parents[2] / "docs/explanation/readings.md"


def test_each_fork_and_each_defect_has_its_row() -> None:
    rows = {line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")}

    assert rows == {*Fork, *Defect, "what is there", "defect"}
