"""What how-to pages show, done on the mail host: its code blocks, as they stand there.

A block that begins with `# PATH` is the content of that file, other blocks are commands for a shell.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios.mail_users import Mailbox, write_home_file
from tests.scenarios.program import CLEAN_ENVIRONMENT, ProgramError

_PAGES = Path(__file__).parents[2] / "docs/how_to"
PAGES = (_PAGES / "sort_spam_into_a_folder.md", _PAGES / "tag_subjects_and_folders.md")
_COMMAND_LIMIT_SECONDS = 60
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# ((?:~/|/)\S+)")


class HowToError(ProgramError):
    """The page has no such heading, or what it shows does not work."""


@dataclass(frozen=True, slots=True)
class Block:
    """The content of a file if ``file`` is named, else commands."""

    text: str
    file: str | None


def blocks_under(heading: str) -> list[Block]:
    """Return the blocks of one section, in their order."""
    sections = dict(section for page in PAGES for section in sections_of(page.read_text()))
    if heading not in sections:
        raise HowToError(f"how-to pages: want one of their headings {list(sections)}, got {heading!r}")
    return [_read_block(found[1]) for found in _BLOCK.finditer(sections[heading])]


def sections_of(page: str) -> Iterator[tuple[str, str]]:
    """Yield each heading with what stands under it."""
    outside = _BLOCK.sub(lambda block: " " * len(block[0]), page)  # where no comment is taken for a heading
    headings = list(_HEADING.finditer(outside))
    ends = [heading.start() for heading in headings[1:]] + [len(page)]
    for heading, end in zip(headings, ends, strict=True):
        yield heading[1], page[heading.end() : end]


def follow_as_user(mailbox: Mailbox, heading: str) -> None:
    """Do what the section says, as somebody who gets mail."""
    for block in blocks_under(heading):
        if block.file is None:
            _run(block.text, mailbox)
        else:
            write_home_file(mailbox, block.file.removeprefix("~/"), block.text)


def follow_as_administrator(heading: str) -> None:
    for block in blocks_under(heading):
        if block.file is None:
            _run(block.text, None)
        else:
            Path(block.file).write_text(block.text)


def _read_block(text: str) -> Block:
    named = _FILE_NAME.match(text)
    return Block(text, named[1] if named else None)


def _run(commands: str, mailbox: Mailbox | None) -> None:
    """Run them as the user, or as root without one; into a file, as daemons left behind would hold a pipe open."""
    home = str(mailbox.home) if mailbox else "/root"
    with tempfile.TemporaryFile() as output:
        ended = subprocess.run(
            ["/bin/sh", "-ec", commands],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home,
            env=CLEAN_ENVIRONMENT | {"HOME": home},
            user=mailbox.uid if mailbox else None,
            group=mailbox.uid if mailbox else None,
            extra_groups=[] if mailbox else None,
            timeout=_COMMAND_LIMIT_SECONDS,
            check=False,
        )
        output.seek(0)
        if ended.returncode:
            raise HowToError(f"{commands!r} ended with {ended.returncode} and printed {output.read().decode()!r}")
