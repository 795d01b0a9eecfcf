"""Tables of an administrator: who is found where, and which entry says so."""

import re

import pytest

from scanner_service.judge.tables import (
    AccessList,
    AddressKeys,
    Always,
    Found,
    KeyTable,
    Lookup,
    PatternTable,
    Place,
    Table,
)

T = Place("default", "t")
FIRST, SECOND, LAST = Place("default", "first"), Place("default", "second"), Place("default", "last")
ANN = AddressKeys.of("Ann+list@Mail.Example.com")


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (KeyTable.of(T, {"ann@mail.example.com": 1, ".example.com": 2}), Found(1, T, "ann@mail.example.com")),
        (KeyTable.of(T, {".": 3, "MAIL.example.COM": 2}), Found(2, T, "mail.example.com")),
        (KeyTable.of(T, {"bob@mail.example.com": 1}), None),
        (Always(T, 5), Found(5, T, ".")),
        (PatternTable(T, ((re.compile(r"(?i)^ann\+"), 4),)), Found(4, T, r"/(?i)^ann\+/")),
        (PatternTable(T, ((re.compile("^bob"), 4),)), None),
        (AccessList.of(T, ["!ann@mail.example.com", ".example.com"]), Found(False, T, "!ann@mail.example.com")),
        (AccessList.of(T, [".example.com", "!ann@mail.example.com"]), Found(True, T, ".example.com")),
        (AccessList.of(T, ["other.example"]), None),
    ],
)
def test_a_table_says_what_it_knows_and_which_entry_says_so(table: Table[int], found: Found[int] | None) -> None:
    assert table.find(ANN) == found


def test_the_first_table_that_knows_the_address_decides() -> None:
    lookup = Lookup((KeyTable.of(FIRST, {"bob@": 1}), KeyTable.of(SECOND, {"ann@": 2}), Always(LAST, 3)))

    assert lookup.find(ANN) == Found(2, SECOND, "ann@")
    assert lookup.find(AddressKeys.of("eve@x.example")) == Found(3, LAST, ".")


def test_a_table_that_says_no_is_asked_no_further() -> None:
    lookup = Lookup((AccessList.of(FIRST, ["!ann@"]), Always(SECOND, value=True)))

    assert lookup.find(ANN) == Found(False, FIRST, "!ann@")
