"""Templates that administrators write: what they may use, and what strangers' values cannot do to them."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.text_template import SOURCE_LIMIT_CHARACTERS, TextTemplate, TextTemplateError
from scanner_service.judge.text_variables import EMPTY, EXAMPLES
from verdict_api.smtp_reply import SmtpReply

LIMIT = 300
USUAL = (
    "Message content rejected, id={{ mail_id }} - {{ label }}"
    "{% if viruses %}: {{ viruses | join(', ') | truncate(80) }}{% endif %}"
)
MANY = (
    USUAL,
    "{{ subject }} {{ from | upper }} {{ sender ~ '/' ~ client_helo }}",
    "{% for name in found | unique | sort %}{{ loop.index }}. {{ name | replace('a', 'b') }}{% endfor %}",
    "{% for name in found %}{% for test in spam_tests if test != name %}{{ test[:5] }}{% endfor %}{% endfor %}",
    "{% if spam_score is number and spam_score > 5 - 1 %}{{ spam_score | round(1) }}{% else %}-{% endif %}",
    "{{ subject | default('none') | lower | trim }} {{ viruses | first }} {{ banned | last }} {{ found | length }}",
    "{{ mail_id | hex }} {{ subject | base64 }} {{ sender | base64url }} {{ size | int }} {{ categories | max }}",
    "{{ 'spam' in categories }} {{ not complete }} {{ found[0] | default('-') if found else '' }}",
)
HOSTILE = {
    "attribute of a constant": "{{ ''.__class__ }}",
    "attribute of a value": "{{ sender.__init__.__globals__ }}",
    "item by name": "{{ sender['__class__'] }}",
    "item by a variable": "{{ found[size] }}",
    "item by an expression": "{{ found['__cla' ~ 'ss__'] }}",
    "filter attr": "{{ sender | attr('__class__') }}",
    "filter map": "{{ found | map(attribute='__class__') | join }}",
    "filter format": "{{ '%s' | format(sender) }}",
    "filter xmlattr": "{{ found | xmlattr }}",
    "filter tojson": "{{ found | tojson }}",
    "filter pprint": "{{ found | pprint }}",
    "filter center": "{{ sender | center(1000000000) }}",
    "filter groupby": "{{ found | groupby('__class__') }}",
    "filter of our own machinery": "{{ found | _listed }}",
    "method format": "{{ '{0.__class__}'.format(sender) }}",
    "method format_map": "{{ '{a.__class__}'.format_map(found) }}",
    "method by filter attr": "{{ ('{0.__class__}' | attr('format'))(sender) }}",
    "method without a call": "{{ sender.format }}",
    "percent format": "{{ '%1000000000d' % 1 }}",
    "call of a value": "{{ sender() }}",
    "call of the undefined": "{{ nothing() }}",
    "range": "{% for one in range(1000000000) %}x{% endfor %}",
    "lipsum": "{{ lipsum(100) }}",
    "lipsum's globals": "{{ lipsum.__globals__ }}",
    "cycler": "{{ cycler('a', 'b').next() }}",
    "joiner": "{{ joiner(', ') }}",
    "namespace": "{% set ns = namespace(a=1) %}",
    "dict": "{{ dict(a=1) }}",
    "self": "{{ self }}",
    "self's context": "{{ self._TemplateReference__context }}",
    "loop's context": "{% for one in found %}{{ loop.__class__ }}{% endfor %}",
    "loop's call": "{% for one in found %}{{ loop.cycle('a') }}{% endfor %}",
    "loop itself": "{% for one in found %}{{ loop }}{% endfor %}",
    "loop outside": "{{ loop.index }}",
    "recursion of a loop": "{% for one in found recursive %}{{ loop(found) }}{% endfor %}",
    "recursion of a macro": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "loops three deep": "{% for a in found %}{% for b in found %}{% for c in found %}x" + "{% endfor %}" * 3,
    "a loop three deep in an else": "{% for a in found %}{% for b in found %}{% if a %}{% else %}"
    "{% for c in found %}x{% endfor %}{% endif %}{% endfor %}{% endfor %}",
    "loop over a constant": "{% for one in 'aaaa' %}x{% endfor %}",
    "loop over a sum": "{% for one in found + found %}x{% endfor %}",
    "loop over text": "{% for one in subject %}x{% endfor %}",
    "loop with two variables": "{% for a, b in found %}x{% endfor %}",
    "loop that hides a variable": "{% for sender in found %}x{% endfor %}",
    "much in two loops": "{% for a in found %}{% for b in found %}" + "{{ a }}" * 50 + "{% endfor %}{% endfor %}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "huge repeat of text": "{{ 'a' * 1000000000 }}",
    "huge repeat of a list": "{{ found * 1000000000 }}",
    "division": "{{ 1 / 0 }}",
    "huge argument": "{{ sender | truncate(1000000000) }}",
    "long argument": "{{ sender | replace('a', '" + "b" * 60 + "') }}",
    "argument of a stranger": "{{ sender | replace('a', subject) }}",
    "arguments by stars": "{{ sender | truncate(*found) }}",
    "argument by name": "{{ sender | truncate(length=5) }}",
    "a table": "{{ {'a': 1} }}",
    "a list": "{{ [1] }}",
    "set": "{% set a = 1 %}",
    "set of a block": "{% set a %}x{% endset %}",
    "with": "{% with a = 1 %}{% endwith %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "call block": "{% call sender() %}{% endcall %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'a' as a %}",
    "from": "{% from 'a' import b %}",
    "extends": "{% extends 'a' %}",
    "block": "{% block a %}{% endblock %}",
    "autoescape": "{% autoescape true %}{% endautoescape %}",
    "statement that is none": "{% do sender %}",
    "test that is none of ours": "{{ sender is callable }}",
    "test by a filter's name": "{{ sender is filter('attr') }}",
    "what never ends": "{{ sender",
    "deep brackets": "{{ " + "(" * 1500 + "1" + ")" * 1500 + " }}",
    "deep negation": "{{ " + "not " * 900 + "1 }}",
    "deep conditions": "{% if size %}" * 200 + "{% endif %}" * 200,
    "huge number": "{{ " + "9" * 4000 + "}}" * 50,
    "too long": "a" * (SOURCE_LIMIT_CHARACTERS + 1),
    "control character": "a\x1b[2J",
    "letter that SMTP has not": "gepr\u00fcft",
    "letter that SMTP has not, in an expression": "{{ 'gepr\u00fcft' }}",
    "backslash": "C:\\new",
    "number that may be missing": "{{ spam_score > 5 }}",
    "item that may be missing": "{{ viruses[0] }}",
}
TEXTS = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    [
        "a\r\n250 ok",
        "\0",
        "\x1b]0;x\x07",
        "\u2028",
        "\udcff",
        "\ud800",
        "{{ 7 * 7 }}",
        "%s%n",
        "\\x0a",
        "=?utf-8?q?=0a?=",
    ]
)
VALUES = (
    TEXTS | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(TEXTS | st.integers(), max_size=60)
)


def parse(source: str, limit: int = LIMIT) -> TextTemplate:
    return TextTemplate.parse("[policy.replies] virus", source, limit)


def with_values(**values: object) -> Mapping[str, object]:
    return {**EXAMPLES, **values}


def test_a_template_is_rendered_with_the_values_that_it_names() -> None:
    template = parse(USUAL)

    text = template.render(EXAMPLES)

    assert text == "Message content rejected, id=b7kQ2sX9aLmP - INFECTED: Eicar-Test-Signature"
    assert template.names == {"mail_id", "label", "viruses"}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{{ subject }}", "Minutes of Monday"),
        ("{% if spam_score is number %}{{ spam_score | round }} {{ spam_score + 1 }}{% endif %}", "7 8.4"),
        ("{{ spam_score | default('-') }}", "7.4"),
        (
            "{% for a in recipients %}{{ a }}{{ '' if loop.last else '; ' }}{% endfor %}",
            "bob@example.com; eve@example.com",
        ),
        ("{% if category == 'spam' %}a{% elif viruses %}b{% else %}c{% endif %}", "b"),
        ("{{ recipients | join(', ') | upper }}", "BOB@EXAMPLE.COM, EVE@EXAMPLE.COM"),
        ("{{ subject[:7] ~ '!' }}", "Minutes!"),
        ("a\n  b\t c\r\nd", "a b c d"),
        ("a{# nobody sees this #}b", "ab"),
        ("{{ 'a\nb' }}", "a\\x0ab"),
        ("{{ mail_id | hex }}", "62376b5132735839614c6d50"),
    ],
)
def test_the_language_says_what_people_need(source: str, wanted: str) -> None:
    assert parse(source).render(EXAMPLES) == wanted


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_template_is_refused_with_its_place(source: str) -> None:
    with pytest.raises(TextTemplateError, match=r"^\[policy\.replies\] virus") as refused:
        parse(source)

    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("a\nb {{ virusses }}", ", line 2: there is no variable 'virusses'; did you mean 'viruses'?"),
        ("a\n\n{% if %}", ", line 3: Expected an expression, got 'end of statement block'"),
        ("a\n{{ \x1b }}", r", line 2: unexpected char '\x5cx1b' at 5"),
        (
            "{{ spam_score > 5 }}",
            ": fails with nothing found: '>' not supported between instances of 'NoneType' and 'int'",
        ),
        ("{{ viruses[0] }}", ": fails with nothing found: list object has no element 0"),
        (
            "{% if viruses %}{{ viruses[3] }}{% endif %}",
            ": fails with a value in each: list object has no element 3",
        ),
        ("{{ " + "(" * 1500 + "1" + ")" * 1500 + " }}", ": want a simpler template: RecursionError"),
        ("a" * 4097, ": want at most 4096 characters, got 4097"),
    ],
    ids=["variable", "grammar", "character", "no value", "no item", "too few items", "brackets", "length"],
)
def test_what_is_wrong_is_told_with_place_and_remedy(source: str, wanted: str) -> None:
    with pytest.raises(TextTemplateError) as refused:
        parse(source)

    assert str(refused.value) == f"[policy.replies] virus{wanted}"


def test_a_template_may_be_as_long_as_the_reference_says() -> None:
    assert parse("a" * 4096, 5000).render(EXAMPLES) == "a" * 4096


@given(st.sampled_from(MANY), st.dictionaries(st.sampled_from(sorted(EXAMPLES)), VALUES))
def test_whatever_the_values_are_a_reply_can_have_the_text(source: str, values: dict[str, object]) -> None:
    text = parse(source).render({**EXAMPLES, **values})

    SmtpReply(550, "5.7.1", text)
    assert len(text) <= LIMIT
    assert text == " ".join(text.split())


@pytest.mark.parametrize("source", MANY)
def test_missing_values_are_no_trouble(source: str) -> None:
    template = parse(source)

    texts = [template.render(values) for values in ({}, EMPTY, with_values(subject=None, found=None))]

    assert all(len(text) <= LIMIT for text in texts)


def test_values_that_undo_an_expression_give_an_empty_text() -> None:
    template = parse("rejected, {{ size + 1 }} bytes")

    assert template.render(with_values(size="many")) == ""


def test_a_line_break_of_a_stranger_is_shown_and_one_of_the_layout_is_a_blank() -> None:
    text = parse("id={{ mail_id }}\n{{ subject }}").render(with_values(subject="a\r\n250 2.0.0 Ok\x00\udcff\\"))

    assert text == r"id=b7kQ2sX9aLmP a\x0d\x0a250 2.0.0 Ok\x00\xff\x5c"


def test_a_value_is_no_template() -> None:
    assert parse("{{ subject }}").render(with_values(subject="{{ 7 + 7 }}")) == "{{ 7 + 7 }}"


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (0, ""),
        (1, "."),
        (3, "..."),
        (4, "a..."),
        (13, "abcdefghij..."),
        (14, "abcdefghijklmn"),
        (15, "abcdefghijklmn"),
    ],
)
def test_a_long_text_is_cut_at_the_limit(limit: int, text: str) -> None:
    assert parse("{{ subject }}", limit).render(with_values(subject="abcdefghijklmn")) == text


def test_blanks_that_become_one_do_not_make_a_text_shorter() -> None:
    text = parse("{{ subject }}", 100).render(with_values(subject="a   " * 200))

    assert text == "a " * 48 + "a..."


def test_what_would_be_cut_off_is_not_even_made() -> None:
    template = parse("{{ subject }}{{ size + 1 }}", 100)

    text = template.render(with_values(subject="a" * 1000, size="undoes the sum"))

    assert text == "a" * 97 + "..."


def test_a_value_that_is_missing_is_no_word() -> None:
    assert parse("[{{ spam_score }}]").render(with_values(spam_score=None)) == "[]"


def test_templates_of_the_same_text_are_equal_and_shown_as_written() -> None:
    template = parse("{{ size }}")

    assert template == parse("{{ size }}")
    assert template != parse("{{ size }}", LIMIT + 1)
    assert repr(template) == (
        "TextTemplate(place='[policy.replies] virus', source='{{ size }}', limit=300, names=frozenset({'size'}))"
    )


def test_no_value_makes_a_template_slow() -> None:
    source = (
        "{% for a in found %}{% for b in found %}{{ (a ~ b) | replace('a', 'bbbbbbbbbb') | upper | truncate(3) }}"
    )
    template = parse(source + "{% endfor %}{% endfor %}")
    values = with_values(found=["a" * 100_000] * 1000)

    started = time.process_time()
    text = template.render(values)

    assert text.endswith("...")
    assert time.process_time() - started < 1
