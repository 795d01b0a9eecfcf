"""Where a recipient's mail goes instead, for any address that a client may send."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.address_change import check_redirect, redirect_target, with_extension
from scanner_service.judge.lookup import keys_of
from scanner_service.model.mailbox import is_mailbox, split_address


@pytest.mark.parametrize(
    ("address", "extension", "delimiter", "changed"),
    [
        ("bob@x", "+spam", "+", "bob+spam@x"),
        ("bob+list@x", "+spam", "+", "bob+spam@x"),
        ("bob+list+more@x", "+spam", "+", "bob+spam@x"),
        ("bob+spam@x", "+spam", "+", "bob+spam@x"),
        ("bob+@x", "+spam", "+", "bob+spam@x"),
        ("+bob@x", "+spam", "+", "+bob+spam@x"),
        ("+spam@x", "+spam", "+", "+spam+spam@x"),
        ("bob@x", "-spam", "+", "bob-spam@x"),
        ("bob+list@x", "-spam", "+", "bob+list-spam@x"),
        ("bob-spam@x", "-spam", "+", "bob-spam@x"),
        ("-spam@x", "-spam", "+", "-spam-spam@x"),
        ("bob-list@x", "-spam", "-", "bob-spam@x"),
        ("bob+list@x", "+spam", "", "bob+list+spam@x"),
        ("Bob@X.Example", "-spam", "+", "Bob-spam@X.Example"),
        ('"b b"@x', "+spam", "+", '"b b+spam"@x'),
        ('"b b+list"@x', "+spam", "+", '"b b+spam"@x'),
        ('"a@b"@x', "-spam", "+", '"a@b-spam"@x'),
        (r'"b\+list"@x', "+spam", "+", '"b+spam"@x'),
        (r'"b\"b"@x', "-spam", "+", r'"b\"b-spam"@x'),
        ("jürgen@bücher.example", "+spam", "+", "jürgen+spam@bücher.example"),
        ("bob@[192.0.2.1]", "+spam", "+", "bob+spam@[192.0.2.1]"),
    ],
)
def test_an_extension_is_added_or_replaced(address: str, extension: str, delimiter: str, changed: str) -> None:
    assert with_extension(address, extension, delimiter) == changed


def test_without_a_word_the_delimiter_is_that_of_lookups() -> None:
    assert with_extension("bob+list@x", "+spam") == "bob+spam@x"


@pytest.mark.parametrize(
    "address",
    ["", "bob", "@x", "bob@", "b b@x", ".bob@x", '"b@x', '""@x', "b\udcfc@x", "b\n@x", "<bob@x>", "b" * 60 + "@x"],
)
def test_an_address_that_cannot_have_one_stays(address: str) -> None:
    assert with_extension(address, "+spam") == address


@pytest.mark.parametrize("extension", ["", "+a b", "+a@b", "+.", "+\n"])
def test_an_extension_that_would_break_the_address_is_left_out(extension: str) -> None:
    assert with_extension("bob@x", extension) == "bob@x"


@pytest.mark.parametrize(
    ("template", "address", "target"),
    [
        ("spam@example.com", "bob@x", "spam@example.com"),
        ("spam@{domain}", "bob@X.example", "spam@X.example"),
        ("{local}@spam.{domain}", "bob@x", "bob@spam.x"),
        ("{local}.{local}@{domain}", "bob@x", "bob.bob@x"),
        ("{address}", "bob@x", "bob@x"),
        ("{address}.spam.example", "bob@x", "bob@x.spam.example"),
        ("spam@{domain}", '"b b"@x', "spam@x"),
        ("{local}@y", '"b b"@x', '"b b"@y'),
        ("spam@{domain}", "a%b@x", "spam@x"),
        ("spam@{domain}", "bob@[192.0.2.1]", "spam@[192.0.2.1]"),
        ("{local}@y", "bob", "bob@y"),
        ("{local}@y", "{domain}@x", "{domain}@y"),
        ("{local}@{domain}", "jürgen@bücher.example", "jürgen@bücher.example"),
    ],
)
def test_a_template_makes_an_address(template: str, address: str, target: str) -> None:
    assert redirect_target(template, address) == target


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("spam@{domain}", ""),
        ("spam@{domain}", "bob"),
        ("{address}", "bob"),
        ("{local}@y", ""),
        ("{local}@y", "b b@x"),
        ("{local}@y", "a%b@x"),
        ("{local}@y", "b!a@x"),
        ("{local}@y", '"a@b"@x'),
        ("{local}@y", '"b@x'),
        ("{local}@y", "b\udcfc@x"),
        ("{local}@y", "bob\n@x"),
        ("spam-{local}@y", '"b b"@x'),
        ("{address}@y", "bob@x"),
        ("spam@{domain}", "bob@x y"),
        ("{local}.spam@y", "b" * 60 + "@x"),
    ],
)
def test_a_strange_address_is_redirected_nowhere(template: str, address: str) -> None:
    assert redirect_target(template, address) is None


@pytest.mark.parametrize(
    "template", ["spam@example.com", "spam@{domain}", "{local}@y", "{address}", "{local}-s@{domain}"]
)
def test_a_template_that_makes_an_address_is_accepted(template: str) -> None:
    check_redirect(template)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "spam",
        "spam@",
        "@{domain}",
        "spam@{host}",
        "spam@{}",
        "spam@{domain",
        "spam@domain}",
        "spam}@x",
        "{spam@x",
        "{{local}}@x",
        "{do{local}main}@x",
        "{Local}@x",
        "{local}",
        "{address}@x",
        "a b@x",
        "a%b@x",
    ],
)
def test_any_other_template_is_refused(template: str) -> None:
    wanted = "want an address such as spam@{domain}, with {address}, {local}, {domain}, got " + repr(template)

    with pytest.raises(ValueError, match=f"^{re.escape(wanted)}$"):
        check_redirect(template)


addresses = st.lists(st.sampled_from([*'ab.+-"\\@ %!<>{}', "\n", "é", "\udcfc", "x.example", "@x"]), max_size=12).map(
    "".join
)
extensions = st.sampled_from(["+spam", "-spam", "-", "+", "spam", "+a b", '"'])


@given(address=addresses, extension=extensions)
def test_an_extension_makes_an_address_of_the_same_user_or_changes_nothing(address: str, extension: str) -> None:
    changed = with_extension(address, extension)

    if changed != address:
        assert is_mailbox(changed)
        assert split_address(changed)[1] == split_address(address)[1]
        assert with_extension(changed, extension) == changed


@given(local=st.from_regex(r"[a-z][a-z+]{0,9}", fullmatch=True))
def test_what_holds_for_a_user_holds_for_the_extended_address(local: str) -> None:
    user = keys_of(f"{local.partition('+')[0]}@x")[0]

    assert user in keys_of(with_extension(f"{local}@x", "+spam"))


@given(address=addresses, template=st.sampled_from(["s@{domain}", "{local}@y", "{address}", "s+{local}@{domain}"]))
def test_a_redirect_goes_to_one_address_or_is_not_made(address: str, template: str) -> None:
    target = redirect_target(template, address)

    assert target is None or (is_mailbox(target) and not set(split_address(target)[0]) & set("%!@"))
