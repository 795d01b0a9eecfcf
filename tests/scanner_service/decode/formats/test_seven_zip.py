"""7-Zip's list is a stranger's text in a frame: nothing in it may hide a member or make one up."""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner_service.decode.budget import Budget, DecodeLimits, OverLimitsError
from scanner_service.decode.formats.content import Content, DamagedError, EncryptedError
from scanner_service.decode.formats.seven_zip import SevenZip, seven_zip_opener
from tests.corpus.evasion.zip_bytes import Member, zip_of
from tests.scanner_service.decode.unpacking import run_seven_zip, until_an_error


def contents(data: bytes, seven_zip: SevenZip = run_seven_zip) -> list[Content]:
    return list(seven_zip_opener("zip", seven_zip)(data, Budget.of_message(DecodeLimits(), len(data))))


def printing(listing: bytes, output: bytes = b"") -> SevenZip:
    return lambda arguments, _data: listing if arguments[0] == "l" else output


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"a\n\nPath = b\nSize = 3\n\nc", id="line ends"),
        pytest.param(b"a\r\n----------\nPath = b", id="the line before the members"),
        pytest.param(b"*.exe", id="wildcard"),
        pytest.param(b"-so", id="like a switch"),
        pytest.param(b"@list", id="like a list of names"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"Size = 5", id="like a field"),
    ],
)
def test_no_name_of_a_member_leads_the_list_astray(name: bytes) -> None:
    data = zip_of([Member(name, b"first"), Member(b"second", b"second one")])

    found = contents(data)

    assert [one.body for one in found] == [b"first", b"second one"]


def test_no_comment_leads_the_list_astray() -> None:
    comment = b"x\n\n----------\nPath = fake\nSize = 3\nFolder = +\n\n}\n"
    data = zip_of([Member(b"run.exe", b"body", comment=comment)], comment=comment)

    [found] = contents(data)

    assert (found.names, found.body) == (("run.exe",), b"body")


def test_of_several_members_one_broken_does_not_shift_the_others() -> None:
    data = zip_of(
        [Member(b"a", b"first"), Member(b"b", b"broken", local_size=2, central_size=2), Member(b"c", b"third")]
    )

    found, error = until_an_error(
        seven_zip_opener("zip", run_seven_zip)(data, Budget.of_message(DecodeLimits(), 500))
    )

    assert str(error) == "7-Zip cannot read 1 of 3 members"
    assert {one.names[0]: one.body for one in found if one.names[0] != "b"} == {"a": b"first", "c": b"third"}


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        b"\n----------\nPath = a\nSize = -5\n",
        b"\n----------\nPath = a\nSize = 5\nSize = 6\n",
        b"\n----------\nPath = a\nnonsense\n",
        b"\n----------\nERRORS:\nUnexpected end of archive\n",
    ],
)
def test_a_list_that_cannot_be_understood_is_damage(listing: bytes) -> None:
    with pytest.raises(DamagedError):
        contents(b"", printing(listing))


def test_an_archive_that_cannot_even_be_listed_is_encrypted() -> None:
    with pytest.raises(EncryptedError):
        contents(b"", printing(b"ERROR: a.7z : Cannot open encrypted archive. Wrong password?\n"))


def test_what_would_unpack_to_too_much_is_named_and_not_unpacked() -> None:
    listing = b"\n----------\nPath = run.exe\nSize = 99999999999\n"
    opener = seven_zip_opener("zip", printing(listing))(b"", Budget.of_message(DecodeLimits(), 10))

    first = next(opener)

    assert first.names == ("run.exe",)
    with pytest.raises(OverLimitsError):
        next(opener)


def test_one_member_of_unknown_size_is_all_that_comes_out() -> None:
    [found] = contents(b"", printing(b"\n----------\nPath = run.exe\nSize = \n", b"whole"))

    assert found.body == b"whole"


FIELDS = st.sampled_from([b"Path", b"Size", b"Folder", b"Encrypted", b"Attributes", b"Path = a"])
LINES = st.lists(st.tuples(FIELDS, st.sampled_from([b"", b"3", b"+", b"D", b"a", b"9" * 30])), max_size=12)


@given(lines=LINES, output=st.binary(max_size=20))
@settings(max_examples=200, deadline=None)
def test_whatever_it_prints_only_the_declared_errors_come_out(
    lines: list[tuple[bytes, bytes]], output: bytes
) -> None:
    listing = b"\n----------\n" + b"\n".join(chain.from_iterable((key + b" = " + value,) for key, value in lines))

    try:
        found = contents(b"", printing(listing, output))
    except (DamagedError, EncryptedError, OverLimitsError):
        return

    assert all(one.size == len(one.body) or one.is_encrypted for one in found)
