"""The pages of the documentation, as tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def first_cells(page: str) -> list[str]:
    """Return the first cell of each row of the tables of a page, their headings among them."""
    return re.findall(r"^\| (.*?) \|", (ROOT / page).read_text(), re.MULTILINE)
