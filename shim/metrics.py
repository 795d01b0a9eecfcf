"""What the shim counts, in Prometheus' text format (version 0.0.4).

Workers count, and send what was added to the parent now and then; the parent adds it up and writes one file, which
node_exporter's textfile collector reads.
"""

from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path

PREFIX = "couriergate_shim_"
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

COUNTERS = {
    "messages_total": "Messages answered, by destiny and deciding category; none without a verdict.",
    "replies_total": "Replies to Courier, by their first digit.",
    "unfiltered_total": "Messages passed although nobody scanned them, by reason.",
    "would_be_total": "Replies that observe mode kept from being given, by their first digit.",
    "questions_total": "Questions to scanners, by scanner and outcome.",
    "worker_deaths_total": "Workers that ended without being told to.",
    "log_lines_dropped_total": "Log lines that the logger did not take in time.",
}
GAUGES = {
    "workers": "Workers that serve.",
    "paused": "1 while mail passes unscanned on the operator's word.",
    "start_time_seconds": "When the parent was started or restarted, in Unix time.",
}
HISTOGRAMS = {"message_seconds": "From connection to reply."}

Counted = tuple[str, Sequence[tuple[str, str]], float]  # name, labels, amount


class Metrics:
    """Numbers under a name and labels."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        key = (name, tuple(sorted(labels.items())))
        self._values[key] = self._values.get(key, 0.0) + amount

    def observe(self, name: str, seconds: float) -> None:
        """Add one observation to a histogram."""
        bound = next((one for one in BUCKETS_SECONDS if seconds <= one), inf)
        self.count(f"{name}_bucket", le=_bound(bound))
        self.count(f"{name}_sum", seconds)
        self.count(f"{name}_count")

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._values[name, ()] = value

    def take(self) -> list[Counted]:
        """Return what was counted since the last time, fit for JSON, and forget it."""
        values, self._values = self._values, {}
        return [(name, labels, value) for (name, labels), value in values.items()]

    def add(self, counted: Iterable[Counted]) -> None:
        """Add what another process took."""
        for name, labels, value in counted:
            self.count(name, value, **dict(labels))

    def render(self) -> str:
        """Return all of it as text, with help and type before each family."""
        counters = "".join(self._family(name, "counter", said) for name, said in COUNTERS.items())
        gauges = "".join(self._family(name, "gauge", said) for name, said in GAUGES.items())
        return counters + gauges + "".join(self._histogram(name, said) for name, said in HISTOGRAMS.items())

    def _family(self, name: str, kind: str, described: str) -> str:
        return _heading(name, kind, described) + "".join(
            _sample(one, labels, value) for (one, labels), value in sorted(self._values.items()) if one == name
        )

    def _histogram(self, name: str, described: str) -> str:
        text, total = _heading(name, "histogram", described), 0.0
        for bound in (*BUCKETS_SECONDS, inf):  # each bucket holds those of the smaller ones as well
            label = (("le", _bound(bound)),)
            total += self._values.get((f"{name}_bucket", label), 0.0)
            text += _sample(f"{name}_bucket", label, total)
        for one in (f"{name}_sum", f"{name}_count"):
            text += _sample(one, (), self._values.get((one, ()), 0.0))
        return text


def write_metrics(metrics: Metrics, path: Path) -> None:
    """Put the text in place of the file of before, in one step: a reader sees either.

    Raises:
        OSError: it cannot be written.
    """
    new_path = path.with_name(f".{path.name}.new")
    new_path.write_text(metrics.render(), encoding="ascii")
    new_path.chmod(0o644)
    new_path.rename(path)


def _heading(name: str, kind: str, described: str) -> str:
    return f"# HELP {PREFIX}{name} {described}\n# TYPE {PREFIX}{name} {kind}\n"


def _sample(name: str, labels: Sequence[tuple[str, str]], value: float) -> str:
    return f"{PREFIX}{name}{_labels(labels)} {value:.15g}\n"


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == inf else f"{seconds:g}"


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    said = ",".join(f'{name}="{_escape(value)}"' for name, value in labels)
    return f"{{{said}}}" if said else ""


def _escape(value: str) -> str:
    return (
        value.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .encode("ascii", "replace")
        .decode("ascii")
    )
