"""Scenarios do what pages on sorting spam show: each section with an example, and none that is not there."""

import re
from pathlib import Path

import pytest

from tests.scenarios.how_to import PAGES, HowToError, blocks_under, sections_of

DIALOGS = sorted((Path(__file__).parents[1] / "scenarios").glob("*/dialog"))
FOLLOWED = {
    heading
    for dialog in DIALOGS
    for heading in re.findall(r"^! .* follows the how-to: (.+)$", dialog.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("heading", sorted(FOLLOWED))
def test_a_section_that_a_scenario_follows_shows_what_to_do(heading: str) -> None:
    assert blocks_under(heading)


def test_no_heading_is_on_two_pages() -> None:
    headings = [heading for page in PAGES for heading, _ in sections_of(page.read_text())]

    assert len(headings) == len(set(headings))


def test_every_example_of_the_pages_is_followed_by_a_scenario() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    shown = re.findall(r"^```[a-z]+\n(.*?)^```$", pages, re.MULTILINE | re.DOTALL)

    followed = [block.text for heading in FOLLOWED for block in blocks_under(heading)]

    assert sorted(followed) == sorted(shown)


def test_a_block_is_a_file_if_its_first_line_names_one() -> None:
    blocks = [block for heading in sorted(FOLLOWED) for block in blocks_under(heading)]

    assert {block.file for block in blocks} == {
        None,
        "/etc/couriergate/scanner.toml",
        "~/.courier",
        "~/.courier-spam",
        "~/.mailfilter",
    }


def test_a_section_that_is_not_there_is_an_error() -> None:
    with pytest.raises(HowToError, match="want one of their headings"):
        blocks_under("The philosophy")
