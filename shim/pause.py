"""The panic button: a file beside the filter socket that lets mail pass unscanned until the time it names.

It is a file, so that it outlives every process, and it names a time, so that it ends without any. Its name begins
with a dot: submit and courierfilter leave it alone.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

LONGEST_SECONDS = 24 * 3600
CLOCK_STEP_SECONDS = 60  # what a clock may be set back without ending the pause


class PauseError(Exception):
    """The file is not what it should be, or cannot be written; there is no pause then."""


@dataclass(frozen=True, slots=True)
class Pause:
    """From when until when, in Unix time."""

    since: float
    until: float

    def holds(self, now: float) -> bool:
        """Whether it is in force; one from the future is not: the clock was set back, and nobody knows how far."""
        return self.since - CLOCK_STEP_SECONDS <= now < self.until <= self.since + LONGEST_SECONDS


def pause_path(socket_path: Path) -> Path:
    """Return where the pause of this filter is kept."""
    return socket_path.with_name(f".{socket_path.name}.paused")


def pause_in_force(path: Path) -> Pause | None:
    """Return the pause that this file holds, if there is one now.

    Raises:
        PauseError: there is a file, and nobody can tell what it means.
    """
    try:
        path.stat()  # fails in a fifth of the time that opening takes, and hardly ever is there a pause
        values = json.loads(path.read_text(encoding="ascii"))
        pause = Pause(float(values["since"]), float(values["until"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PauseError(
            f"{path}: want since and until, got {error}; take it away with: couriergate-shim resume"
        ) from error
    return pause if pause.holds(time.time()) else None


def begin_pause(path: Path, seconds: float) -> Pause:
    """Let mail pass from now on, in place of any pause there is; return when it is on disk.

    Raises:
        PauseError: it cannot be written.
    """
    pause = Pause(time.time(), time.time() + seconds)
    new_path = path.with_name(f"{path.name}.new")
    try:
        with new_path.open("w", encoding="ascii") as file:
            json.dump(asdict(pause), file)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        new_path.rename(path)
    except OSError as error:
        raise PauseError(f"{path}: cannot be written: {error.strerror}") from error
    return pause


def end_pause(path: Path) -> None:
    """Have mail scanned again.

    Raises:
        PauseError: the file cannot be taken away.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise PauseError(f"{path}: cannot be taken away: {error.strerror}") from error
