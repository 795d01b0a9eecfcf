"""What decoding costs, as JSON, as the tables of the page about cost, and as its picture."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.performance_page import say_run, with_section
from bench.stage import PROJECT

RESULTS = PROJECT / "bench/decode_results.json"
PLOT = PROJECT / "docs/explanation/decode_cost.svg"
BEGIN = "<!-- made by python -m bench decode -->\n"
MEGABYTE = 2**20
# Series by name: those of the table of messages, and the two of the picture.
BY_BYTES, BY_PARTS = "bytes", "parts"


@dataclass(frozen=True, slots=True)
class Point:
    """One message: processor time of our decoding and of the library's, median of the rounds."""

    series: str
    size_bytes: int
    parts: int
    decode_ms: float
    library_ms: float


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """A run with all that it depends on."""

    date: str
    commit: str
    machine: Mapping[str, Any]
    points: tuple[Point, ...]

    @classmethod
    def from_json(cls, text: str) -> "DecodeReport":
        document = json.loads(text)
        return cls(**{**document, "points": tuple(Point(**point) for point in document["points"])})

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    def as_markdown(self) -> str:
        return f"{say_run(self.date, self.commit, self.machine)}\n\n{_table(self.points)}"

    def series(self, name: str) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.series == name)


def with_table(page: str, report: DecodeReport) -> str:
    """Return the page with this report in place of the one it has."""
    return with_section(page, BEGIN, report.as_markdown())


def _table(points: Sequence[Point]) -> str:
    lines = [
        "| message | bytes | parts | decode ms | library ms | decode, in proportion |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {_name(point)} | {point.size_bytes} | {point.parts} | {point.decode_ms:.2f} | {point.library_ms:.2f} "
        f"| {_in_proportion(point)} |"
        for point in points
    ]
    return "\n".join(lines) + "\n"


def _name(point: Point) -> str:
    names = {BY_BYTES: "text, HTML and a picture", BY_PARTS: "small texts with names"}
    return names.get(point.series, f"{point.series} of the benchmark")


def _in_proportion(point: Point) -> str:
    if point.series == BY_PARTS:
        return f"{point.decode_ms / point.parts * 1000:.0f} µs a part"
    return f"{point.decode_ms / point.size_bytes * MEGABYTE:.2f} ms a MB"


# The picture: two fields side by side with logarithmic axes, in which linear cost is a line of 45 degrees.

_FIELD = 300  # width and height
_LEFT, _TOP, _GAP, _BELOW = 60, 40, 90, 60
_OURS, _LIBRARYS, _INK, _GRID = "#1f6fb4", "#b4541f", "#333333", "#dddddd"


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic scale between two powers of ten, drawn over so many pixels."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float]) -> "_Axis":
        return cls(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))

    def place(self, value: float) -> float:
        return (math.log10(value) - self.low) / (self.high - self.low) * _FIELD

    def ticks(self) -> range:
        return range(self.low, self.high + 1)


def plot(report: DecodeReport) -> str:
    """Return the picture as SVG."""
    width = _LEFT + 2 * _FIELD + _GAP + 20
    height = _TOP + _FIELD + _BELOW
    by_bytes, by_parts = report.series(BY_BYTES), report.series(BY_PARTS)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="{_INK}">',
        "<title>Processor time of decoding by size and by parts, beside the library's parser</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_field(by_bytes, [point.size_bytes for point in by_bytes], _LEFT, "bytes of the message (3 parts)"),
        *_field(by_parts, [point.parts for point in by_parts], _LEFT + _FIELD + _GAP, "parts of the message"),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _field(points: Sequence[Point], amounts: Sequence[float], left: int, what: str) -> Iterator[str]:
    across = _Axis.over(amounts)
    up = _Axis.over([time for point in points for time in (point.decode_ms, point.library_ms)])
    yield f'<g transform="translate({left} {_TOP})">'
    for power in across.ticks():
        x = across.place(10.0**power)
        yield f'<path d="M{x:.1f} 0V{_FIELD}" stroke="{_GRID}"/>'
        yield f'<text x="{x:.1f}" y="{_FIELD + 18}" text-anchor="middle">{_power(power)}</text>'
    for power in up.ticks():
        y = _FIELD - up.place(10.0**power)
        yield f'<path d="M0 {y:.1f}H{_FIELD}" stroke="{_GRID}"/>'
        yield f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{_power(power)}</text>'
    yield f'<text x="{_FIELD / 2}" y="{_FIELD + 42}" text-anchor="middle">{what}</text>'
    yield f'<text x="-44" y="{_FIELD / 2}" text-anchor="middle" transform="rotate(-90 -44 {_FIELD / 2})">ms</text>'
    for colour, times in (
        (_LIBRARYS, [point.library_ms for point in points]),
        (_OURS, [point.decode_ms for point in points]),
    ):
        places = [
            (across.place(amount), _FIELD - up.place(time)) for amount, time in zip(amounts, times, strict=True)
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    yield "</g>"


def _legend() -> Iterator[str]:
    for left, colour, words in ((_LEFT, _OURS, "Couriergate"), (_LEFT + 120, _LIBRARYS, "the library's parser")):
        yield f'<path d="M{left} 20h24" stroke="{colour}" stroke-width="2"/>'
        yield f'<text x="{left + 30}" y="24">{words}</text>'


def _power(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
