"""Resolvers that answer as name servers would, without one."""

import time
from collections.abc import Mapping

from scanner_service.clients.dns_resolver import DnsUnavailableError, RecordKind


class DnsTable:
    """``zone`` has a line ``name type data`` for each record, the text of TXT without quotes.

    ``seconds`` is how long each answer takes; ``failing`` names have none. What was asked stands in ``asked``.
    """

    def __init__(self, zone: str, failing: Mapping[str, str] | None = None, seconds: float = 0.0) -> None:
        self.asked: list[str] = []
        self._failing = dict(failing or {})
        self._seconds = seconds
        self._records: dict[tuple[str, str], list[bytes]] = {}
        for line in filter(None, map(str.strip, zone.splitlines())):
            name, kind, data = line.split(maxsplit=2)
            self._records.setdefault((name, kind), []).append(data.encode())

    def look_up(self, name: str, kind: RecordKind, limit_seconds: float) -> tuple[bytes, ...]:
        """See Resolver."""
        self.asked.append(f"{name} {kind}")
        time.sleep(min(self._seconds, limit_seconds))
        if self._seconds > limit_seconds:
            raise DnsUnavailableError("no answer in time")
        if name in self._failing:
            raise DnsUnavailableError(self._failing[name])
        return tuple(self._records.get((name, kind.value), ()))


class OneAnswer:
    """A resolver that has the same for every question: one thing about a TXT, another about all else."""

    def __init__(self, text: bytes, other: bytes = b"") -> None:
        self.asked: list[str] = []
        self._text = text
        self._other = other

    def look_up(self, name: str, kind: RecordKind, limit_seconds: float) -> tuple[bytes, ...]:
        """See Resolver."""
        del limit_seconds
        self.asked.append(f"{name} {kind}")
        return (self._text if kind is RecordKind.TXT else self._other,)
