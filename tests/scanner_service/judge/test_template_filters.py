"""What the filters and tests of templates make of values, those of strangers among them."""

import pytest

from scanner_service.judge.text_template import TextTemplate
from scanner_service.judge.text_variables import EXAMPLES

LIMIT = 10_000


def text_of(source: str, **values: object) -> str:
    """Return what a template says in which these variables are not as in the examples."""
    return TextTemplate.parse("here", source, LIMIT).render({**EXAMPLES, **values})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ (22 - size) | abs }}", "4000"),
        ("{{ subject | default('-') }}", "Minutes of Monday"),
        ("{{ recipients | first }}", "bob@example.com"),
        ("{{ recipients | last }}", "eve@example.com"),
        ("{{ recipients | length }}", "2"),
        ("{{ recipients | count }}", "2"),
        ("{{ subject | length }}", "17"),
        ("{{ recipients | join }}", "bob@example.comeve@example.com"),
        ("{{ recipients | join(' and ') }}", "bob@example.com and eve@example.com"),
        ("{{ subject | lower }}", "minutes of monday"),
        ("{{ subject | upper }}", "MINUTES OF MONDAY"),
        ("{{ subject | replace('Mon', 'Sun') }}", "Minutes of Sunday"),
        ("{{ subject | replace('', '-') }}", "Minutes of Monday"),
        ("{{ '[' ~ ' a b ' | trim ~ ']' }}", "[a b]"),
        ("{{ subject | truncate(10) }}", "Minutes..."),
        ("{{ subject | truncate(17) }}", "Minutes of Monday"),
        ("{{ subject | truncate(16) }}", "Minutes of Mo..."),
        ("{{ subject | truncate(3) }}", "..."),
        ("{{ subject | truncate(2) }}", ".."),
        ("{{ subject | truncate(0) }}", ""),
    ],
)
def test_a_filter_makes_another_value_of_one(source: str, text: str) -> None:
    assert text_of(source) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("", "none"), ([], "none"), (None, "none"), (0, "0"), (False, "False"), ("a", "a")],
)
def test_a_default_stands_for_what_is_empty(value: object, text: str) -> None:
    assert text_of("{{ subject | default('none') }}", subject=value) == text


@pytest.mark.parametrize("name", ["default", "first", "last", "max", "min"])
def test_where_there_is_nothing_a_filter_gives_an_empty_text(name: str) -> None:
    assert text_of("[{{ found | " + name + " }}]", found=[]) == "[]"


@pytest.mark.parametrize(("length", "text"), [(255, "x" * 255), (256, "x" * 252 + "...")])
def test_a_text_is_truncated_at_255_characters_if_nobody_says_where(length: int, text: str) -> None:
    assert text_of("{{ subject | truncate }}", subject="x" * length) == text


@pytest.mark.parametrize(
    ("name", "items", "text"),
    [
        ("min", [3, 10, 2.5], "2.5"),
        ("max", [3, 10, 2.5], "10"),
        ("min", ["b", "a", "c"], "a"),
        ("max", ["b", "a", "c"], "c"),
        ("max", [0.5, "a"], "0.5"),  # among numbers, a text counts as none
        ("max", [0, "A"], "A"),
        ("min", [-1, "a"], "-1"),
        ("sort | join(' ')", ["b", 10, "a", 9], "10 9 a b"),
        ("unique | join(' ')", ["b", "a", "b", 1], "b a 1"),
    ],
)
def test_lists_are_put_in_order(name: str, items: list[object], text: str) -> None:
    assert text_of("{{ found | " + name + " }}", found=items) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("round", 7.6, "8"),
        ("round(0)", 7.6, "8"),
        ("round(1)", 7.44, "7.4"),
        ("round(9)", 1.123456789, "1.123457"),
        ("int", 7.9, "7"),
        ("int", "12", "12"),
        ("int", "many", "0"),
        ("int", float("inf"), "0"),
        ("int", "1" * 30, "1" * 20),
        ("abs", -7.4, "7.4"),
    ],
)
def test_numbers_are_made_plain(name: str, value: object, text: str) -> None:
    assert text_of("{{ size | " + name + " }}", size=value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("hex", "aé", "61c3a9"),
        ("base64", "~~~", "fn5+"),
        ("base64url", "~~~", "fn5-"),
        ("base64", "ab", "YWI="),
        ("base64url", "ab", "YWI"),
        ("base64url", "abW", "YWJX"),
        ("hex", "a\udc80\udcff", "6180ff"),  # bytes that were no UTF-8
        ("hex", "\ud800", "eda080"),
        ("hex", "\udc7f\udd00", "edb1bfedb480"),
        ("hex", "\udcff\ud800", "edb3bfeda080"),
    ],
)
def test_a_text_is_encoded_as_the_bytes_that_it_was(name: str, value: str, text: str) -> None:
    assert text_of("{{ subject | " + name + " }}", subject=value) == text


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("even", 4, True),
        ("even", 3, False),
        ("odd", 3, True),
        ("odd", 4, False),
        ("false", False, True),
        ("false", True, False),
        ("false", 0, False),
        ("true", True, True),
        ("true", False, False),
        ("true", 1, False),
        ("none", None, True),
        ("none", 0, False),
        ("number", 7.4, True),
        ("number", 7, True),
        ("number", True, False),
        ("number", "7", False),
        ("string", "", True),
        ("string", 7, False),
    ],
)
def test_a_test_tells_what_a_value_is(name: str, value: object, holds: bool) -> None:
    assert text_of("{{ 'yes' if size is " + name + " else 'no' }}", size=value) == ("yes" if holds else "no")


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("{{ subject | first }}", "want a list"),
        ("{{ subject | join }}", "want a list"),
        ("{{ size | length }}", "want a list"),
        ("{{ subject | abs }}", "want a number"),
        ("{{ complete | round }}", "want a number"),
        ("{{ 'x' if subject is even else 'y' }}", "want a number"),
        ("{% for one in subject %}x{% endfor %}", "want a list to go through"),
    ],
)
def test_a_filter_that_does_not_fit_its_value_is_refused_when_the_template_is_read(source: str, fault: str) -> None:
    with pytest.raises(ValueError, match="here") as refused:
        text_of(source)

    assert str(refused.value) == f"here: fails with nothing found: {fault}"


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("{{ subject | length }}", {"subject": "x" * 4096}, "4096"),
        ("{{ subject | length }}", {"subject": "x" * 4097}, "4096"),
        ("{{ found | length }}", {"found": ["x"] * 50}, "50"),
        ("{{ found | length }}", {"found": ("x",) * 51}, "50"),
        ("{{ found | first | length }}", {"found": ["x" * 4097]}, "4096"),
        ("{{ found | join | length }}", {"found": ["x" * 4000] * 2}, "4096"),
        ("{{ found | join | length }}", {"found": ["x" * 4000, "y" * 96]}, "4096"),
        ("{{ subject | replace('x', 'yy') | length }}", {"subject": "x" * 4000}, "4096"),
        ("{{ subject | hex | length }}", {"subject": "x" * 4000}, "4096"),
        ("{{ subject | base64 | length }}", {"subject": "x" * 4000}, "4096"),
        ("{{ subject | base64url | length }}", {"subject": "x" * 4000}, "4096"),
        ("{{ subject | upper | length }}", {"subject": "ß" * 4000}, "4096"),
        ("{{ subject | lower | length }}", {"subject": "İ" * 4000}, "4096"),
    ],
)
def test_of_a_value_no_more_counts_than_the_reference_says(source: str, values: dict[str, object], text: str) -> None:
    assert text_of(source, **values) == text


def test_items_keep_their_kind() -> None:
    assert text_of("{{ (found | first) is number }} {{ found | last }}", found=[7, True]) == "True True"


@pytest.mark.parametrize("value", [object(), {"a": 1}, b"bytes", str])
def test_what_is_no_plain_value_is_an_empty_text(value: object) -> None:
    assert text_of("[{{ subject }}] {{ subject is string }}", subject=value) == "[] True"
    assert text_of("[{{ found | join }}{{ found | upper }}]", found=[value]) == "[]"
