"""What a message of the clean corpus is, and the shelf that each module puts its messages on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import cleandoc

Build = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class CleanMessage:
    """A harmless message as some program writes it.

    ``why`` says what about it a filter might take for trouble. ``tagged`` are the findings that are accepted for it,
    as ``unchecked.encrypted``, and ``argument`` says why they are right; any other finding is a false alarm.
    """

    name: str
    why: str
    build: Build
    tagged: frozenset[str] = frozenset()
    argument: str = ""

    def __post_init__(self) -> None:
        assert bool(self.tagged) == bool(self.argument), f"{self.name}: a finding needs its argument"


class Shelf:
    """The messages of one origin, in the order in which they are written down."""

    def __init__(self) -> None:
        self._messages: list[CleanMessage] = []

    def __iter__(self) -> Iterator[CleanMessage]:
        return iter(self._messages)

    def add(self, message: CleanMessage) -> None:
        self._messages.append(message)

    def clean(self, build: Build) -> Build:
        """Take a function as a message: its name is the message's, its docstring says why it is here."""
        self.add(CleanMessage(build.__name__, _why(build), build))
        return build

    def tagged(self, *findings: str, argument: str) -> Callable[[Build], Build]:
        """Take a function as a message for which these findings are accepted."""

        def take(build: Build) -> Build:
            self.add(CleanMessage(build.__name__, _why(build), build, frozenset(findings), argument))
            return build

        return take


def _why(build: Build) -> str:
    return " ".join(cleandoc(build.__doc__ or "").split())
