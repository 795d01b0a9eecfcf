r"""The fields of JSON objects, each read with its type, or refused with its place.

Strict about what we need, blind to what we do not know. Bytes that are not UTF-8 are ``\udcNN`` (PEP 383), which
JSON's own escapes can carry.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar, cast

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class CodecError(ValueError):
    """What came is not what the interface says; the message names the place, what was wanted and what came."""


def to_json(fields: Mapping[str, object]) -> bytes:
    """Return JSON in ASCII."""
    return _ENCODER.encode(fields).encode("ascii")


def from_json(where: str, data: bytes) -> object:
    """Return what JSON says; ``where`` names it in errors.

    Raises:
        CodecError: it is none.
    """
    try:
        return _DECODER.decode(data.decode(json.detect_encoding(data), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise CodecError(f"{where}: want JSON, got {data[:40]!r} ({error})") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is Python's, not JSON's")


# Made once: json.dumps and json.loads would make new ones each time. ensure_ascii (the default) is what turns a
# surrogate into \udcNN.
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


class Fields:
    """The fields of one JSON object, each read with its type, or refused with its place."""

    __slots__ = ("_index", "_name", "_parent", "_values")

    def __init__(
        self, name: str, values: object, *, parent: "Fields | None" = None, index: int | None = None
    ) -> None:
        self._name = name
        self._parent = parent
        self._index = index
        if not isinstance(values, dict):
            raise CodecError(f"{self.where}: want an object, got {brief(values)}")
        self._values = cast("dict[str, object]", values)

    @property
    def where(self) -> str:
        """The place of this object, put together only when there is something to say of it."""
        above = f"{self._parent.where}." if self._parent else ""
        return f"{above}{self._name}" + ("" if self._index is None else f"[{self._index}]")

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        if not value.isascii():
            self._must_be_bytes_of_utf8(name, value)
        return value

    def is_text(self, name: str) -> bool:
        return isinstance(self._values.get(name), str)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._values.get(name, [])
        if not isinstance(values, list):
            raise self._wrong(name, "a list of strings")
        if all(isinstance(value, str) and value.isascii() for value in values):
            return tuple(values)
        listed = Fields(name, {str(index): value for index, value in enumerate(values)}, parent=self)
        return tuple(listed.text(str(index)) for index in range(len(values)))

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def whole_number(self, name: str) -> int:
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(name, "a whole number from 0")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self._values.get(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "a number")
        return value

    def numbers(self) -> dict[str, float]:
        return {name: self.number(name) for name in self._values}

    def choice(self, name: str, kind: type[E]) -> E:
        value = self.text(name)
        try:
            return kind(value)
        except ValueError as error:
            raise self._wrong(name, "one of " + ", ".join(kind)) from error

    def object(self, name: str, *, optional: bool = False) -> "Fields":
        return Fields(name, self._values.get(name, {} if optional else None), parent=self)

    def objects(self, name: str) -> list["Fields"]:
        values = self._values.get(name, [])
        if not isinstance(values, list):
            raise self._wrong(name, "a list")
        return [Fields(name, value, parent=self, index=index) for index, value in enumerate(values)]

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        return None if self._values.get(name) is None else read(name)

    def _must_be_bytes_of_utf8(self, name: str, value: str) -> None:
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise self._wrong(name, "text, or bytes as \\udc80 to \\udcff") from error

    def _wrong(self, name: str, wanted: str) -> CodecError:
        found = brief(self._values[name]) if name in self._values else "nothing"
        return CodecError(f"{self.where}.{name}: want {wanted}, got {found}")


def brief(value: object) -> str:
    """Return what came, short enough for an error."""
    shown = ascii(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
