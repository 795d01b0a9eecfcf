"""Tables of an administrator: who is found where, and which entry says so."""

import re

import pytest

from scanner_service.judge.tables import AccessList, AddressKeys, Always, Found, KeyTable, Lookup, PatternTable, Table

ANN = AddressKeys.of("Ann+list@Mail.Example.com")


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (KeyTable.of("t", {"ann@mail.example.com": 1, ".example.com": 2}), Found(1, "t", "ann@mail.example.com")),
        (KeyTable.of("t", {".": 3, "MAIL.example.COM": 2}), Found(2, "t", "mail.example.com")),
        (KeyTable.of("t", {"bob@mail.example.com": 1}), None),
        (Always("t", 5), Found(5, "t", ".")),
        (PatternTable("t", ((re.compile(r"(?i)^ann\+"), 4),)), Found(4, "t", r"(?i)^ann\+")),
        (PatternTable("t", ((re.compile("^bob"), 4),)), None),
        (AccessList.of("t", ["!ann@mail.example.com", ".example.com"]), Found(False, "t", "!ann@mail.example.com")),
        (AccessList.of("t", [".example.com", "!ann@mail.example.com"]), Found(True, "t", ".example.com")),
        (AccessList.of("t", ["other.example"]), None),
    ],
)
def test_a_table_says_what_it_knows_and_which_entry_says_so(table: Table[int], found: Found[int] | None) -> None:
    assert table.find(ANN) == found


def test_the_first_table_that_knows_the_address_decides() -> None:
    lookup = Lookup((KeyTable.of("first", {"bob@": 1}), KeyTable.of("second", {"ann@": 2}), Always("last", 3)))

    assert lookup.find(ANN) == Found(2, "second", "ann@")
    assert lookup.find(AddressKeys.of("eve@x.example")) == Found(3, "last", ".")


def test_a_table_that_says_no_is_asked_no_further() -> None:
    lookup = Lookup((AccessList.of("first", ["!ann@"]), Always("second", value=True)))

    assert lookup.find(ANN) == Found(False, "first", "!ann@")
