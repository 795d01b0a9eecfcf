"""`python -m tests.corpus.clean FOLDER` writes the messages as files; `--findings` shows what the service finds."""

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.clean import CLEAN_MESSAGES
from tests.corpus.clean.findings import PAGE, as_markdown, judge, with_tables


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.clean", description="The corpus of clean mail.")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="write the messages there, as .eml")
    wanted.add_argument("--findings", action="store_true", help="judge them all, and print what is found")
    wanted.add_argument("--write", action="store_true", help="judge them all, and write what is found to its page")
    given = parser.parse_args(arguments)
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        for message in CLEAN_MESSAGES:
            (given.folder / f"{message.name}.eml").write_bytes(message.build())
        return 0
    with contextlib.redirect_stderr(io.StringIO()):  # where the service logs
        tables = as_markdown(judge(CLEAN_MESSAGES))
    if given.write:
        PAGE.write_text(with_tables(PAGE.read_text(), tables))
    else:
        print(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
