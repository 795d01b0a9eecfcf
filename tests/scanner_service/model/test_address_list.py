"""The addresses of a field are those that mail programs show, and strangers cannot make finding them costly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.model.address_list import LONGEST_FIELD_BYTES, addresses_in


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ("bob@x.example", ["bob@x.example"]),
        ("Bob <bob@x.example>", ["bob@x.example"]),
        ("<bob@x.example> (Bob)", ["bob@x.example"]),
        ("bob@x.example (Bob <a@y.example>)", ["bob@x.example"]),
        ("a@x, B <b@y>,c@z", ["a@x", "b@y", "c@z"]),
        ("a@x; b@y", ["a@x", "b@y"]),
        ("Group: a@x, B <b@y>;, c@z", ["a@x", "b@y", "c@z"]),
        ("Group:;", []),
        ("Doe, Jane <j@x>", ["j@x"]),
        ("=?utf-8?q?a=40y_=3Cb=40z=3E?= <c@x>", ["c@x"]),
        ("münchen@bücher.example", ["münchen@bücher.example"]),
        ("a@[192.0.2.1]", ["a@[192.0.2.1]"]),
    ],
)
def test_addresses_of_honest_mail(field: str, addresses: list[str]) -> None:
    assert list(addresses_in(field.encode())) == addresses


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ('"ceo@bank.example" <a@x>', ["a@x"]),
        ("ceo@bank.example <a@x>", ["a@x"]),
        ('"ceo@bank.example, " <a@x>', ["a@x"]),
        ('"Ceo <ceo@bank.example>" <a@x>', ["a@x"]),
        ('"\\" <ceo@bank.example>" <a@x>', ["a@x"]),
        ("(<ceo@bank.example>) a@x", ["a@x"]),
        ("(a (b) <ceo@bank.example>) a@x", ["a@x"]),
        ("(\\) <ceo@bank.example>) a@x", ["a@x"]),
        ("ceo@bank.example: a@x", ["a@x"]),
        ("mailto:a@x", ["a@x"]),
        ("<ceo@bank.example", ["ceo@bank.example"]),
        ("a@x>", ["a@x"]),
        ("<<a@x>>", ["a@x"]),
        ("<b@y<a@x>", ["a@x"]),
        ("<a@x> <b@y>", ["a@x", "b@y"]),
        ("<> a@x", ["a@x"]),
        ("a@x <nobody>", ["a@x"]),
        ("Bob a@x b@y", ["a@x", "b@y"]),
        ('"Bob <a@x>', ["a@x"]),
        ("Bob) <a@x>", ["a@x"]),
        ("<@r.example,@s.example:a@x>", ["a@x"]),
    ],
)
def test_what_only_looks_like_the_author_is_not(field: str, addresses: list[str]) -> None:
    assert list(addresses_in(field.encode())) == addresses


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ('"bob"@x', ["bob@x"]),
        ('"b b"@x', ['"b b"@x']),
        ('<"b, \\"c"@x>', ['"b, \\"c"@x']),
        ('"a . b"@x', ['"a . b"@x']),
        ('""@x', []),
        ('a"b"@x', []),
        ("bob @ x . example", ["bob@x.example"]),
        ("< bob @x >", ["bob@x"]),
        ("bob(his name)@(its name)x", ["bob@x"]),
    ],
)
def test_quotes_blanks_and_comments_within_an_address(field: str, addresses: list[str]) -> None:
    assert list(addresses_in(field.encode())) == addresses


@pytest.mark.parametrize(
    "field",
    ["", "bob", "@x", "a@", "a@b@c", "@", "<>", "<a b@>", '"a@b"', "(a@b)", "a\\@b", "a@b\x00", "(" * 3000 + "a@x"],
)
def test_nonsense_has_no_address(field: str) -> None:
    assert addresses_in(field.encode()) == ()


def test_bytes_that_are_no_utf_8_are_kept() -> None:
    assert addresses_in(b"m\xfcller@x") == ("m\udcfcller@x",)


def test_only_the_beginning_of_a_long_field_is_read() -> None:
    assert addresses_in(b" " * (LONGEST_FIELD_BYTES - 3) + b"a@xy") == ("a@x",)


@given(st.lists(st.sampled_from([*'a@x.,;:<>()"\\ \t[]', "é", "\x00"]), max_size=40).map("".join))
def test_an_address_is_one_however_strange_the_field(field: str) -> None:
    for address in addresses_in(field.encode()):
        local, at, domain = address.rpartition("@")
        assert local
        assert at
        assert domain
        assert addresses_in(f"Name <{address}>".encode()) == (address,)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(field: bytes) -> None:
    addresses_in(field)


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "(",
        '"',
        '"\\',
        '\\"',
        " ",
        ".",
        "@",
        ",",
        "<>",
        "()",
        "<:",
        '" ',
        '"a" ',
        "a b@",
        " .",
        '"a"@',
        '@"a\\" ',
    ],
)
def test_two_thousand_of_anything_cost_little(piece: str) -> None:
    field = (piece * 2000)[:2000].encode()
    rounds = []
    for _ in range(10):
        started = time.process_time()
        addresses_in(field)
        rounds.append(time.process_time() - started)

    assert min(rounds) < 0.01  # 0.3 to 3 ms on a busy machine; a step for each pair of bytes takes 20
