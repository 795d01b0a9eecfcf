"""A log that grows while a scenario plays."""

from pathlib import Path


class LogFile:
    """A text log, read from the place where the scenario began."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin_bytes = 0

    def begin_here(self) -> None:
        """Let `lines` leave out whatever stands there now."""
        self._begin_bytes = len(self._read())

    def lines(self) -> list[str]:
        return self._read()[self._begin_bytes :].decode(errors="backslashreplace").splitlines()

    def earlier(self) -> str:
        """Return what stood there before."""
        return self._read()[: self._begin_bytes].decode(errors="backslashreplace")

    def tail(self, count: int = 30) -> str:
        return "\n".join(self._read().decode(errors="backslashreplace").splitlines()[-count:])

    def _read(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""
