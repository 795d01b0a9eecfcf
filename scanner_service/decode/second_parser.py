"""The leaves of a message as a second parser sees them, and which of them are ours as well.

fast-mail-parser is Rust, and of other authors: see docs/decisions/0018-fast-mail-parser-as-witness.md, also for how
names, types and bytes are compared. It decodes nothing before it is read.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property

from fast_mail_parser import ParseError, PyLazyMimePart, parse_email_tree

from scanner_service.decode.budget import Budget
from scanner_service.decode.file_type import file_types
from scanner_service.decode.kinds import Kind, kinds_of_name, kinds_of_types
from scanner_service.decode.mime import MESSAGE_TYPES, MimePart
from scanner_service.decode.names import forms_of
from scanner_service.model.message import PartMark

_TYPE = re.compile(r"\s*([!#-'*+.0-9A-Z^-~-]+/[!#-'*+.0-9A-Z^-~-]+)(?=[\s;(]|\Z)", re.IGNORECASE)
# Among the parts of one type, this many are tried: all would be a square of comparisons.
_LOOK_AHEAD = 50
_SIZE_TOLERANCE_BYTES = 2  # one line end, which belongs to the delimiter or to the part


class WitnessPart:
    """A leaf as the second parser sees it; see model.message.Part."""

    marks: frozenset[PartMark] = frozenset()

    def __init__(self, path: str, node: PyLazyMimePart) -> None:
        self.path = path
        self.content_type = _plain_type(node.content_type)
        self.filename = node.filename
        self.encoded_size = node.encoded_size or 0
        self._node = node

    @cached_property
    def names(self) -> tuple[str, ...]:
        """See model.message.Part."""
        return forms_of((self.filename,))

    @cached_property
    def types(self) -> tuple[str, ...]:
        """See model.message.Part."""
        return file_types(self.body)

    @cached_property
    def body(self) -> bytes:
        """See model.message.Part; empty where the parser refuses, which is no testimony."""
        try:
            return self._node.content or b""
        except ParseError:
            return b""

    @property
    def size(self) -> int:
        """See model.message.Part."""
        return len(self.body)

    @cached_property
    def sha256(self) -> str:
        """See model.message.Part."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def is_visible(self) -> bool:
        """See decode.mime.MimePart."""
        return bool(self.filename or self.body.strip())


def leaves_of_second_parser(raw: bytes, budget: Budget, path: str, depth: int) -> list[WitnessPart] | None:
    """Return them in their order; None if it refuses, which says something of its own limits only."""
    try:
        return list(_leaves(parse_email_tree(raw, mode="lazy"), path, depth, budget))
    except ParseError:
        return None


def _leaves(node: PyLazyMimePart, path: str, depth: int, budget: Budget) -> Iterator[WitnessPart]:
    """Yield its leaves with the paths that ours would have; it opens message/rfc822, and message/global we do."""
    budget.enter(depth)
    children = node.children
    if not children and _plain_type(node.content_type) in MESSAGE_TYPES and not node.is_message:
        children = [parse_email_tree(node.content or b"", mode="lazy")]
    if not children:
        yield WitnessPart(path or "1", node)
    for number, child in enumerate(children, 1):
        yield from _leaves(child, f"{path}.{number}" if path else str(number), depth + 1, budget)


def unmatched(ours: Sequence[MimePart], theirs: Sequence[WitnessPart]) -> tuple[list[MimePart], list[WitnessPart]]:
    """Return what of ours they do not show, and what of theirs we do not."""
    if len(ours) == len(theirs) and all(map(_is_same, ours, theirs)):
        return [], []
    by_type: dict[tuple[str, frozenset[Kind]], deque[MimePart]] = {}
    for part in ours:
        by_type.setdefault((_plain_type(part.content_type), kinds_of_types(part.types)), deque()).append(part)
    matched: set[int] = set()
    gained = []
    for other in theirs:
        alike = by_type.get((other.content_type, kinds_of_types(other.types)), deque())
        for _ in range(min(len(alike), _LOOK_AHEAD)):
            part = alike.popleft()
            if _is_same(part, other):
                matched.add(id(part))
                break
            alike.append(part)
        else:
            if other.is_visible:
                gained.append(other)
    return [part for part in ours if id(part) not in matched and part.is_visible], gained


def _is_same(ours: MimePart, theirs: WitnessPart) -> bool:
    """Compare types and names, and bytes where their number gives a reason: a type is known by the beginning."""
    if _plain_type(ours.content_type) != theirs.content_type or not _is_called(ours, theirs.filename):
        return False
    return abs(ours.encoded_size - theirs.encoded_size) <= _SIZE_TOLERANCE_BYTES or kinds_of_types(
        ours.types
    ) == kinds_of_types(theirs.types)


def _is_called(ours: MimePart, filename: str) -> bool:
    """Say whether it is one of our names, or one of the same kind: which of them a charset spoils is no matter."""
    if not filename or filename in ours.declared_names or filename in ours.names:
        return True
    return not kinds_of_name(filename) or any(kinds_of_name(filename) == kinds_of_name(name) for name in ours.names)


def _plain_type(content_type: str) -> str:
    """Return a type as RFC 2045 §5.2 has it: what is no type is text."""
    match = _TYPE.match(content_type)
    return match.group(1).lower() if match else "text/plain"
