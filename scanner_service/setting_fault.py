"""What to say of a setting that cannot be used: what was wanted, and what came.

pydantic's own sentences tell the first alone, and in the words of Python instead of TOML's.
"""

import re
from collections.abc import Callable, Mapping

SHOWN_CHARACTERS = 60  # of what came: a whole list in one line helps nobody

_CREDENTIALS = re.compile(r"://[^\s'\"]*@")  # a log and /readyz may show what came, and where a URL stands by mistake

_Wanted = Callable[[Mapping[str, object]], str]


def _bound(words: str, name: str) -> _Wanted:
    return lambda context: f"{words} {str(context[name]).removesuffix('.0')}"


def _constant(words: str) -> _Wanted:
    return lambda _: words


# By pydantic's names of faults (its documentation, "Validation Errors"); what is not here keeps its own words.
_WANTED: Mapping[str, _Wanted] = {
    "bool_parsing": _constant("true or false"),
    "bool_type": _constant("true or false"),
    "dict_type": _constant("a table"),
    "enum": lambda context: str(context["expected"]),
    "finite_number": _constant("a finite number"),
    "float_parsing": _constant("a number"),
    "float_type": _constant("a number"),
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "int_from_float": _constant("a whole number"),
    "int_parsing": _constant("a whole number"),
    "int_type": _constant("a whole number"),
    "less_than_equal": _bound("at most", "le"),
    "literal_error": lambda context: str(context["expected"]),
    "model_attributes_type": _constant("a table"),
    "model_type": _constant("a table"),
    "string_type": _constant("a text"),
    "too_short": lambda context: f"{context['min_length']} or more in the list",
    "tuple_type": _constant("a list"),
    "union_tag_invalid": lambda context: f"kind = {str(context['expected_tags']).replace(', ', ' or ')}",
}
_SENTENCES = {
    "missing": "must be set",
    "union_tag_not_found": "must have a kind",
}


def say_fault(fault: Mapping[str, object]) -> str:
    """Return what was wanted and what came, of one fault as pydantic lists it."""
    kind, context = str(fault["type"]), fault.get("ctx", {})
    assert isinstance(context, Mapping)
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind not in _WANTED:
        return str(fault["msg"]).removeprefix("Value error, ")
    came = context["tag"] if kind == "union_tag_invalid" else fault["input"]
    return f"want {_WANTED[kind](context)}, got {_shown(came)}"


def _shown(came: object) -> str:
    text = "true" if came is True else "false" if came is False else _CREDENTIALS.sub("://***@", repr(came))
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
