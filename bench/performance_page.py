"""The page about cost: each report has a section of its own there, which it writes anew."""

from collections.abc import Mapping
from typing import Any

from bench.stage import PROJECT

PAGE = PROJECT / "docs/explanation/performance.md"
END = "<!-- end -->\n"


def with_section(page: str, begin: str, markdown: str) -> str:
    """Return the page with this text between the line ``begin`` and the next END, in place of what is there."""
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{markdown}\n{END}{rest.partition(END)[2]}"


def say_run(date: str, commit: str, machine: Mapping[str, Any]) -> str:
    """Return the line of a run; what stands behind the 40 digits of the commit says that files were changed."""
    return (
        f"{date}, commit {commit[:12]}{commit[40:]}, {machine['processors']} x "
        f"{machine['processor']}, Python {machine['python']}."
    )
