"""Texts that administrators write, with values that strangers write: SMTP replies, header fields, log lines.

A template is checked whole when the settings are read (judge.template_syntax). What it gives is one line of printable
ASCII, whatever the values are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2 import TemplateSyntaxError as ParserError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from scanner_service.judge.template_filters import FILTERS, TESTS, bounded
from scanner_service.judge.template_syntax import TemplateSyntaxError, names_in
from scanner_service.judge.text_variables import EMPTY, EXAMPLES
from verdict_api.printable import printable

SOURCE_LIMIT_CHARACTERS = 4096
_RUN_FACTOR = 4  # as much of the raw text as can come to the limit in most cases; more of it is never made
_CUT = "..."
# What values can do to an expression that is all right: a number that is None, an item that is not there.
_OF_VALUES = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError)


class TextTemplateError(ValueError):
    """A template that must not be used: where it is, what is wrong there, and what would be right."""


def _shown(value: object) -> object:
    return "" if value is None else value


def _listed(value: object) -> object:
    if not isinstance(value, list):
        raise TypeError("want a list to go through")
    return value


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=_shown)
    environment.globals = {}
    environment.filters = {**FILTERS, "_listed": _listed}
    environment.tests = dict(TESTS)
    return environment


_ENVIRONMENT = _environment()


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A text with variables; ``place`` is where it was written, ``names`` the variables that it names.

    ``limit`` is of the rendered text, in characters.
    """

    place: str
    source: str
    limit: int
    names: frozenset[str]
    _compiled: Template = field(repr=False, compare=False)

    @classmethod
    def parse(
        cls,
        place: str,
        source: str,
        limit: int,
        examples: Mapping[str, object] = EXAMPLES,
        empty: Mapping[str, object] = EMPTY,
    ) -> Self:
        """Return the template, compiled and tried.

        ``examples`` has a value for each variable that there is, ``empty`` the least that each may be.

        Raises:
            TextTemplateError: it is too long, uses what is not allowed or not known, or is undone by one of the two
                sets of values; the message says where, and what is there to use.
        """
        if len(source) > SOURCE_LIMIT_CHARACTERS:
            raise TextTemplateError(f"{place}: want at most {SOURCE_LIMIT_CHARACTERS} characters, got {len(source)}")
        try:
            tree = _ENVIRONMENT.parse(source)
            names = names_in(tree, examples)
            compiled = _compile(tree)
        except TemplateSyntaxError as error:
            raise TextTemplateError(f"{place}, line {error.line}: {error}") from error
        except ParserError as error:
            raise TextTemplateError(f"{place}, line {error.lineno}: {printable(str(error))}") from error
        except (TemplateError, RecursionError, SyntaxError, ValueError, MemoryError, OverflowError) as error:
            raise TextTemplateError(f"{place}: want a simpler template: {type(error).__name__}") from error
        for values, when in (({**examples, **empty}, "with nothing found"), (examples, "with a value in each")):
            _try_out(compiled, names, values, f"{place}: fails {when}")
        return cls(place, source, limit, names, compiled)

    def render(self, values: Mapping[str, object]) -> str:
        r"""Return the text: one line of printable ASCII, blanks in a row made one, cut at ``limit``.

        What strangers wrote otherwise becomes ``\xNN``. Only the values that the template names are asked for; one
        that is missing is None. Empty if these values undo an expression: the caller has words of its own for that.
        """
        try:
            raw = _run(self._compiled, self.names, values, _RUN_FACTOR * self.limit)
        except _OF_VALUES:
            return ""
        return _in_one_line(raw, self.limit)


def _try_out(compiled: Template, names: frozenset[str], values: Mapping[str, object], where: str) -> None:
    try:
        _run(compiled, names, values, SOURCE_LIMIT_CHARACTERS)
    except _OF_VALUES as error:
        raise TextTemplateError(f"{where}: {printable(str(error))}") from error


def _run(compiled: Template, names: frozenset[str], values: Mapping[str, object], room: int) -> str:
    chosen = {name: bounded(values.get(name)) for name in names}
    pieces: list[str] = []
    for piece in compiled.generate(chosen):
        pieces.append(piece[:room])
        room -= len(piece)
        if room < 0:
            break
    return "".join(pieces)


def _compile(tree: nodes.Template) -> Template:
    """Return the compiled template; the library takes a tree, though its annotations do not say so everywhere."""
    return _ENVIRONMENT.from_string(tree)


def _in_one_line(raw: str, limit: int) -> str:
    text = " ".join(printable(raw).split())
    return text if len(text) <= limit else text[: max(0, limit - len(_CUT))] + _CUT[:limit]
