"""Scenarios do what the page on sorting spam shows: each section with an example, and none that is not there."""

import re
from pathlib import Path

import pytest

from tests.scenarios.how_to import PAGE, HowToError, blocks_under

DIALOGS = sorted((Path(__file__).parents[1] / "scenarios").glob("*/dialog"))
FOLLOWED = {
    heading
    for dialog in DIALOGS
    for heading in re.findall(r"^! .* follows the how-to: (.+)$", dialog.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("heading", sorted(FOLLOWED))
def test_a_section_that_a_scenario_follows_shows_what_to_do(heading: str) -> None:
    assert blocks_under(heading)


def test_every_example_of_the_page_is_followed_by_a_scenario() -> None:
    shown = re.findall(r"^```[a-z]+\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    followed = [block.text for heading in FOLLOWED for block in blocks_under(heading)]

    assert sorted(followed) == sorted(shown)


def test_a_block_is_a_file_if_its_first_line_names_one() -> None:
    blocks = [block for heading in sorted(FOLLOWED) for block in blocks_under(heading)]

    assert {block.file for block in blocks} == {None, "~/.courier", "~/.mailfilter"}


def test_a_section_that_is_not_there_is_an_error() -> None:
    with pytest.raises(HowToError, match="want one of its headings"):
        blocks_under("The philosophy")
