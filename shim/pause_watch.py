"""Say in the log when a pause begins, that it goes on, and when it is over."""

import time
from datetime import UTC, datetime
from pathlib import Path

from shim.log_line import Level, log
from shim.pause import Pause, PauseError, pause_in_force, pause_path

REMIND_SECONDS = 600.0


class PauseWatch:
    """The parent's eye on the pause file; it needs to look when it is told to, and when a time has come."""

    def __init__(self, socket_path: Path) -> None:
        self._path = pause_path(socket_path)
        self._pause: Pause | None = None
        self._remind_at = 0.0

    @property
    def is_paused(self) -> bool:
        """What it saw when it looked last."""
        return self._pause is not None

    def seconds_to_wait(self) -> float | None:
        """Return how long until there is something to look at; None if nothing will come by itself."""
        if self._pause is None:
            return None
        return max(0.0, min(self._pause.until, self._remind_at) - time.time())

    def look(self) -> None:
        """Read the file, and say what is new."""
        before, self._pause = self._pause, self._read()
        if self._pause is None:
            if before is not None:
                log(Level.ALERT, event="pause ended")
        elif self._pause != before or time.time() >= self._remind_at:
            until = datetime.fromtimestamp(self._pause.until, UTC).isoformat(timespec="seconds")
            log(Level.ALERT, event="paused", until=until, problem="all mail passes unscanned")
            self._remind_at = time.time() + REMIND_SECONDS

    def _read(self) -> Pause | None:
        try:
            return pause_in_force(self._path)
        except PauseError as error:
            log(Level.ERROR, event="no pause", problem=error)
            return None
