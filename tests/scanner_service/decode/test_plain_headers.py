"""Headers in their plainest form take a shorter way, which must read them as the long way does."""

from collections.abc import Callable
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.entity import boundary_of
from scanner_service.decode.mime import Tree, read_tree
from scanner_service.decode.names import declared_names, names_of
from scanner_service.decode.reading import Reading

SCRAPS = [
    *(b"Content-Type", b"content-type", b"Content-Disposition", b"Message-ID", b"Subject", b"From ", b">From "),
    *(b":", b": ", b" :", b" ", b"\t", b"\n", b"\n ", b"\n\t", b"\n \n", b"\n\n", b"\0", b"\x0b", b"\xff", b"x"),
    *(b"text/html", b"message/rfc822", b"multipart/mixed", b"; boundary=b", b'; boundary="b"', b"; name=a.exe"),
    *(b"Content-Type: text/html\n", b"Subject: x\n", b"Received: from x\n\tby y\n", b"--b\n", b"--b--\n"),
]
VALUES = st.text("aB1'()+_,./:=?-\" \\;<>*%\tK", max_size=12)


def read(raw: bytes) -> Tree:
    return read_tree(raw, Reading(Budget.of_message(DecodeLimits(), len(raw))))


def seen_in(tree: Tree) -> object:
    parts = [(part.path, part.content_type, part.naming_fields) for part in tree.parts]
    return parts, tree.message_id, tree.over_limits, tree.reading.forks, tree.reading.defects


@given(raw=st.lists(st.sampled_from(SCRAPS), max_size=40).map(b"".join))
@settings(max_examples=1000, deadline=None)
def test_line_ends_make_no_difference_although_those_with_cr_go_the_long_way(raw: bytes) -> None:
    by_line_feeds, by_both = read(raw), read(raw.replace(b"\n", b"\r\n"))

    assert seen_in(by_line_feeds) == seen_in(by_both)


@given(value=st.sampled_from(["", '"']).flatmap(lambda quote: VALUES.map(lambda text: f"{quote}{text}{quote}")))
@settings(max_examples=1000, deadline=None)
def test_a_boundary_is_read_as_the_library_reads_it(value: str) -> None:
    header = Message()
    header["Content-Type"] = f"multipart/mixed; boundary={value}"

    found = boundary_of(Reading(Budget.of_message(DecodeLimits(), 0)), header)

    assert (found or b"").decode() == (header.get_boundary() or "")


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_a_field_may_name_a_part_in_any_case_of_letters(case: Callable[[str], str]) -> None:
    field = case("text/plain; name=") + "a.exe"

    assert "a.exe" in names_of((field,))
    assert "a.exe" in declared_names((field,))


def test_a_field_without_the_word_names_nothing() -> None:
    fields = ("text/plain; charset=utf-8", "inline")

    assert names_of(fields) == ()
    assert declared_names(fields) == ()
