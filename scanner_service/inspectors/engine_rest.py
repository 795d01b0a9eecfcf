"""Leave an engine alone that keeps failing, where mail can do without it: one that hangs costs all of its time."""

from dataclasses import dataclass, field

FAILURES_BEFORE_REST = 3
REST_SECONDS = 30.0


@dataclass(slots=True)
class _Record:
    failures: int = 0
    rests_until: float = 0.0


@dataclass(slots=True)
class EngineRest:
    """Times are of the event loop. After a rest one message tries the engine, and if that fails it rests again."""

    _records: dict[str, _Record] = field(default_factory=dict)

    def rests(self, name: str, now: float) -> bool:
        """Tell whether the engine is to be left alone now."""
        record = self._records.get(name)
        return record is not None and now < record.rests_until

    def succeeded(self, name: str) -> None:
        """The engine has looked."""
        self._records.pop(name, None)

    def failed(self, name: str, now: float) -> None:
        """The engine did not look."""
        record = self._records.setdefault(name, _Record())
        record.failures += 1
        if record.failures >= FAILURES_BEFORE_REST:
            record.rests_until = now + REST_SECONDS
