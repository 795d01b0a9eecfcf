"""Strangers' text, fit for a log line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verdict_api.wire_values import texts
from verdict_api.printable import printable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alice@test.example", "alice@test.example"),
        ("", ""),
        ("two words ~", "two words ~"),
        ("line\nfeed", r"line\x0afeed"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x7f", r"\x7f"),
        ("back\\slash", r"back\x5cslash"),
        (r"\x0a", r"\x5cx0a"),
        ("\u017c\u00f3", r"\xc5\xbc\xc3\xb3"),
        ("\u2028", r"\xe2\x80\xa8"),
        ("\U0001f600", r"\xf0\x9f\x98\x80"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), r"caf\xe9"),
        ("\ud800", r"\xed\xa0\x80"),
    ],
)
def test_what_is_not_printable_ascii_is_shown_as_bytes(text: str, said: str) -> None:
    assert printable(text) == said


@given(st.text(st.characters()))
def test_the_result_is_always_one_line_of_printable_ascii(text: str) -> None:
    assert re.fullmatch(r"[ -~]*", printable(text))


@given(texts)
def test_the_bytes_can_be_read_back_so_that_no_two_are_shown_alike(text: str) -> None:
    said = printable(text)

    # In these three steps no byte can come from another one's escape.
    read_back = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), said.encode("ascii"))
    assert read_back == text.encode("utf-8", "surrogateescape")
