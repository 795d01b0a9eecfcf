"""The end of an error message about a name that is not known: which one may have been meant."""

import difflib
from collections.abc import Collection, Iterable


def nearest(name: str, known: Collection[str]) -> str:
    """Return the known name that is next to this one, or all that there are."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else all_known(known)


def all_known(names: Iterable[str]) -> str:
    """Return all that there are."""
    return f"; known are {', '.join(names)}"
