"""What a template may be made of, up to its limits, and in which words all else is refused."""

import pytest

from scanner_service.judge.text_template import TextTemplate, TextTemplateError
from scanner_service.judge.text_variables import EXAMPLES

ALLOWED = (
    "allowed are text, variables and their items by number, if, for (two deep at the most), comparisons, "
    "and, or, not, ~, + and -, filters and tests"
)
LOOP_FACTS = "loop.first, loop.index, loop.index0, loop.last, loop.length"


def parse(source: str) -> TextTemplate:
    return TextTemplate.parse("here", source, 300)


def refusal_of(source: str) -> str:
    """Return why a template is refused, without its place, which is the second line."""
    with pytest.raises(TextTemplateError) as refused:
        parse("\n" + source)
    place, _, message = str(refused.value).partition(": ")
    assert place == "here, line 2"
    return message


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("{% set a = 1 %}", "set"),
        ("{% set a %}x{% endset %}", "set"),
        ("{{ sender() }}", "a call"),
        ("{{ subject.upper() }}", "a call"),
        ("{% call sender() %}{% endcall %}", "call"),
        ("{{ {'a': 1} }}", "a table"),
        ("{% extends 'a' %}", "extends"),
        ("{% filter upper %}x{% endfilter %}", "a filter block"),
        ("{% from 'a' import b %}", "import"),
        ("{% import 'a' as a %}", "import"),
        ("{% include 'a' %}", "include"),
        ("{{ [1] }}", "a list"),
        ("{% macro a() %}{% endmacro %}", "macro"),
        ("{{ 2 * 2 }}", "*"),
        ("{{ 2 ** 2 }}", "**"),
        ("{{ (1, 2) }}", "a tuple"),
        ("{% with a = 1 %}{% endwith %}", "with"),
        ("{{ 7 / 2 }}", "div"),
        ("{{ 7 % 2 }}", "mod"),
        ("{% block a %}{% endblock %}", "block"),
        ("{{ size is even and sender() }}", "a call"),
        ("{{ subject | default(sender()) }}", "a call"),
        ("{{ sender() | upper }}", "a call"),
        ("{{ sender() is number }}", "a call"),
        ("{{ sender()[0] }}", "a call"),
        ("{% if sender() %}{% endif %}", "a call"),
        ("{% for a in found if sender() %}{% endfor %}", "a call"),
        ("{% for a in found %}{{ sender() }}{% endfor %}", "a call"),
        ("{% for a in found %}{% else %}{{ sender() }}{% endfor %}", "a call"),
    ],
)
def test_what_is_not_allowed_is_named(source: str, word: str) -> None:
    assert refusal_of(source) == f"{word} is not allowed: {ALLOWED}"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("{{ subjct }}", "there is no variable 'subjct'; did you mean 'subject'?"),
        ("{{ subject | default(subjct) }}", "there is no variable 'subjct'; did you mean 'subject'?"),
        ("{% for a in subjct %}{% endfor %}", "there is no variable 'subjct'; did you mean 'subject'?"),
        (
            "{{ size is subject }}",
            "there is no test 'subject'; known are even, false, none, number, odd, string, true",
        ),
        ("{{ sender | lowr }}", "there is no filter 'lowr'; did you mean 'lower'?"),
        ("{{ size is evn }}", "there is no test 'evn'; did you mean 'even'?"),
        ("{{ sender | truncate(*found) }}", "want filter 'truncate' behind a value, its arguments without names"),
        ("{{ sender | truncate(**found) }}", "want filter 'truncate' behind a value, its arguments without names"),
        ("{{ sender | truncate(length=5) }}", "want filter 'truncate' behind a value, its arguments without names"),
        ("{{ size is number(a=1) }}", "want test 'number' behind a value, its arguments without names"),
        ("{{ sender | truncate(size) }}", "filter 'truncate': want a text or number as argument"),
        ("{{ sender | truncate(-1) }}", "filter 'truncate': want a text or number as argument"),
        ("{{ size is number(size) }}", "test 'number': want a text or number as argument"),
        ("{{ sender | truncate(4097) }}", "filter 'truncate': want an argument of 0 to 4096, got 4097"),
        ("{{ sender | truncate(4096.5) }}", "filter 'truncate': want an argument of 0 to 4096, got 4096.5"),
        (
            "{{ sender | replace('a', '" + "b" * 51 + "') }}",
            "filter 'replace': want an argument of at most 50 characters",
        ),
        ("{{ sender | replace('ü', 'u') }}", r"want printable ASCII, got '\xfc'"),
        ("gepr\u00fcft", r"want printable ASCII, got '\xfc'"),
        ("{{ 'gepr\u00fcft' }}", r"want printable ASCII, got '\xfc'"),
        (r"{{ 'a\nü' }}", r"want printable ASCII, got '\xfc'"),
        ("a\x1fb", r"want printable ASCII, got '\x1f'"),
        ("a\x7fb", r"want printable ASCII, got '\x7f'"),
        ("C:\\new", r"want printable ASCII, got '\\'"),
        ("{{ subject.upper }}", f"values have no members, got .upper; in a loop there are {LOOP_FACTS}"),
        ("{{ loop.first }}", f"values have no members, got .first; in a loop there are {LOOP_FACTS}"),
        (
            "{% for a in found %}{{ loop.cycle }}{% endfor %}",
            f"values have no members, got .cycle; in a loop there are {LOOP_FACTS}",
        ),
        (
            "{% for a in found %}{{ a.first }}{% endfor %}",
            f"values have no members, got .first; in a loop there are {LOOP_FACTS}",
        ),
        (
            "{% for a in found %}{{ (a ~ a).first }}{% endfor %}",
            f"values have no members, got .first; in a loop there are {LOOP_FACTS}",
        ),
        ("{{ subject['a'] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[size] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[-size] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[1.0] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[true] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[size:] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[:size] }}", "want an item by its number, or a range [FROM:TO]"),
        ("{{ subject[0:9:2] }}", "want an item by its number, or a range [FROM:TO]"),
        (
            "{% for a in found %}{% for b in found %}{% for c in found %}{% endfor %}{% endfor %}{% endfor %}",
            "want loops at most 2 deep",
        ),
        ("{% for a in found recursive %}{% endfor %}", "want a loop of the form: for NAME in LIST"),
        ("{% for a, b in found %}{% endfor %}", "want a loop of the form: for NAME in LIST"),
        ("{% for a in 'aaa' %}{% endfor %}", "want a loop over a variable"),
        ("{% for a in 'aaa' | sort %}{% endfor %}", "want a loop over a variable"),
        ("{% for a in found + found %}{% endfor %}", "want a loop over a variable"),
        (
            "{% for sender in found %}{% endfor %}",
            "want a name for the loop's variable that means nothing else, got 'sender'",
        ),
        (
            "{% for loop in found %}{% endfor %}",
            "want a name for the loop's variable that means nothing else, got 'loop'",
        ),
        (
            "{% for _a in found %}{% endfor %}",
            "want a name for the loop's variable that means nothing else, got '_a'",
        ),
        (
            "{% for a in found %}{% for a in found %}{% endfor %}{% endfor %}",
            "want a name for the loop's variable that means nothing else, got 'a'",
        ),
    ],
)
def test_a_refusal_says_what_would_be_right(source: str, fault: str) -> None:
    assert refusal_of(source) == fault


@pytest.mark.parametrize("source", ["{% for one in found %}{% else %}{{ one }}{% endfor %}", "{{ one }}"])
def test_a_loops_variable_is_there_in_the_loop_alone(source: str) -> None:
    assert refusal_of(source).startswith("there is no variable 'one'; ")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a ~ b", "a ~ b"),
        ("a\tb\r\nc", "a b c"),
        ("{{ recipients[0] if recipients }}", "bob@example.com"),
        ("{{ recipients[-1] if recipients }}", "eve@example.com"),
        ("{{ subject[0:3] }} {{ subject[-6:] }} {{ subject[:] }}", "Min Monday Minutes of Monday"),
        ("{{ +size - 1 }} {{ -size }}", "4021 -4022"),
        (
            "{{ subject | default(sender) }} {{ '' | default(subject | upper) }}",
            "Minutes of Monday MINUTES OF MONDAY",
        ),
        ("{{ '' | default('" + "a" * 51 + "') }}", "a" * 51),
        ("{{ '' | default(5000) }}", "5000"),
        ("{{ '' | default(-1) }}", "-1"),
        ("{{ 'a' | replace('a', '" + "b" * 50 + "') }}", "b" * 50),
        ("{{ subject | truncate(4096) }}{{ subject | truncate(0) }}", "Minutes of Monday"),
        ("{% for a in found[:1] | sort %}{{ a }}{% endfor %}", "Eicar-Test-Signature"),
        ("{% for a in unchecked %}{{ loop.index }}{{ loop.index0 }}{{ loop.length }}{% endfor %}", "101"),
        ("{% for a in found %}{{ loop.first }} {{ loop.last }}.{% endfor %}", "True False.False True."),
        ("{% for a in found if a != 'encrypted' %}{{ a }}{% else %}none{% endfor %}", "Eicar-Test-Signature"),
        ("{% for a in viruses %}{% endfor %}{% for a in unchecked %}{{ a }}{% endfor %}", "encrypted"),
        ("{% for a in viruses %}{% for b in unchecked %}{{ a ~ b }}{% endfor %}{% endfor %}", None),
    ],
)
def test_what_is_allowed_means_what_it_says(source: str, text: str | None) -> None:
    assert parse(source).render(EXAMPLES) == (text or "Eicar-Test-Signatureencrypted")


def test_the_names_are_those_of_variables_and_not_of_loops() -> None:
    template = parse(
        "{% for one in found %}{{ one | default(sender) }}{% if size %}{{ loop.index }}{% endif %}{% endfor %}"
    )

    assert template.names == {"found", "sender", "size"}


def nested(opening: str, conditions: int) -> str:
    return opening + "{% if size %}" * conditions + "x"


@pytest.mark.parametrize(
    ("deepest", "one_more"),
    [
        (nested("", 28) + "{% endif %}" * 28, nested("", 29) + "{% endif %}" * 29),
        (
            nested("{% for a in found %}", 27) + "{% endif %}" * 27 + "{% endfor %}",
            nested("{% for a in found %}", 28) + "{% endif %}" * 28 + "{% endfor %}",
        ),
        ("{{ " + "not " * 28 + "size }}", "{{ " + "not " * 29 + "size }}"),
        ("{{ " + "-" * 28 + "size }}", "{{ " + "-" * 29 + "size }}"),
        ("{{ size" + " | abs" * 28 + " }}", "{{ size" + " | abs" * 29 + " }}"),
        ("{{ subject" + "[:9]" * 28 + " }}", "{{ subject" + "[:9]" * 29 + " }}"),
    ],
    ids=["conditions", "conditions in a loop", "not", "minus", "filters", "ranges"],
)
def test_things_lie_within_each_other_thirty_deep_at_the_most(deepest: str, one_more: str) -> None:
    parse(deepest)

    assert refusal_of(one_more) == "want at most 30 things within each other"


def test_an_odd_letter_is_told_with_its_line_and_not_with_that_where_the_text_begins() -> None:
    with pytest.raises(TextTemplateError) as refused:
        parse("{{ size }} bytes:\nnot\r\ngepr\u00fcft,\nnot gew\u00fcnscht")

    assert str(refused.value) == r"here, line 3: want printable ASCII, got '\xfc'"


def test_loops_may_take_as_many_steps_as_the_reference_says() -> None:
    # What is in both loops counts 2500 times, what is in one 50 times: 19, 49 and 50 things.
    inner = "{% for b in found %}x" + "{{ a }}" * 17 + "{% endfor %}"
    most = "{% for a in found %}" + inner + "{{ a }}" * 46 + "{% endfor %}" + "{{ size }}" * 46

    parse(most)

    with pytest.raises(TextTemplateError) as refused:
        parse(most + "{{ size }}")
    assert str(refused.value) == "here, line 1: its loops may take 50001 steps, and 50000 are the limit"
