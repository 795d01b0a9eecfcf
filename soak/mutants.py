"""Small faults that a programmer could make, planted into a module one at a time: operators, constants, statements.

A mutant is found again by its number, so that a process of its own can be told which one to plant.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Change = Callable[[], None]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: its number in the module, the line, what it changes."""

    number: int
    line: int
    what: str


def mutants_of(source: str) -> list[Mutant]:
    """Return all faults that can be planted."""
    faults = _faults(ast.parse(source))
    return [Mutant(number, line, what) for number, (line, what, _) in enumerate(faults)]


def mutated(source: str, number: int) -> ast.Module:
    """Return the module with one fault planted."""
    tree = ast.parse(source)
    for found, (_, _, change) in enumerate(_faults(tree)):
        if found == number:
            change()
            return ast.fix_missing_locations(tree)
    raise IndexError(f"there is no mutant {number}")


def _faults(tree: ast.Module) -> Iterator[tuple[int, str, Change]]:
    for node in _behaviour(tree):
        line = getattr(node, "lineno", 0)
        for what, change in _changes(node):
            yield line, what, change


def _behaviour(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over what runs: no annotations, docstrings, decorators and imports."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "keywords") and isinstance(
            node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign | ast.arg
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_out(child):
                yield from _behaviour(child)


def _is_left_out(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Assert():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise():
            return True  # which error it is, its tests say; its words are for people
        case ast.Call(func=ast.Name(id="cast" | "TypeVar")) | ast.AnnAssign(value=None):
            return True
        case ast.Assign(value=ast.Call(func=ast.Attribute(attr="compile"))):
            return True  # a pattern is not changed letter by letter
    return False


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    yield from _of_conditions(node)
    yield from _of_values(node)
    yield from _removals(node)


def _of_conditions(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]):
            for other in _COMPARISONS[type(operator)]:
                yield f"{_name(operator)} -> {other.__name__}", _setting(node, "ops", [other()])
        case ast.BoolOp(op=operator):
            swapped = ast.Or if isinstance(operator, ast.And) else ast.And
            yield f"{_name(operator)} -> {swapped.__name__}", _setting(node, "op", swapped())
            for place in range(len(node.values) if len(node.values) > 2 else 0):
                rest = node.values[:place] + node.values[place + 1 :]
                yield f"operand {place + 1} removed", _setting(node, "values", rest)
        case ast.UnaryOp(op=ast.Not()):
            yield "not removed", _setting(node, "operand", ast.UnaryOp(op=ast.Not(), operand=node.operand))
        case ast.IfExp() | ast.If():
            for value in (True, False):
                yield f"if: always {value}", _setting(node, "test", ast.Constant(value=value))
        case ast.comprehension(ifs=[_, *_]):
            yield "filter removed", _setting(node, "ifs", [])
        case _:
            pass


def _of_values(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.BinOp(op=operator) if type(operator) in _ARITHMETIC:
            changed = _ARITHMETIC[type(operator)]
            yield f"{_name(operator)} -> {changed.__name__}", _setting(node, "op", changed())
        case ast.Name(id=name) if name in _TWINS:
            yield f"{name} -> {_TWINS[name]}", _setting(node, "id", _TWINS[name])
        case ast.Constant(value=bool() as value):
            yield f"{value} -> {not value}", _setting(node, "value", not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} -> {value + 1}", _setting(node, "value", value + 1)
        case ast.Constant(value=str() as value):
            yield f"{value!r} -> changed", _setting(node, "value", f"{value}XX")
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield "return None", _setting(node, "value", ast.Constant(value=None))
        case _:
            pass


def _removals(node: ast.AST) -> Iterator[tuple[str, Change]]:
    for block in ("body", "orelse", "finalbody"):
        statements = getattr(node, block, None)
        if not isinstance(statements, list):
            continue
        for place, statement in enumerate(statements):
            is_call = isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)
            if is_call or isinstance(statement, ast.Continue | ast.Break | ast.AugAssign | ast.Raise):
                yield f"statement removed: {_head(statement)}", _putting_pass(statements, place)


def _setting(node: ast.AST, name: str, value: object) -> Change:
    return lambda: setattr(node, name, value)


def _putting_pass(statements: list[ast.stmt], place: int) -> Change:
    def change() -> None:
        statements[place] = ast.copy_location(ast.Pass(), statements[place])

    return change


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name(operator: ast.AST) -> str:
    return type(operator).__name__


def _head(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0][:60]
