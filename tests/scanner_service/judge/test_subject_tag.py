"""A tag goes in front of the subject, once, and what the sender wrote stays readable."""

import time
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.encoded_word import LONGEST_WORD
from scanner_service.judge.subject_tag import (
    READ_LIMIT_BYTES,
    SUBJECT_LIMIT_CHARACTERS,
    subject_edits,
)
from shim.header_edit import edit_header
from verdict_api.verdict import HeaderAction, HeaderEdit

TAG = "[SPAM]"
REMOVED = HeaderEdit(HeaderAction.REMOVE, "Subject")


def tagged(header: bytes, tag: str = TAG) -> str | None:
    """Return the new subject; None if nothing is to be done."""
    edits = subject_edits(header, tag)
    return edits[-1].value if edits else None


def shown(value: str | None) -> str:
    return str(make_header(decode_header(value or "")))


def test_the_subject_is_taken_out_and_put_in_with_the_tag() -> None:
    edits = subject_edits(b"From: a\nSubject: hello\n\nSubject: x\n", TAG)

    assert edits == (REMOVED, HeaderEdit(HeaderAction.ADD, "Subject", "[SPAM] hello"))


@pytest.mark.parametrize("header", [b"", b"From: a\n", b"From: a\n\nSubject: x\n", b"X-Subject: a\nSubjects: b\n\n"])
def test_a_mail_without_a_subject_gets_one(header: bytes) -> None:
    assert subject_edits(header, TAG) == (HeaderEdit(HeaderAction.ADD, "Subject", TAG),)


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject:\n\n", "[SPAM]"),
        (b"Subject: \t \n\n", "[SPAM]"),
        (b"subject : a\n\n", "[SPAM] a"),
        (b"Subject: a\n b\r\n\tc\n\n", "[SPAM] a b c"),
        (b"Subject:  a   b\t\n\n", "[SPAM] a b"),
        (b"Subject: a\rSubject: b\n\n", "[SPAM] a Subject: b"),
        (b"Subject: a\x0b\x0cb\x00\x1b[2J\x1f\x7f\n\n", "[SPAM] a b??[2J??"),
        (b"Subject: C:\\temp ~\n\n", "[SPAM] C:\\temp ~"),
        (
            b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an  =?x?q?y?= alle\n\n",
            "[SPAM] =?utf-8?q?Gr=C3=BC=C3=9Fe?= an =?x?q?y?= alle",
        ),
        (b"Subject: a\nSubject: b\n\n", "[SPAM] a"),
        (b"Subject: Re: [SPAM] a\n\n", "[SPAM] Re: [SPAM] a"),
        (b"Subject: [spam] a\n\n", "[SPAM] [spam] a"),
        (b"Subject: [SPAM a\n\n", "[SPAM] [SPAM a"),
    ],
)
def test_the_tag_stands_in_front(header: bytes, subject: str) -> None:
    assert tagged(header) == subject


@pytest.mark.parametrize("tag", ["***SPAM*** ", " ***SPAM***", "***SPAM***"])
def test_blanks_around_a_tag_do_not_count(tag: str) -> None:
    assert tagged(b"Subject: a\n\n", tag) == "***SPAM*** a"
    assert tagged(b"Subject: ***SPAM*** a\n\n", tag) is None


@pytest.mark.parametrize("tag", ["", "  \t"])
def test_an_empty_tag_changes_nothing(tag: str) -> None:
    assert subject_edits(b"Subject: a\nSubject: b\n\n", tag) == ()


@pytest.mark.parametrize(
    ("subject", "tag"),
    [
        (b"[SPAM]", TAG),
        (b"[SPAM] a", TAG),
        (b"[SPAM]a", TAG),
        (b"[SPAM]\n a", TAG),
        (b"=?utf-8?q?[SPAM]_a?=", TAG),
        (b"=?utf-8?b?W1NQQU1dIGE=?=", TAG),
        (b"=?utf-8?q?[SP?= =?utf-8?q?AM]?= a", TAG),
        (b"SPAM", "SPAM"),
        (b"SPAM: a", "SPAM"),
        (b"[SPAM] \xc3\xbc", TAG),
        ("Müll ä".encode(), "Müll"),
        (b"M\xfcll a", "Müll"),
        (b"=?iso-8859-1?q?M=FCll_a?=", "Müll"),
        ("Müll für a".encode(), "Müll  für"),
        (b"[A] [B] c", "[A]  [B]"),
    ],
)
def test_a_tag_that_is_there_is_not_doubled(subject: bytes, tag: str) -> None:
    assert subject_edits(b"Subject: " + subject + b"\n\n", tag) == ()


@pytest.mark.parametrize(
    ("subject", "tag"), [(b"SPAMMING", "SPAM"), (b"SPAM2 a", "SPAM"), (b"SP AM", "SPAM"), (b"*SPAM", "*S")]
)
def test_a_longer_word_is_not_the_tag(subject: bytes, tag: str) -> None:
    assert tagged(b"Subject: " + subject + b"\n\n", tag) == f"{tag} {subject.decode()}"


@pytest.mark.parametrize(("words", "is_found"), [(50, True), (51, False)])
def test_a_tag_in_many_pieces_is_looked_for_in_the_first_ones(words: int, *, is_found: bool) -> None:
    tag = "x" * words

    edits = subject_edits(b"Subject:" + b" =?utf-8?q?x?=" * words + b"\n\n", tag)

    assert (edits == ()) is is_found


def test_of_several_subjects_the_tagged_first_one_remains() -> None:
    edits = subject_edits(b"Subject: [SPAM]  a\nSubject: b\n\n", TAG)

    assert edits == (REMOVED, HeaderEdit(HeaderAction.ADD, "Subject", "[SPAM] a"))


@pytest.mark.parametrize(
    ("subject", "tag", "value"),
    [
        ("Grüße aus Köln", TAG, "[SPAM] =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?q?K=C3=B6ln?="),
        ("öl ölt", TAG, "[SPAM] =?utf-8?q?=C3=B6l?= =?utf-8?q?_=C3=B6lt?="),
        ("=?utf-8?q?a?= ö", TAG, "[SPAM] =?utf-8?q?a?= =?utf-8?q?_=C3=B6?="),
        ("ö =?utf-8?q?a?=", TAG, "[SPAM] =?utf-8?q?=C3=B6_?= =?utf-8?q?a?="),
        ("ö x=?utf-8?q?a?=", TAG, "[SPAM] =?utf-8?q?=C3=B6?= x=?utf-8?q?a?="),
        ("a", "Müll", "=?utf-8?q?M=C3=BCll?= a"),
        ("ö", "Müll", "=?utf-8?q?M=C3=BCll?= =?utf-8?q?_=C3=B6?="),
        ("=?utf-8?q?a?=", "Müll", "=?utf-8?q?M=C3=BCll_?= =?utf-8?q?a?="),
    ],
)
def test_text_beyond_ascii_is_encoded_with_the_blanks_that_would_get_lost(subject: str, tag: str, value: str) -> None:
    assert tagged(b"Subject: " + subject.encode() + b"\n\n", tag) == value


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        (b"\xfc", "[SPAM] =?iso-8859-1?q?=FC?="),
        (b"x\x85\xa0y z", "[SPAM] =?iso-8859-1?q?x=85=A0y?= z"),
        (b"\xc3\xbc \xfc", "[SPAM] =?iso-8859-1?q?=C3=BC?= =?iso-8859-1?q?_=FC?="),
        (b"a\xc3", "[SPAM] =?iso-8859-1?q?a=C3?="),
    ],
)
def test_what_is_no_utf_8_is_taken_for_latin_1(subject: bytes, value: str) -> None:
    assert tagged(b"Subject: " + subject + b"\n\n") == value


@pytest.mark.parametrize(
    ("before", "behind", "charset"),
    [
        (READ_LIMIT_BYTES - 1, "ü".encode() * 10, "utf-8"),
        (READ_LIMIT_BYTES - 2, b"\xc3", "iso-8859-1"),
        (READ_LIMIT_BYTES - 2, b"\xfca", "iso-8859-1"),
        (READ_LIMIT_BYTES, b"\xfc", "utf-8"),
    ],
)
def test_a_subject_that_was_cut_within_a_character_is_still_utf_8(before: int, behind: bytes, charset: str) -> None:
    start = "ü ".encode()

    value = tagged(b"Subject: " + start + b"x" * (before - len(start)) + behind)

    assert str(value).startswith(f"[SPAM] =?{charset}?q?")


@pytest.mark.parametrize(
    ("subject", "length"),
    [
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 7), 2000),
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 6), 2000),
        ("x" * 7000, 2000),
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 9) + " y", 2000),
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 7) + " y", 2000),
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 8) + " y", 1999),
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 8 - LONGEST_WORD) + " " + "y" * 100, 2000),
        ("x" * (SUBJECT_LIMIT_CHARACTERS - 7 - LONGEST_WORD) + " " + "y" * 100, 1925),
    ],
)
def test_a_long_subject_is_cut_at_a_word_or_in_a_very_long_one(subject: str, length: int) -> None:
    value = str(tagged(f"Subject: {subject}\n\n".encode()))

    assert len(value) == length
    assert f"[SPAM] {subject}".startswith(value)


@pytest.mark.parametrize(("blanks", "value"), [(3998, "[SPAM] a b"), (3999, "[SPAM] a")])
def test_of_a_subject_with_a_long_gap_the_first_4000_bytes_are_read(blanks: int, value: str) -> None:
    assert tagged(b"Subject: a" + b" " * blanks + b"b\n\n") == value


def test_no_encoded_word_is_cut() -> None:
    for length in range(80):
        value = str(tagged(f"Subject: {'x' * length} {'Grüße' * 1000}\n\n".encode()))

        assert SUBJECT_LIMIT_CHARACTERS - LONGEST_WORD <= len(value) <= SUBJECT_LIMIT_CHARACTERS
        assert value.endswith("?=")


words = st.sampled_from(
    ["a", " ", "  ", "\n ", "\t", "ü", "\u00a0", "\u3000", "=?utf-8?q?=C3=BC?=", "=?utf-8?b?eA==?=", "=?", "x" * 400]
)
subjects = st.lists(words, max_size=20).map(lambda found: "".join(found).encode()) | st.binary(max_size=200)


@given(subject=subjects, tag=st.text(max_size=30) | st.just(TAG))
def test_the_mail_host_can_write_every_subject(subject: bytes, tag: str) -> None:
    edits = subject_edits(b"Subject: " + subject.replace(b"\n", b"\n ") + b"\n\n", tag)

    for edit in edits:
        value = edit.value or ""
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= SUBJECT_LIMIT_CHARACTERS
    assert len(edits) in (0, 2)
    edit_header(b"A: b\n", edits)


@given(
    subject=st.lists(
        st.sampled_from(["a", "bc", "ü", "Grüße", "x\u00a0y", "[S", "]", "?", "=", "_"]), max_size=8
    ).map(" ".join),
    tag=st.sampled_from([TAG, "Müll", "***S*** und", "[S"]),
    charset=st.sampled_from(["utf-8", "iso-8859-1"]),
)
def test_readers_see_the_tag_and_the_subject(subject: str, tag: str, charset: str) -> None:
    raw = b"Subject: " + subject.encode(charset) + b"\n\n"

    value = tagged(raw, tag)

    if value is None:
        assert subject.startswith(tag)
    else:
        assert shown(value) == f"{tag} {subject}".strip()
        assert subject_edits(f"Subject: {value}\n\n".encode(), tag) == ()


def test_a_hostile_subject_costs_milliseconds() -> None:
    for piece in (b"=?", b"\xc3\xbc ", b"\xff", b"=?utf-8?q?a?= ", b" ", b"?= ", b"\n ", b"=?utf-8?b?"):
        rounds = []
        for _ in range(10):
            started = time.process_time()
            subject_edits(b"Subject: " + piece * (2**20 // len(piece)) + b"\n\n", TAG)
            rounds.append(time.process_time() - started)

        assert min(rounds) < 0.05  # 1 to 13 ms on a busy machine; without a limit it is seconds
