"""Faults that are planted: each of them changes what the module does, and nothing else is touched."""

import ast

import pytest

from soak.mutants import mutants_of, mutated


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x = a < b", ["x = a <= b", "x = a >= b"]),
        ("x = a in b", ["x = a not in b"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = not not a"]),
        ("x = a + b", ["x = a - b"]),
        ("x = min(a)", ["x = max(a)"]),
        ("x = True", ["x = False"]),
        ("x = 1", ["x = 2"]),
        ("x = 'a'", ["x = 'aXX'"]),
        ("x = a if b else c", ["x = a if True else c", "x = a if False else c"]),
        ("def f():\n    return x", ["def f():\n    return None"]),
        ("def f():\n    g()", ["def f():\n    pass"]),
        ("x = [a for a in b if a]", ["x = [a for a in b]"]),
        ("def f() -> 'text':\n    '''Say so.'''", []),
        ("import re\nassert x == 1\nx = f'{a == 1}'", []),
        (
            "if a:\n    raise ValueError('1')",
            [
                "if True:\n    raise ValueError('1')",
                "if False:\n    raise ValueError('1')",
                "if a:\n    pass",
            ],
        ),
    ],
)
def test_each_fault_is_planted_alone(source: str, changed: list[str]) -> None:
    found = mutants_of(source)

    assert [ast.unparse(mutated(source, one.number)) for one in found] == [
        ast.unparse(ast.parse(one)) for one in changed
    ]


def test_a_fault_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError, match="no mutant 1"):
        mutated("x = 1", 1)
