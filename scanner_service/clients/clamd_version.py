"""What clamd's answer to VERSION says of its signatures."""

from datetime import datetime


def signatures_made(version: str) -> datetime | None:
    """Return when the signatures were made, None if the answer does not say, as without the official daily ones.

    ``ClamAV 1.4.6/28039/Thu Jun  6 08:29:36 2024`` (``clamd/session.c``, ``print_ver``). The time is ctime(3)'s:
    local where clamd runs, and no zone is named. It is taken for local here; for a clamd far away it is wrong by up
    to a day.
    """
    program, number, made = [*version.strip().split("/", 2), "", ""][:3]
    if not program.startswith("ClamAV ") or not number:
        return None
    try:
        return datetime.strptime(made, "%a %b %d %H:%M:%S %Y").astimezone()
    except (ValueError, OverflowError, OSError):  # OverflowError, OSError: a year that no clock here has
        return None


def days_between(made: datetime, now: datetime) -> int:
    """Return the whole days from one to the other; 0 if a clock is wrong and the signatures are of tomorrow."""
    return max(0, (now - made).days)
