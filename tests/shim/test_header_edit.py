"""Our fields on top, forged ones out, and not a byte of anything else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.header_edit import LINE_LIMIT, LINE_WIDTH, HeaderEditError, edit_header, header_end
from verdict_api.verdict import HeaderAction, HeaderEdit

RECEIVED = b"Received: from client.example\n  by mx.example; now\n"
SUBJECT = b"Subject: hello\n"
FORGED = b"X-Couriergate: clean\n"
OURS = b"X-Couriergate: checked\n"


def _add(value: str | None = "checked", name: str = "X-Couriergate") -> HeaderEdit:
    return HeaderEdit(HeaderAction.ADD, name, value)


def _remove(name: str = "X-Couriergate") -> HeaderEdit:
    return HeaderEdit(HeaderAction.REMOVE, name)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"A: b\n\nbody", 5),
        (b"A: b\r\n\r\nbody", 6),
        (b"A: b\n\r\nbody", 5),
        (b"A: b\r\n\nbody", 6),
        (b"\nbody", 0),
        (b"\r\nbody", 0),
        (b"\n", 0),
        (b"A: b\n\n\n\n", 5),
        (b"A: b\n \n\nbody", 7),
        (b"A: b\r\rbody", None),
        (b"A: b\n\r", None),
        (b"\r", None),
        (b"A: b\n", None),
        (b"A: b", None),
        (b"A: b\r\n\r", None),
        (b"", None),
    ],
)
def test_the_header_ends_at_the_first_empty_line(data: bytes, end: int | None) -> None:
    assert header_end(data) == end


@given(st.binary(), st.sampled_from([b"\n", b"\r\n"]))
def test_a_header_that_was_cut_anywhere_goes_on_or_has_its_own_end(body: bytes, line_end: bytes) -> None:
    header = b"A: b" + line_end + b"C: d" + line_end
    message = header + line_end + body

    ends = [header_end(message[:cut]) for cut in range(len(message) + 1)]

    whole = len(header + line_end)
    assert ends == [None] * whole + [len(header)] * (len(message) + 1 - whole)


def test_our_fields_stand_on_top_in_their_order() -> None:
    edits = [_add("one", "X-A"), _add("two", "X-B"), _add("three", "X-A")]

    assert edit_header(RECEIVED + SUBJECT, edits) == b"X-A: one\nX-B: two\nX-A: three\n" + RECEIVED + SUBJECT


@pytest.mark.parametrize(
    "forged",
    [
        FORGED,
        b"x-COURIERGATE: clean\n",
        b"X-Couriergate:\n",
        b"X-Couriergate \t: clean\n",
        b"X-Couriergate: clean\n\tand\n  more\n",
        b"X-Couriergate: clean\n \n more\n",
        b"X-Couriergate: clean\r\n and more\r\n",
        b"X-Couriergate: \xff\x00\r clean\n",
    ],
)
def test_forged_fields_are_taken_out_wherever_they_are(forged: bytes) -> None:
    header = forged + RECEIVED + forged + forged + SUBJECT + forged

    assert edit_header(header, [_remove(), _add()]) == OURS + RECEIVED + SUBJECT


def test_a_forged_last_field_without_a_line_end_is_taken_out() -> None:
    assert edit_header(SUBJECT + FORGED.rstrip(), [_remove()]) == SUBJECT


@pytest.mark.parametrize(
    "other",
    [
        b"X-Couriergate-Too: clean\n",
        b"Not-X-Couriergate: clean\n",
        b"Subject: a\n X-Couriergate: clean\n",
        b"Subject: a\rX-Couriergate-Too: clean\n",
        b"Subject: a\r X-Couriergate: clean\n",
        b"Subject: a\rX-Couriergate\n",
        b"X-Couriergate\n",
        b"X-Couriergate\n : clean\n",
        b">From x\n",
        b"From x Mon\n",
        b": no name\n",
        b"\xc3\xa9: x\n",
    ],
)
def test_what_is_no_field_of_that_name_stays(other: bytes) -> None:
    header = RECEIVED + other + SUBJECT

    assert edit_header(header, [_remove()]) == header


@pytest.mark.parametrize(
    ("hiding", "kept"),
    [
        (b"Subject: a\rX-Couriergate: clean\n", SUBJECT.replace(b"hello", b"a")),
        (b"Subject: a\rx-couriergate \t: clean\r\n", b"Subject: a\r\n"),
        (b"Subject: a\r\rX-Couriergate:\rX-Other: b\rX-Couriergate: c", b"Subject: a\r\rX-Other: b"),
        (b"Subject: a\n b\rX-Couriergate: clean\n c\n", b"Subject: a\n b\n c\n"),
        (b"no field\rX-Couriergate: clean\n", b"no field\n"),
        (b"\rX-Couriergate: clean\n", b""),
        (b"\rX-Couriergate: clean\nSubject: a\n", b"Subject: a\n"),
        (b"\rX-Couriergate: clean\n\tand more\nSubject: a\n", b"Subject: a\n"),
        (b"\rX-Couriergate: clean\rX-Other: b\n", b"\rX-Other: b\n"),
        (b"Subject: a\n \rX-Couriergate: clean\n b\n", b"Subject: a\n b\n"),
        (b"Subject: a\n\t\r\rX-Couriergate: clean\r\n", b"Subject: a\n"),
    ],
)
def test_a_forged_field_behind_a_bare_cr_is_taken_out_of_the_line_that_hides_it(hiding: bytes, kept: bytes) -> None:
    assert edit_header(RECEIVED + hiding, [_remove(), _add()]) == OURS + RECEIVED + kept


@pytest.mark.parametrize("signed", [b"subject", b"x-couriergate"])
def test_a_field_behind_a_bare_cr_stays_where_a_signature_covers_it(signed: bytes) -> None:
    header = b"DKIM-Signature: h=" + signed + b"\nSubject: a\rX-Couriergate: clean\n"

    assert edit_header(header, [_remove(), _add()]) == OURS + header


@pytest.mark.parametrize(
    "signature",
    [
        b"ARC-Message-Signature: i=1; a=rsa-sha256; h=from:x-couriergate; b=x\n",
        b"DKIM-Signature: v=1; h=from:x-couriergate; b=x\n",
        b"dkim-signature: h=X-Couriergate\n",
        b"DKIM-Signature : v=1; H=none; h=X-COURIERGATE:From; b=x\n",
        b"DKIM-Signature: v=1;\n\th=from:\n\t  x-couriergate ; b=x\n",
        b"DKIM-Signature: v=1;\r\n h = from :\r\n x-couriergate :to;\r\n b=x\r\n",
        b"DKIM-Signature: v=1;h\n =\n x-couriergate\n",
        b"DKIM-Signature: bh=x;;h=x-couriergate;h=from\n",
        b"DKIM-Signature: bh=x; h=from; h=x-couriergate\n",
        b"DKIM-Signature: h=from\nDKIM-Signature: h=:x-couriergate:\n",
    ],
)
@pytest.mark.parametrize("signature_first", [True, False])
def test_a_field_that_a_signature_covers_stays_below_ours(signature: bytes, signature_first: bool) -> None:
    header = signature + FORGED if signature_first else FORGED + signature

    assert edit_header(header + SUBJECT, [_remove(), _add()]) == OURS + header + SUBJECT


@pytest.mark.parametrize(
    "signature",
    [
        b"DKIM-Signature: v=1; h=from:to; b=x\n",
        b"DKIM-Signature: v=1; bh=x-couriergate; b=x\n",
        b"DKIM-Signature: v=1; h=x-couriergate-too; b=x\n",
        b"DKIM-Signature: h\n",
        b"DKIM-Signature:\n",
        b"X-DKIM-Signature: h=x-couriergate\n",
        b"ARC-Seal: i=1; h=x-couriergate\n",
    ],
)
def test_a_field_that_no_signature_covers_is_taken_out(signature: bytes) -> None:
    assert edit_header(signature + FORGED, [_remove()]) == signature


def test_a_signed_field_does_not_keep_another_one() -> None:
    signature = b"DKIM-Signature: h=x-spam\n"
    header = signature + b"X-Spam: no\n" + FORGED

    assert edit_header(header, [_remove("X-Spam"), _remove()]) == signature + b"X-Spam: no\n"


@pytest.mark.parametrize(
    "header", [b"", SUBJECT, b"Subject: x", RECEIVED + b"\xff\x00 junk\r\n", b" begins folded\n"]
)
@pytest.mark.parametrize("edits", [[], [_remove()]])
def test_without_an_edit_that_applies_the_bytes_are_the_same(header: bytes, edits: list[HeaderEdit]) -> None:
    assert edit_header(header, edits) == header


@pytest.mark.parametrize("value", [None, ""])
def test_a_field_without_a_value_is_a_field(value: str | None) -> None:
    assert edit_header(SUBJECT, [_add(value)]) == b"X-Couriergate: \n" + SUBJECT


_WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)


@given(st.lists(_WORDS, min_size=1).map(" ".join))
def test_a_long_value_is_folded_and_unfolds_to_itself(value: str) -> None:
    field = edit_header(b"", [_add(value)])

    assert all(len(line) <= LINE_WIDTH for line in field.splitlines())
    assert re.sub(rb"\n(?=[ \t])", b"", field) == b"X-Couriergate: " + value.encode() + b"\n"


@pytest.mark.parametrize(
    "value",
    ["x" * 62 + " ", "x" * 63 + "  ", "x" * 62 + "  " + "y" * 77, " " * 200, " " * 200 + "x", "x" + " " * 200 + "y"],
)
def test_no_line_of_a_folded_value_is_blank(value: str) -> None:
    first, *more = edit_header(b"", [_add(value)]).splitlines()

    assert all(line.strip() for line in more)
    assert b"".join([first, *more]) == b"X-Couriergate: " + value.encode()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)), st.integers(1, 96))
def test_any_printable_value_unfolds_to_itself(value: str, name_length: int) -> None:
    name = "X" * name_length
    first, *more = edit_header(b"", [_add(value, name)]).splitlines()

    assert all(line.strip() for line in more)
    assert b"".join([first, *more]) == f"{name}: {value}".encode()


def test_a_word_longer_than_a_line_stays_whole() -> None:
    word = "x" * 200

    assert edit_header(b"", [_add(f"a {word} b")]) == f"X-Couriergate: a\n {word}\n b\n".encode()


@pytest.mark.parametrize("name", ["X", "X" * 96])
@pytest.mark.parametrize("word", ["x" * 901, "x" * 2700, "x" * 5000])
def test_a_word_longer_than_any_line_may_be_is_broken(name: str, word: str) -> None:
    field = edit_header(b"", [_add(f"a {word} b", name)])

    assert all(len(line) <= LINE_LIMIT == 998 for line in field.splitlines())
    assert b"".join(field.split()) == f"{name}:a{word}b".encode()


@pytest.mark.parametrize(("name", "value"), [("X" * 998, "v"), ("X" * 98, "x" * 900), ("X", "a" + " " * 998 + "b")])
def test_a_field_that_cannot_have_short_lines_is_refused(name: str, value: str) -> None:
    with pytest.raises(HeaderEditError, match="want lines of at most 998 bytes"):
        edit_header(SUBJECT, [_add(value, name)])


@pytest.mark.parametrize(
    "name", ["", "X:Y", "X Y", "X\n", "\nX", "X\r\nY", "Ünder", "X\x7f", "X\0", " X", "X:", "\ud800"]
)
@pytest.mark.parametrize("edit", [_add("v"), _remove()])
def test_a_name_that_is_none_is_refused(name: str, edit: HeaderEdit) -> None:
    with pytest.raises(HeaderEditError, match="want a header field's name"):
        edit_header(SUBJECT, [HeaderEdit(edit.action, name, edit.value)])


@pytest.mark.parametrize(
    "value", ["a\nBcc: b", "a\r", "a\r\n b", "\n", "a\0", "tab\there", "ünder", "a\u2028b", "\x7f", "\ud800"]
)
def test_a_value_that_is_not_one_line_of_ascii_is_refused(value: str) -> None:
    with pytest.raises(HeaderEditError, match=r"^X-Couriergate: want printable ASCII in one line"):
        edit_header(SUBJECT, [_add(value)])


_NAMES = st.sampled_from([b"X-Couriergate", b"x-couriergate", b"X-COURIERGATE ", b"Subject", b"Received", b"X-Spam"])
_TEXTS = st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"\r"))
_LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])
_FIELDS = st.builds(
    lambda name, texts, line_end: (name, name + b":" + (line_end + b" ").join(texts) + line_end),
    _NAMES,
    st.lists(_TEXTS, min_size=1, max_size=3),
    _LINE_ENDS,
)


@given(st.lists(_FIELDS), _LINE_ENDS, st.binary())
def test_body_and_other_fields_keep_their_bytes_and_order(
    fields: list[tuple[bytes, bytes]], empty_line: bytes, body: bytes
) -> None:
    header = b"".join(field for _, field in fields)
    message = header + empty_line + body

    end = header_end(message)
    edited = edit_header(message[:end], [_remove(), _add()]) + message[end:]

    others = b"".join(field for name, field in fields if name.strip().lower() != b"x-couriergate")
    assert end == len(header)
    assert edited == OURS + others + empty_line + body


_PIECES = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b" ", b":", b";", b"h=", b"X-Couriergate", b"DKIM-Signature:", b"a", b"\xff", b"\0"]
    )
).map(b"".join)


@given(st.one_of(st.binary(), _PIECES))
def test_any_bytes_are_edited_in_their_header_only(message: bytes) -> None:
    found = header_end(message)
    end = len(message) if found is None else found
    header, body = message[:end], message[end:]

    edited = edit_header(header, [_remove(), _add()])

    assert edited.startswith(OURS)
    assert edit_header(header, []) == header
    assert edit_header(header, [_add()]) == OURS + header
    assert header_end(edited + body) == (None if found is None else len(edited))
    remaining = iter(re.split(rb"[\r\n]", header))
    assert all(line in remaining for line in re.split(rb"[\r\n]", edited[len(OURS) :]) if line)


# Subject ----------------------------------------------------------------------------------------------------------

TAGGED = b"Subject: [SPAM] hello\n"
TAG = (_remove("Subject"), _add("[SPAM] hello", "Subject"))
SIGNED = b"DKIM-Signature: v=1; h=from:subject; b=x\n"
FROM = b"From: s@remote.example\n"


@pytest.mark.parametrize(
    "old",
    [
        SUBJECT,
        b"SUBJECT: hello\n",
        b"Subject \t: hello\r\n",
        b"Subject: a long one\n that goes on\n\tand on\n",
        b"Subject: caf\xe9 \x00\xff\n",
        b"Subject: =?utf-8?q?caf=C3=A9?=\n",
        b"Subject:\n",
        b"Subject: a\rSubject: b\n",
    ],
)
@pytest.mark.parametrize("signature", [b"", SIGNED, SIGNED.replace(b"DKIM", b"ARC-Message")])
def test_a_new_subject_stands_where_the_old_one_stood_whatever_is_signed(signature: bytes, old: bytes) -> None:
    header = RECEIVED + signature + old + FROM

    assert edit_header(header, [*TAG, _add()]) == OURS + RECEIVED + signature + TAGGED + FROM


@pytest.mark.parametrize("edits", [TAG, TAG[::-1], TAG[1:], (_remove("SUBJECT"), _add("[SPAM] hello", "Subject"))])
def test_of_several_subjects_the_first_makes_room_and_none_is_left(edits: tuple[HeaderEdit, ...]) -> None:
    header = SIGNED + b"subject: one\n" + FROM + b"Subject: two\n more\n" + b"Subject: three"

    assert edit_header(header, edits) == SIGNED + TAGGED + FROM


@pytest.mark.parametrize(
    ("hiding", "kept"),
    [
        (b"X-A: b\rSubject: hidden\n", b"X-A: b\n"),
        (b"From: a@b.example\rsubject : hidden\r\n", b"From: a@b.example\r\n"),
    ],
)
@pytest.mark.parametrize("signature", [b"", SIGNED])
@pytest.mark.parametrize("own", [b"", SUBJECT])
def test_a_subject_behind_a_bare_cr_goes_and_is_no_place_for_the_new_one(
    own: bytes, signature: bytes, hiding: bytes, kept: bytes
) -> None:
    edited = edit_header(signature + hiding + own, TAG)

    assert edited == (signature + kept + TAGGED if own else TAGGED + signature + kept)


def test_without_an_old_subject_the_new_one_is_on_top_in_its_turn() -> None:
    edits = [_add(), *TAG, _add("two", "X-B")]

    assert edit_header(RECEIVED, edits) == OURS + TAGGED + b"X-B: two\n" + RECEIVED


def test_a_subject_is_taken_out_without_a_new_one_although_it_is_signed() -> None:
    assert edit_header(SIGNED + SUBJECT + FROM, [_remove("Subject")]) == SIGNED + FROM


def test_a_long_subject_is_folded_in_its_place() -> None:
    edited = edit_header(RECEIVED + SUBJECT + FROM, [_add("[SPAM] " + "word " * 30 + "end", "Subject")])

    assert edited.startswith(RECEIVED + b"Subject: [SPAM] word ")
    assert edited.endswith(b" end\n" + FROM)
    assert all(len(line) <= LINE_WIDTH for line in edited.splitlines())


def test_two_new_subjects_are_refused() -> None:
    with pytest.raises(HeaderEditError, match="want one Subject at most, got 2"):
        edit_header(RECEIVED, [_add("a", "Subject"), _add("b", "SUBJECT")])


@given(st.lists(_FIELDS), st.sampled_from([b"", SIGNED]))
def test_whatever_there_was_nobody_reads_two_subjects_afterwards(
    fields: list[tuple[bytes, bytes]], signature: bytes
) -> None:
    header = signature + b"".join(field for _, field in fields)

    edited = edit_header(header, TAG)

    others = [field for name, field in fields if name.strip().lower() != b"subject"]
    assert len(re.findall(rb"(?:\A|[\r\n])subject[ \t]*:", edited, re.IGNORECASE)) == 1
    if not any(re.search(rb"\rsubject[ \t]*:", field, re.IGNORECASE) for field in others):
        assert edited.replace(TAGGED, b"", 1) == signature + b"".join(others)
