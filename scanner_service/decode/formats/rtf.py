r"""Objects in RTF: hexadecimal digits after ``\objdata``, with whatever Word passes over strewn among them.

Word takes a control word, a group or a stray character between two digits for nothing, and takes bytes as they are
after ``\bin``; those who hide a program there use all of it.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from scanner_service.decode.budget import Budget, OverLimitsError
from scanner_service.decode.file_type import file_types
from scanner_service.decode.formats.content import Content, NotThisFormatError
from scanner_service.decode.formats.ole_object import read_object, read_package
from scanner_service.decode.names import forms_of

_OBJECT_DATA = rb"\\objdata(?![a-zA-Z])(?:-?\d{1,250})?[ ]?"
_BEGINNING = re.compile(_OBJECT_DATA)
_TOKEN = re.compile(
    rb"""(?P<open>\{)
    |(?P<close>\})
    |(?P<object>"""
    + _OBJECT_DATA
    + rb""")
    |(?P<bytes>\\bin(?![a-zA-Z])(?P<count>\d{0,10})[ ]?)
    |(?P<character>\\'.{0,2})
    |\\[a-zA-Z]{1,250}(?:-?\d{1,250})?[ ]?
    |\\.?
    |(?P<text>[^\\{}]+)""",
    re.DOTALL | re.VERBOSE,
)
# Word writes the digits in one piece. Of what is strewn among them a few thousand words are known, and this many take
# less than a second.
_TOKENS_LIMIT = 100_000
_NOT_HEXADECIMAL = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))


def open_rtf(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield what lies in the objects; an object that Word would not load either is none."""
    if not data.lstrip().startswith(b"{\\rt"):
        raise NotThisFormatError("no RTF")
    for reading in _objects(data, budget):
        yield from _contents(reading, budget)


def _contents(data: bytes, budget: Budget) -> Iterator[Content]:
    found = read_object(data)
    inner = data if found is None else found.data
    package = read_package(inner)
    if package:
        yield Content.of(forms_of(package.names), budget.hold([package.data]))
    elif found or file_types(inner):
        yield Content.of((), budget.hold([inner]))


@dataclass(slots=True)
class _Digits:
    """The digits of one object, read in two ways.

    A group among them is nothing to Word if it has a destination of its own, and part of them if it has none. Noise
    is one or the other throughout, so it is left out in one reading and taken in the other.
    """

    depth: int = 0
    all_digits: bytearray = field(default_factory=bytearray)
    without_groups: bytearray | None = None  # where they differ: an object may be most of a large message

    def add(self, digits: bytes) -> None:
        if self.depth > 0 and self.without_groups is None:
            self.without_groups = self.all_digits.copy()
        elif self.depth <= 0 and self.without_groups is not None:
            self.without_groups += digits
        self.all_digits += digits

    def drop_odd_digit(self) -> None:
        r"""Do as Word does before ``\'hh``, which takes the place of a half byte."""
        for digits in self._both():
            del digits[len(digits) - len(digits) % 2 :]

    def readings(self) -> Iterator[bytes]:
        """Yield the bytes, in one or two readings."""
        return map(_bytes_of, self._both())

    def _both(self) -> tuple[bytearray, ...]:
        return (self.all_digits,) if self.without_groups is None else (self.all_digits, self.without_groups)


def _objects(data: bytes, budget: Budget) -> Iterator[bytes]:
    """Yield the bytes of each object. One may begin within another's digits, and then takes what follows."""
    at = tokens = 0
    while beginning := _BEGINNING.search(data, at):
        budget.check_time()
        at = beginning.end()
        open_objects = [_Digits()]
        while open_objects and at < len(data):
            tokens += 1
            if tokens > _TOKENS_LIMIT:
                raise OverLimitsError(f"more than {_TOKENS_LIMIT} words among the digits of RTF objects")
            token = _TOKEN.match(data, at)
            assert token is not None  # the pattern takes any byte
            at = token.end()
            if token.lastgroup == "bytes":
                start, at = at, at + int(token.group("count") or 0)
                open_objects[-1].add(data[start:at].hex().encode())
            elif closed := _take(token, open_objects):
                yield from closed.readings()
        for unclosed in open_objects:
            yield from unclosed.readings()


def _take(token: re.Match[bytes], open_objects: list[_Digits]) -> _Digits | None:
    """Do what the token says to the innermost object; return that if it is closed by it."""
    current = open_objects[-1]
    match token.lastgroup:
        case "text":
            current.add(token.group().translate(None, _NOT_HEXADECIMAL))
        case "character":
            current.drop_odd_digit()
        case "object":
            open_objects.append(_Digits())
        case "open":
            current.depth += 1
        case "close" if current.depth:
            current.depth -= 1
        case "close":
            if len(open_objects) > 1:
                open_objects[-2].depth -= 1  # where its group was opened
            return open_objects.pop()
    return None


def _bytes_of(digits: bytearray) -> bytes:
    if len(digits) % 2:
        del digits[-1:]
    return binascii.unhexlify(digits)
