"""What a template may be made of, looked at in its parsed form before any of it runs.

A limit of time would come too late: one expression can take all memory in one step, and what is evaluated at compile
time is never under a limit. So only constructs are let through whose cost can be told beforehand.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from jinja2 import nodes

from scanner_service.judge.template_filters import FILTERS, LIST_LIMIT, TESTS
from scanner_service.model.nearest_name import nearest

STEPS_LIMIT = 50_000  # of the whole template, each loop counted as often as it may turn
LOOP_DEPTH = 2
NESTING_LIMIT = 30
ARGUMENT_LIMIT_CHARACTERS = 50
ARGUMENT_LIMIT = 4096

_LOOP_FACTS = ("first", "index", "index0", "last", "length")
_PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Neg,
    nodes.Pos,
)
_WORDS: Mapping[type[nodes.Node], str] = {
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Call: "a call",
    nodes.CallBlock: "call",
    nodes.Dict: "a table",
    nodes.Extends: "extends",
    nodes.FilterBlock: "a filter block",
    nodes.FromImport: "import",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.List: "a list",
    nodes.Macro: "macro",
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Tuple: "a tuple",
    nodes.With: "with",
}
ALLOWED = (
    "allowed are text, variables and their items by number, if, for (two deep at the most), comparisons, "
    "and, or, not, ~, + and -, filters and tests"
)


class TemplateSyntaxError(ValueError):
    """A template that must not be used; ``line`` is the one at fault."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def names_in(tree: nodes.Template, known: Collection[str]) -> frozenset[str]:
    """Return the variables that the template names.

    Raises:
        TemplateSyntaxError: something in it is not allowed, or not known.
    """
    check = _Check(known)
    check.node(tree, _Place())
    if check.steps > STEPS_LIMIT:
        raise TemplateSyntaxError(1, f"its loops may take {check.steps} steps, and {STEPS_LIMIT} are the limit")
    return frozenset(check.names)


@dataclass(frozen=True, slots=True)
class _Place:
    """How deep a node lies, and the variables of the loops around it."""

    loops: tuple[str, ...] = ()
    depth: int = 0

    def deeper(self) -> "_Place":
        return _Place(self.loops, self.depth + 1)

    def in_loop(self, target: str) -> "_Place":
        return _Place((*self.loops, target), self.depth + 1)


@dataclass(slots=True)
class _Check:
    """Goes through the tree, and keeps the names and what it may cost."""

    known: Collection[str]
    names: set[str] = field(default_factory=set)
    steps: int = 0

    def node(self, node: nodes.Node, place: _Place) -> None:
        if place.depth > NESTING_LIMIT:
            raise _fault(node, f"want at most {NESTING_LIMIT} things within each other")
        self.steps += LIST_LIMIT ** len(place.loops)
        match node:
            case nodes.TemplateData() | nodes.Const():
                _want_plain(node)
            case nodes.Name():
                self._name(node, place)
            case nodes.Getattr():
                _want_loop_fact(node, place)
            case nodes.Getitem():
                _want_constant_place(node)
                self.node(node.node, place.deeper())
            case nodes.Filter() | nodes.Test():
                self._filter(node, place)
            case nodes.For():
                self._loop(node, place)
            case _ if isinstance(node, _PLAIN):
                self._children(node, place)
            case _:
                raise _fault(node, f"{_word(node)} is not allowed: {ALLOWED}")

    def _children(self, node: nodes.Node, place: _Place) -> None:
        for child in node.iter_child_nodes():
            self.node(child, place.deeper())

    def _name(self, node: nodes.Name, place: _Place) -> None:
        if node.name in place.loops:
            return
        if node.name not in self.known:
            raise _fault(node, f"there is no variable {node.name!r}{nearest(node.name, sorted(self.known))}")
        self.names.add(node.name)

    def _filter(self, node: nodes.Filter | nodes.Test, place: _Place) -> None:
        kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
        if node.name not in known:
            raise _fault(node, f"there is no {kind} {node.name!r}{nearest(node.name, sorted(known))}")
        if node.node is None or node.dyn_args or node.dyn_kwargs or node.kwargs:
            raise _fault(node, f"want {kind} {node.name!r} behind a value, its arguments without names")
        self.node(node.node, place.deeper())
        for argument in node.args:
            if node.name != "default":
                _want_small(argument, f"{kind} {node.name!r}")
            self.node(argument, place.deeper())

    def _loop(self, node: nodes.For, place: _Place) -> None:
        if len(place.loops) >= LOOP_DEPTH:
            raise _fault(node, f"want loops at most {LOOP_DEPTH} deep")
        if node.recursive or not isinstance(node.target, nodes.Name):
            raise _fault(node, "want a loop of the form: for NAME in LIST")
        target = node.target.name
        if target in self.known or target in (*place.loops, "loop") or target.startswith("_"):
            raise _fault(node, f"want a name for the loop's variable that means nothing else, got {target!r}")
        _want_variable(node.iter)
        self.node(node.iter, place.deeper())
        for child in (*([node.test] if node.test else []), *node.body):
            self.node(child, place.in_loop(target))
        for child in node.else_:
            self.node(child, place.deeper())
        node.iter = nodes.Filter(node.iter, "_listed", [], [], None, None, lineno=node.lineno)


def _want_plain(node: nodes.TemplateData | nodes.Const) -> None:
    """Refuse what an SMTP reply cannot have; the template's own line breaks are layout."""
    text = node.data if isinstance(node, nodes.TemplateData) else node.value
    if isinstance(text, str) and (odd := next(_not_printable(text), "")):
        lines_before = text.partition(odd)[0].count("\n") if isinstance(node, nodes.TemplateData) else 0
        raise TemplateSyntaxError(node.lineno + lines_before, f"want printable ASCII, got {odd!a}")
    if isinstance(node, nodes.TemplateData):
        node.data = "".join(" " if one.isspace() else one for one in node.data)


def _not_printable(text: str) -> Iterator[str]:
    return (one for one in text if not (" " <= one <= "~" or one in "\t\r\n") or one == "\\")


def _want_loop_fact(node: nodes.Getattr, place: _Place) -> None:
    is_loop = isinstance(node.node, nodes.Name) and node.node.name == "loop" and place.loops
    if not is_loop or node.attr not in _LOOP_FACTS:
        wanted = ", ".join(f"loop.{one}" for one in _LOOP_FACTS)
        raise _fault(node, f"values have no members, got .{node.attr}; in a loop there are {wanted}")


def _want_constant_place(node: nodes.Getitem) -> None:
    ends = (node.arg.start, node.arg.stop) if isinstance(node.arg, nodes.Slice) else (node.arg,)
    if isinstance(node.arg, nodes.Slice) and node.arg.step is not None:
        raise _fault(node, "want an item by its number, or a range [FROM:TO]")
    for end in ends:
        plain = end.node if isinstance(end, nodes.Neg) else end
        if plain is not None and not (isinstance(plain, nodes.Const) and type(plain.value) is int):
            raise _fault(node, "want an item by its number, or a range [FROM:TO]")


def _want_variable(node: nodes.Node) -> None:
    inner: nodes.Node | None = node
    while isinstance(inner, nodes.Filter | nodes.Getitem):
        inner = inner.node
    if not isinstance(inner, nodes.Name):
        raise _fault(node, "want a loop over a variable")


def _want_small(node: nodes.Node, whose: str) -> None:
    if not isinstance(node, nodes.Const):
        raise _fault(node, f"{whose}: want a text or number as argument")
    if isinstance(node.value, str) and len(node.value) > ARGUMENT_LIMIT_CHARACTERS:
        raise _fault(node, f"{whose}: want an argument of at most {ARGUMENT_LIMIT_CHARACTERS} characters")
    if isinstance(node.value, int | float) and not 0 <= node.value <= ARGUMENT_LIMIT:
        raise _fault(node, f"{whose}: want an argument of 0 to {ARGUMENT_LIMIT}, got {node.value}")


def _word(node: nodes.Node) -> str:
    return _WORDS.get(type(node), type(node).__name__.lower())


def _fault(node: nodes.Node, message: str) -> TemplateSyntaxError:
    return TemplateSyntaxError(node.lineno, message)
