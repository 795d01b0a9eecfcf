"""Open a container and what lies in it, down to the last level. Runs in the caged child process only."""

from collections.abc import Callable

from scanner_service.decode.budget import Budget
from scanner_service.model.container import Container, Unpacked

# Runs 7-Zip caged, with these arguments over these bytes, and returns what it printed. For formats no library reads.
SevenZip = Callable[[tuple[str, ...], bytes], bytes]


def unpack(container: Container, budget: Budget, seven_zip: SevenZip) -> Unpacked:
    """Return all that is in the container; never raises for what the bytes hold."""
    del container, seven_zip
    return Unpacked((), frozenset(), None, budget.remainder)
