"""The filters and tests that a template may use: none of them reaches an object, and none makes much of little.

Each result is cut, so that filters in a row cost no more than their number.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

TEXT_LIMIT_CHARACTERS = 4096
LIST_LIMIT = 50
_DIGITS = 6


def bounded(value: object) -> object:
    """Return a plain value that templates are good for: text, number, truth or None, or a list of such."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, tuple | list):
        return [one if isinstance(one, int | float) else _text(one) for one in value[:LIST_LIMIT]]
    return _text(value)


def _text(value: object) -> str:
    return str(value)[:TEXT_LIMIT_CHARACTERS] if isinstance(value, str | int | float) else ""


def _items(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise TypeError("want a list")
    return value


def _join(value: object, between: object = "") -> str:
    joined = ""
    for number, one in enumerate(_items(value)):
        joined += _text(between) * (number > 0) + _text(one)
        if len(joined) > TEXT_LIMIT_CHARACTERS:  # of the rest nothing would be left
            break
    return joined[:TEXT_LIMIT_CHARACTERS]


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else len(_items(value))


def _first(value: object) -> object:
    return next(iter(_items(value)), "")


def _last(value: object) -> object:
    return next(reversed(_items(value)), "")


def _default(value: object, instead: object = "") -> object:
    return instead if value is None or value in ("", []) else value


def _truncate(value: object, length: int = 255) -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(0, length - 3)] + "..."[:length]


def _replace(value: object, old: str, new: str) -> str:
    return _text(value).replace(old, new)[:TEXT_LIMIT_CHARACTERS] if old else _text(value)


def _sort(value: object) -> list[object]:
    return sorted(_items(value), key=_text)


def _unique(value: object) -> list[object]:
    return list(dict.fromkeys(_items(value)))


def _number(value: object) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("want a number")
    return value


def _round(value: object, digits: int = 0) -> float | int:
    rounded = round(_number(value), min(digits, _DIGITS))
    return rounded if digits else int(rounded)


def _int(value: object) -> int:
    try:
        return int(value) if isinstance(value, int | float) else int(_text(value)[:20])
    except (ValueError, OverflowError):
        return 0


def _lowest(value: object) -> object:
    return min(_items(value), key=_order, default="")


def _highest(value: object) -> object:
    return max(_items(value), key=_order, default="")


def _order(value: object) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, _text(value))


def _bytes_of(value: object) -> bytes:
    return _text(value).encode("utf-8", "surrogateescape" if _is_from_bytes(_text(value)) else "surrogatepass")


def _is_from_bytes(text: str) -> bool:
    """Tell whether all surrogates stand for single bytes, as PEP 383 has it."""
    return all("\udc80" <= one <= "\udcff" for one in text if "\ud800" <= one <= "\udfff")


FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        "abs": lambda value: abs(_number(value)),
        "base64": lambda value: _text(base64.b64encode(_bytes_of(value)).decode("ascii")),
        "base64url": lambda value: _text(base64.urlsafe_b64encode(_bytes_of(value)).decode("ascii").rstrip("=")),
        "count": _length,
        "default": _default,
        "first": _first,
        "hex": lambda value: _text(_bytes_of(value).hex()),
        "int": _int,
        "join": _join,
        "last": _last,
        "length": _length,
        "lower": lambda value: _text(value).lower()[:TEXT_LIMIT_CHARACTERS],
        "max": _highest,
        "min": _lowest,
        "replace": _replace,
        "round": _round,
        "sort": _sort,
        "trim": lambda value: _text(value).strip(),
        "truncate": _truncate,
        "unique": _unique,
        "upper": lambda value: _text(value).upper()[:TEXT_LIMIT_CHARACTERS],
    }
)
TESTS: Mapping[str, Callable[..., bool]] = MappingProxyType(
    {
        "even": lambda value: _number(value) % 2 == 0,
        "false": lambda value: value is False,
        "none": lambda value: value is None,
        "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        "odd": lambda value: _number(value) % 2 == 1,
        "string": lambda value: isinstance(value, str),
        "true": lambda value: value is True,
    }
)
