"""Text beyond ASCII in a header field: written so that others can read it, and read where others wrote it."""

import warnings
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.encoded_word import LONGEST_WORD, encoded_words, shown_text


@pytest.mark.parametrize(
    ("text", "charset", "words"),
    [
        ("Grüße", "utf-8", ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="]),
        ("Grüße", "iso-8859-1", ["=?iso-8859-1?q?Gr=FC=DFe?="]),
        (" a_b=c?(d)", "utf-8", ["=?utf-8?q?_a=5Fb=3Dc=3F=28d=29?="]),
        ("aZ09!*+-/", "utf-8", ["=?utf-8?q?aZ09!*+-/?="]),
        ("", "utf-8", []),
        ("x" * 63, "utf-8", [f"=?utf-8?q?{'x' * 63}?="]),
        ("x" * 64, "utf-8", [f"=?utf-8?q?{'x' * 63}?=", "=?utf-8?q?x?="]),
        ("x" * 61 + "ü", "utf-8", [f"=?utf-8?q?{'x' * 61}?=", "=?utf-8?q?=C3=BC?="]),
    ],
)
def test_a_text_is_written_in_words(text: str, charset: str, words: list[str]) -> None:
    assert list(encoded_words(text, charset)) == words


@given(st.text(max_size=200))
def test_others_and_we_read_the_text_that_was_written(text: str) -> None:
    words = list(encoded_words(text, "utf-8"))

    written = " ".join(words)

    assert max(map(len, words), default=0) <= LONGEST_WORD
    assert written.isascii()
    assert str(make_header(decode_header(written))) == text
    assert shown_text(written) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain =? ?= text", "plain =? ?= text"),
        ("=?UTF-8?Q?Gr=C3=BC=c3=9fe_x?= y", "Grüße x y"),
        ("=?utf-8?b?R3LDvMOfZQ==?=", "Grüße"),
        ("=?ISO-8859-1*de?B?R3L832U=?=", "Grüße"),
        ("=?koi8-r?q?=F0?=", "П"),
        ("=?Shift_JIS?q?=83e?=", "テ"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=  =?utf-8?q?c?= d", "abc d"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q??=", ""),
        ("=?utf-8?q?=FF?=", "\ufffd"),
        ("=?utf-8?b?x?=", "=?utf-8?b?x?="),
        ("=?utf-9?q?x?=", "=?utf-9?q?x?="),
        ("=?iso-8859-99?q?x?=", "=?iso-8859-99?q?x?="),
        ("=?unicode_escape?q?=5Cd?=", "=?unicode_escape?q?=5Cd?="),
        ("=?utf-8?x?x?=", "=?utf-8?x?x?="),
        ("=?utf-8?q?x", "=?utf-8?q?x"),
    ],
)
def test_words_are_shown_as_mail_programs_show_them(value: str, shown: str) -> None:
    assert shown_text(value) == shown


@given(
    st.lists(st.sampled_from(["=?", "?=", "?", "q", "b", "utf-8", "idna", "gb", "AA=", "=", "_", " ", "euc-x"])).map(
        "".join
    )
)
def test_no_value_is_an_error_or_a_warning(value: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        shown_text(value)
