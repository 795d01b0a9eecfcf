"""What is an address that mail can be sent to, and what its local part means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.model.mailbox import is_mailbox, is_quoted, quoted, split_address, unquoted


@pytest.mark.parametrize(
    "address",
    [
        "bob@x",
        "Bob.B@x.example",
        "b!#$%&'*+/=?^_`{|}~-0@x-1.example",
        '"b b"@x',
        '""@x',
        r'"b\"\\b"@x',
        '"a@b"@x',
        "bob@[192.0.2.1]",
        "bob@[IPv6:2001:db8::1]",
        "münchen@bücher.example",
        "b" * 64 + "@x",
        "ü" * 32 + "@x",
        "b@" + ("d" * 62 + ".") * 4 + "ddd",
    ],
)
def test_an_address(address: str) -> None:
    assert is_mailbox(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bob",
        "@x",
        "bob@",
        "bob@x.",
        "bob@.x",
        "bob@x..y",
        "bob@-x",
        "bob@x-",
        "bob@x_y",
        "bob@x-.y",
        "bob@[]",
        "bob@[1]2",
        "bob@[[1]",
        ".bob@x",
        "bob.@x",
        "b..b@x",
        "b b@x",
        "a@b@c",
        '"b"b"@x',
        '"b@x',
        '"b\\"@x',
        'b"b"@x',
        "b(b)@x",
        "b,b@x",
        "bob@x\n",
        "b\nb@x",
        '"b\nb"@x',
        '"b\u2028b"@x',
        "b\xa0b@x",
        "b\udcfcb@x",
        "bob@x y",
        "b" * 65 + "@x",
        "ü" * 32 + "b@x",
        "b@" + ("d" * 62 + ".") * 4 + "dddd",
    ],
)
def test_no_address(address: str) -> None:
    assert not is_mailbox(address)


@pytest.mark.parametrize(
    ("address", "parts"),
    [("", ("", "")), ("bob", ("bob", "")), ("bob@x", ("bob", "x")), ('"a@b"@x', ('"a@b"', "x")), ("@x", ("", "x"))],
)
def test_parts_of_an_address(address: str, parts: tuple[str, str]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize(
    ("local", "meaning"), [("bob", "bob"), ('"b b"', "b b"), (r'"b\"\\\b"', r'b"\b'), ('""', "")]
)
def test_what_quotes_mean(local: str, meaning: str) -> None:
    assert unquoted(local) == meaning


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
def test_quoting_keeps_the_meaning(meaning: str) -> None:
    local = quoted(meaning)

    assert is_quoted(local)
    assert is_mailbox(f"{local}@x")
    assert unquoted(local) == meaning


def test_a_megabyte_is_no_address_and_no_work() -> None:
    assert not any(is_mailbox(piece * 2**20 + "@" + piece * 2**20) for piece in ("a", "-", ".", '"', "\\", "a-"))
