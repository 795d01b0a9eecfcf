"""Under which keys something may be set for an address, and which of them counts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.lookup import MOST_DOMAIN_LEVELS, Lookup, keys_of, want_lookup_key


@pytest.mark.parametrize(
    ("address", "keys"),
    [
        (
            "User+Foo@Sub.Ex.COM",
            "user+foo@sub.ex.com user@sub.ex.com user+foo@ user@ sub.ex.com .sub.ex.com .ex.com .com .",
        ),
        ("bob@example", "bob@example bob@ example .example ."),
        ("a+b+c@x.example", "a+b+c@x.example a@x.example a+b+c@ a@ x.example .x.example .example ."),
        ("+a@x.example", "+a@x.example +a@ x.example .x.example .example ."),
        ("bob@[192.0.2.1]", "bob@[192.0.2.1] bob@ [192.0.2.1] ."),
        (
            "bob@B\u00fccher.example",
            "bob@xn--bcher-kva.example bob@ xn--bcher-kva.example .xn--bcher-kva.example .example .",
        ),
        ("bob@example.com.", "bob@example.com bob@ example.com .example.com .com ."),
        ("postmaster", "postmaster@ ."),
        ('"a@b"@x.example', '"a@b"@x.example "a@b"@ x.example .x.example .example .'),
    ],
)
def test_the_keys_go_from_the_most_telling_to_all(address: str, keys: str) -> None:
    assert keys_of(address) == tuple(keys.split())


def test_the_null_sender_has_keys_of_its_own() -> None:
    assert keys_of("") == ("", "@", ".")


def test_without_a_delimiter_there_are_no_extensions() -> None:
    assert keys_of("a+b@x.example", "")[:2] == ("a+b@x.example", "a+b@")
    assert keys_of("a-b@x.example", "-")[:2] == ("a-b@x.example", "a@x.example")


@pytest.mark.parametrize(("levels", "topmost"), [(19, 19), (20, 19), (1000, 19)])
def test_of_a_domain_of_very_many_levels_twenty_are_looked_up(levels: int, topmost: int) -> None:
    domain = "x." * levels + "example"

    keys = keys_of(f"a@{domain}")

    assert keys[:4] == (f"a@{domain}", "a@", domain, "." + "x." * topmost + "example")
    assert len(keys) == 24
    assert keys[-3:] == (".x.example", ".example", ".")


def test_a_domain_that_the_dns_cannot_have_still_compares_with_itself() -> None:
    domain = "\u00fc" * 64 + ".example"

    assert keys_of(f"bob@{domain.upper()}")[0] == f"bob@{domain}"
    assert Lookup({domain.upper(): 7}).first(f"bob@{domain}") == 7


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("bob@example.com", "BOB@example.com"),
        ("Bob@Example.COM", "bob@example.com"),
        ("bob@example.com", "bob+lists@example.com"),
        ("bob@", "bob@anywhere.example"),
        ("example.com", "bob@example.com"),
        (".example.com", "bob@example.com"),
        (".example.com", "bob@deep.sub.example.com"),
        (".b\u00fccher.example", "bob@mail.xn--bcher-kva.example"),
        ("Bob@b\u00fccher.example", "bob@xn--bcher-kva.example"),
        (".", "bob@example.com"),
    ],
)
def test_a_key_fits(key: str, address: str) -> None:
    assert Lookup({key: 7}).first(address) == 7


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("example.com", "bob@sub.example.com"),
        (".example.com", "bob@anexample.com"),
        ("bob@", "bobby@example.com"),
        ("bob+lists@example.com", "bob@example.com"),
        ("bob@example.com", "example.com"),
    ],
)
def test_a_key_does_not_fit(key: str, address: str) -> None:
    assert Lookup({key: 7}).first(address) is None


def test_the_more_telling_key_counts_wherever_it_stands() -> None:
    lookup = Lookup({".": 1, ".com": 2, "example.com": 3, "bob@": 4, "bob@example.com": 5, "bob+x@example.com": 6})

    found = [
        lookup.first(one)
        for one in (
            *(
                "bob+x@example.com",
                "bob+y@example.com",
                "bob@sub.example",
                "amy@example.com",
                "amy@x.com",
                "amy@x.org",
            ),
        )
    ]

    assert found == [6, 5, 4, 3, 2, 1]


def test_nothing_set_for_it_is_none_and_a_zero_is_a_value() -> None:
    assert Lookup[int]({}).first("bob@example.com") is None
    assert Lookup({"bob@": 0, ".": 1}).first("bob@example.com") == 0


@pytest.mark.parametrize(
    "key",
    [
        ".",
        "",
        "@",
        "example",
        "example.com",
        ".example.com",
        "bob@",
        "bob@example.com",
        "a+b@x.example",
        "bob@[192.0.2.1]",
    ],
)
def test_what_is_a_key(key: str) -> None:
    want_lookup_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "@example.com",
        "*@example.com bob@",
        "*@example.com",
        "*@",
        "bob@*.example",
        "*.example",
        "..",
        "a b",
        "x..y",
        "bob@.x",
    ],
)
def test_what_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"want user@domain, user@, domain, .domain or '.', got {key!r}")):
        want_lookup_key(key)


addresses = st.text(st.characters(), max_size=60) | st.emails()


@given(addresses)
def test_every_address_has_keys_that_end_with_all_and_none_comes_twice(address: str) -> None:
    keys = keys_of(address)

    assert keys[-1] == "."
    assert len(set(keys)) == len(keys) <= MOST_DOMAIN_LEVELS + 6
    assert all(key == key.lower() for key in keys)


@given(st.emails())
def test_an_address_is_found_under_each_of_its_keys(address: str) -> None:
    for key in keys_of(address):
        assert Lookup({key: True}).first(address)
