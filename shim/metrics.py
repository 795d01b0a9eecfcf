"""What the shim counts, in Prometheus' text format (version 0.0.4).

Workers count, and send what was added to the parent now and then; the parent adds it up and writes one file, which
node_exporter's textfile collector reads.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

PREFIX = "couriergate_shim_"
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

COUNTERS = {
    "messages_total": "Messages answered, by destiny and deciding category; none without a verdict.",
    "replies_total": "Replies to Courier, by their first digit.",
    "unfiltered_total": "Messages passed although nobody scanned them, by reason.",
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
        for bound in BUCKETS_SECONDS:
            if seconds <= bound:
                self.count(f"{name}_bucket", le=f"{bound:g}")
        self.count(f"{name}_bucket", le="+Inf")
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
        """Return all of it as text, sorted, with help and type before each."""
        kinds = {"counter": COUNTERS, "gauge": GAUGES, "histogram": HISTOGRAMS}
        return "".join(
            self._render_family(name, kind, described)
            for kind, families in kinds.items()
            for name, described in families.items()
        )

    def _render_family(self, name: str, kind: str, described: str) -> str:
        samples = [
            f"{PREFIX}{sample}{_labels(labels)} {value:.15g}\n"
            for (sample, labels), value in sorted(self._values.items())
            if sample.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") == name
        ]
        return f"# HELP {PREFIX}{name} {described}\n# TYPE {PREFIX}{name} {kind}\n" + "".join(samples)


def write_metrics(metrics: Metrics, path: Path) -> None:
    """Put the text in place of the file of before, in one step: a reader sees either.

    Raises:
        OSError: it cannot be written.
    """
    new_path = path.with_name(f".{path.name}.new")
    new_path.write_text(metrics.render(), encoding="ascii")
    new_path.chmod(0o644)
    new_path.rename(path)


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
