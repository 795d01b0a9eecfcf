"""Times as people write them: how long ago, or a date."""

import re
from datetime import datetime

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WANTED = "want 90s, 15m, 6h, 7d, or a date as 2026-05-31 or 2026-05-31T18:00"

_AGO = re.compile(r"(\d{1,9})([smhd])")


def unix_seconds_of(text: str, now: float) -> float:
    """Return the time that is so long before now, or that date; of a date without a zone, the one here.

    Raises:
        ValueError: it is neither.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return now - int(ago[1]) * SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{WANTED}, got {text!r}") from error
