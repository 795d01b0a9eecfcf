"""A few fields of a stranger's header are found by their names, in a bounded time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.model.named_fields import (
    LONGEST_HEADER_BYTES,
    LONGEST_VALUE_BYTES,
    MOST_LOOKS,
    MOST_VALUES,
    named_values,
)

MEGABYTE = 2**20


def values(raw: bytes, name: bytes = b"from") -> tuple[bytes, ...]:
    return named_values(raw, (name,))[name]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", ()),
        (b"\nFrom: a\n\n", ()),
        (b"\r\nFrom: a\r\n", ()),
        (b"From: a", (b"a",)),
        (b"From: a\n\nFrom: b\n", (b"a",)),
        (b"From: a\r\n\r\nFrom: b\r\n", (b"a",)),
        (b"A: b\nFROM \t: a\n\n", (b"a",)),
        (b"A: From: b\n From: c\n\n", ()),
        (b"Fromage: a\nFrom a\nX-From: a\n\n", ()),
        (b"From a@b Sat Jun 8\nFrom: c\n\n", (b"c",)),
        (b"From:\n\n", (b"",)),
        (b"From: a\n b\n\tc\r\n d\nTo: x\n\n", (b"a b\tc d",)),
        (b"From: a\nFrom: b\n\n", (b"a", b"b")),
        (b"From: \xff\x00\n\n", (b"\xff\x00",)),
    ],
)
def test_values_are_found_by_name_and_unfolded(raw: bytes, found: tuple[bytes, ...]) -> None:
    assert values(raw) == found


def test_each_name_has_its_values() -> None:
    found = named_values(b"B: 1\nA: 2\nB: 3\n\n", (b"a", b"b", b"c"))

    assert found == {b"a": (b"2",), b"b": (b"1", b"3"), b"c": ()}


def test_of_one_name_there_are_not_too_many() -> None:
    assert len(values(b"From: a\n" * (MOST_VALUES + 1))) == MOST_VALUES


@pytest.mark.parametrize(("before", "found"), [(MOST_LOOKS - 1, (b"a",)), (MOST_LOOKS, ())])
def test_lines_that_only_begin_with_the_name_are_not_looked_at_for_ever(
    before: int, found: tuple[bytes, ...]
) -> None:
    assert values(b"from\n" * before + b"From: a\n\n") == found


def test_a_long_value_is_cut() -> None:
    assert values(b"From:" + b"x" * LONGEST_VALUE_BYTES) == (b"x" * (LONGEST_VALUE_BYTES - 1),)
    assert values(b"From:" + b"x" * (LONGEST_VALUE_BYTES - 1) + b"\nTo: y") == (b"x" * (LONGEST_VALUE_BYTES - 1),)


def test_behind_the_longest_header_nothing_is_found() -> None:
    before = b"A: " + b"x" * (LONGEST_HEADER_BYTES - 12) + b"\n"

    assert values(before + b"From: ab") == (b"ab",)
    assert values(before + b"From: abc") == (b"ab",)


@given(raw=st.lists(st.sampled_from([b"From", b":", b" ", b"\n", b"\r", b"x", b"\t", b"\xff"])).map(b"".join))
def test_a_value_is_one_line(raw: bytes) -> None:
    for value in values(raw):
        assert b"\n" not in value
        assert value == value.strip(b" \t\r")


@pytest.mark.parametrize(
    "header",
    [
        b"From: " + b"<" * MEGABYTE,
        b"From:" + b"\n " * (MEGABYTE // 2),
        b"from\n" * (MEGABYTE // 5),
        b"from:\n" * (MEGABYTE // 6),
        b"a\n" * (MEGABYTE // 2),
        b"from" + b" " * MEGABYTE,
        b"\r" * MEGABYTE,
    ],
    ids=lambda header: repr(header[:10]),
)
def test_a_megabyte_of_anything_is_searched_in_milliseconds(header: bytes) -> None:
    rounds = []
    for _ in range(10):
        started = time.process_time()
        named_values(header, (b"from", b"sender"))
        rounds.append(time.process_time() - started)

    assert min(rounds) < 0.02  # 1 to 4 ms on a busy machine
