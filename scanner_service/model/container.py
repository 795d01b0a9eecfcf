"""What goes to the process that opens containers, and what comes back from it."""

from dataclasses import dataclass

from scanner_service.model.message import PartMark, UnpackedPart


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of the budget of a message; ``depth`` is the deepest level that may be entered."""

    depth: int
    parts: int
    unpacked_bytes: int
    held_bytes: int
    seconds: float
    header_bytes: int


@dataclass(frozen=True, slots=True)
class Container:
    """A part that may hold others: where it is in the tree and how deep, what it calls itself, its bytes."""

    path: str
    depth: int
    content_type: str
    names: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was in a container, at all depths, each container before its members.

    ``marks`` are the container's own; ``types`` are those of its types that only its members tell (``docx``).
    ``over_limits`` says which limit cut it short, None if none did.
    """

    parts: tuple[UnpackedPart, ...]
    marks: frozenset[PartMark]
    over_limits: str | None
    remainder: Remainder
    types: tuple[str, ...] = ()
