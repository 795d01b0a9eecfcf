"""Every reading of a message: the first one, those it could be read in as well, and that of a second parser.

Whoever looks at one reading only is blind to what a mail program shows by another. So where decode.mime came across
a fork, the message is read again the other way; and decode.second_parser testifies to what we did not think of.
Parts that the first reading does not show are added with a path that begins with ``~``, which no real one does: every
reading is judged. It meets strangers' bytes and touches nothing else: all of it is pure Python or memory-safe Rust.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.kinds import Kind, kinds_of_name, kinds_of_types
from scanner_service.decode.mime import MimePart, Tree, defects_in_words, read_tree
from scanner_service.decode.reading import Fork, Reading
from scanner_service.decode.second_parser import WitnessPart, leaves_of_second_parser, unmatched
from scanner_service.model.message import Ambiguity, DecodedMessage, Part, UnpackedPart

# Other bytes of the same type and name are no difference that matters here: a list's footer, a line more in a text.
_FORKS_WHERE_BYTES_DIFFER = {
    *(Fork.NO_FIELD, Fork.BLANK_BEFORE_COLON, Fork.BLANK_LINE, Fork.LONE_CR, Fork.FOOTER, Fork.FOREIGN)
}


@dataclass(slots=True)
class _Comparison:
    """What is found while other readings are held against the first one, ``first``."""

    first: Tree
    budget: Budget
    theirs: list[WitnessPart]
    ambiguities: list[Ambiguity] = field(default_factory=list)
    added: dict[str, UnpackedPart] = field(default_factory=dict)
    shown: set[Hashable] = field(default_factory=set)

    def add(self, part: Part) -> None:
        """Add what the first reading does not show, under a path that no part of it can have.

        It is held within the budget: the same megabytes in ten readings are ten times as many.
        """
        path = f"~{part.path}"
        while path in self.added:
            path = f"~{path}"
        held = self.budget.hold((part.body,))
        self.added[path] = UnpackedPart(
            path, part.content_type, part.names, part.types, held.body, held.size, sha256=held.sha256
        )


def decode_with_witness(raw: bytes, budget: Budget, path: str = "", depth: int = 0) -> DecodedMessage:
    """Return what decode.mime.decode_message returns, with the parts of all readings and where they differ."""
    first = read_tree(raw, Reading(budget), path, depth)
    comparison = _Comparison(first, budget, [])
    over_limits = first.over_limits
    if over_limits is None:  # a tree that was cut short differs from every other
        comparison.ambiguities += _ambiguous_by_themselves(first.parts)
        try:
            _compare(comparison, raw, path, depth)
        except OverLimitsError as error:
            over_limits = str(error)
    return DecodedMessage(
        first.message_id,
        (*first.parts, *comparison.added.values()),
        over_limits,
        defects_in_words(first.reading),
        tuple(comparison.ambiguities),
    )


def _compare(comparison: _Comparison, raw: bytes, path: str, depth: int) -> None:
    """Hold the other readings and the second parser against the first reading, and each other."""
    first, budget = comparison.first, comparison.budget
    theirs = leaves_of_second_parser(raw, budget, path, depth)
    lost, gained = ([], []) if theirs is None else unmatched(first.parts, theirs)
    is_known = theirs is None or not (lost or gained)
    unknown = gained
    for detail, other in _read_other_ways(raw, first, path, depth):
        _compare_reading(comparison, detail, other)
        if not is_known:
            is_known = unmatched(other.parts, theirs or ()) == ([], [])
            unknown = unmatched(other.parts, unknown)[1]
    if not is_known:  # else it reads as one of ours does, and that they differ was said already
        comparison.ambiguities.append(_ambiguity("another parser shows other parts", lost, gained))
        for part in unknown:
            comparison.add(part)


def _ambiguous_by_themselves(parts: Iterable[MimePart]) -> Iterator[Ambiguity]:
    for part in parts:
        if part.content_type == "message/partial":  # RFC 2046 §5.2.2: programs join the pieces, after all filters
            yield Ambiguity(part, "a piece of a message")
        elif part.content_type == "message/external-body":  # RFC 2046 §5.2.3
            yield Ambiguity(part, "a part that lies elsewhere")
        elif len(part.naming_fields) > 1 or any(";" in field for field in part.naming_fields):
            yield from _ambiguous_names(part)


def _ambiguous_names(part: MimePart) -> Iterator[Ambiguity]:
    """Yield one if some programs run it and others do not: other differences are daily bread of billing software."""
    runs = {Kind.EXECUTABLE in kinds_of_name(name) for name in part.declared_names}
    if len(runs) > 1 and Kind.EXECUTABLE not in kinds_of_types(part.types):
        yield Ambiguity(part, "names that contradict each other", hides=True)


def _read_other_ways(raw: bytes, first: Tree, path: str, depth: int) -> Iterator[tuple[str, Tree]]:
    """Take each fork by itself and then all of them at once: each pair would be a square of readings."""
    budget = first.reading.budget
    seen = set(first.reading.forks)
    for fork in sorted(first.reading.forks):
        other = read_tree(raw, Reading(budget, frozenset({fork})), path, depth)
        seen |= other.reading.forks
        yield str(fork), other
    if len(seen) > 1:
        yield ", ".join(sorted(seen)), read_tree(raw, Reading(budget, frozenset(seen)), path, depth)


def _compare_reading(comparison: _Comparison, detail: str, other: Tree) -> None:
    lost, gained = _differences(comparison.first.parts, other.parts)
    is_one_show = Counter(map(_show, gained)) == Counter(map(_show, lost))
    if not (is_one_show and (not (gained or lost) or other.reading.taken <= _FORKS_WHERE_BYTES_DIFFER)):
        news = [part for part in gained if _all_of(part) not in comparison.shown]
        if news or len(other.reading.taken) == 1:
            comparison.ambiguities.append(_ambiguity(detail, lost, gained))
        for part in news:
            comparison.shown.add(_all_of(part))
            comparison.add(part)
    if other.over_limits:
        raise OverLimitsError(other.over_limits)


def _differences(ones: Sequence[MimePart], others: Sequence[MimePart]) -> tuple[list[MimePart], list[MimePart]]:
    """Return what is visible in one sequence only, for each. Bodies are compared of those that are not the same."""
    return _apart(*_apart(ones, others, lambda part: part.fingerprint), _all_of)


def _apart(
    ones: Sequence[MimePart], others: Sequence[MimePart], key: Callable[[MimePart], Hashable]
) -> tuple[list[MimePart], list[MimePart]]:
    of_ones, of_others = set(map(key, ones)), set(map(key, others))
    return (
        [part for part in ones if key(part) not in of_others and part.is_visible],
        [part for part in others if key(part) not in of_ones and part.is_visible],
    )


def _all_of(part: MimePart) -> Hashable:
    return (_show(part), part.digest)


def _show(part: MimePart) -> Hashable:
    """Return what of a part a reader would notice: what it is and what it is called, not each of its bytes."""
    return (part.content_type, part.declared_names, kinds_of_types(part.types))


def _ambiguity(detail: str, lost: Sequence[Part], gained: Sequence[Part]) -> Ambiguity:
    return Ambiguity((*lost, *gained)[0], detail, hides=_count_kinds(lost) != _count_kinds(gained))


def _count_kinds(parts: Iterable[Part]) -> Counter[Kind]:
    return Counter(
        kind for part in parts for kind in kinds_of_types(part.types).union(*map(kinds_of_name, part.names))
    )
