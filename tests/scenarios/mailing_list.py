"""A mailing list of couriermlm(1): whoever may have a `.courier` file may run one, here a user of the mail host."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.scenarios.courier_mta import MAIL_DOMAIN
from tests.scenarios.mail_users import Mailbox, write_home_file
from tests.scenarios.program import CLEAN_ENVIRONMENT, ProgramError

_COURIERMLM = Path("/usr/bin/couriermlm")
_COMMAND_LIMIT_SECONDS = 30


def keep_mailing_list(owner: Mailbox, name: str, members: Sequence[str]) -> None:
    """Make the list ``OWNER-NAME``, to which anybody may post, with these members."""
    folder = owner.home / name
    _run(owner, "create", str(folder), f"ADDRESS={owner.name}-{name}@{MAIL_DOMAIN}")
    _run(owner, "set", str(folder), "POST=all")
    for member in members:
        _run(owner, "sub", str(folder), member)
    for suffix, command in {"": "msg", "-default": "ctlmsg"}.items():
        write_home_file(owner, f".courier-{name}{suffix}", f"| {_COURIERMLM} {command} {folder}\n")
    write_home_file(owner, f".courier-{name}-owner", "./Maildir\n")


def _run(owner: Mailbox, *arguments: str) -> None:
    ended = subprocess.run(
        [_COURIERMLM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=owner.home,
        env=CLEAN_ENVIRONMENT,
        user=owner.uid,
        group=owner.uid,
        extra_groups=[],
        timeout=_COMMAND_LIMIT_SECONDS,
        check=False,
    )
    if ended.returncode:
        printed = (ended.stdout + ended.stderr).decode(errors="backslashreplace")
        raise ProgramError(f"couriermlm {' '.join(arguments)} ended with {ended.returncode} and printed {printed!r}")
