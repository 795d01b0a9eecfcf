"""The reply as submit reads it: each line with its codes, none too long, the last one told by its blank."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shim.filter_reply import (
    LINE_LIMIT_BYTES,
    NOT_CHECKED,
    OK,
    STOPPING,
    TOO_BIG,
    TOO_BIG_FOR_NOW,
    render_reply,
)
from verdict_api.smtp_reply import SmtpReply

ROOM = LINE_LIMIT_BYTES - len("550 5.7.1 ")


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (OK, b"200 2.0.0 Ok\n"),
        (STOPPING, b"432 4.3.2 Mail filter is stopping, try again later\n"),
        (NOT_CHECKED, b"451 4.3.0 Message could not be checked, try again later\n"),
        (TOO_BIG, b"552 5.3.4 Message too big for the mail filter\n"),
        (TOO_BIG_FOR_NOW, b"451 4.3.4 Message too big for the mail filter\n"),
        (SmtpReply(550, "5.7.1", ""), b"550 5.7.1 \n"),
    ],
)
def test_a_short_reply_is_one_line(reply: SmtpReply, line: bytes) -> None:
    assert render_reply(reply) == line


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("x" * ROOM, ["x" * ROOM]),
        ("x" * ROOM + "y", ["x" * ROOM, "y"]),
        ("x" * ROOM + " y", ["x" * ROOM, "y"]),
        ("x" * (ROOM - 1) + " y", ["x" * (ROOM - 1), "y"]),
        ("x" * (ROOM // 2) + " " + "y" * ROOM, ["x" * (ROOM // 2), "y" * ROOM]),
        ("x " + "y" * ROOM, ["x " + "y" * (ROOM - 2), "yy"]),
        ("x" * 2 * ROOM, ["x" * ROOM, "x" * ROOM]),
        (" " * (ROOM + 1), [" " * ROOM, ""]),
    ],
)
def test_a_long_text_is_broken_at_a_blank_or_where_the_room_ends(text: str, pieces: list[str]) -> None:
    rendered = render_reply(SmtpReply(550, "5.7.1", text))

    assert [line[len("550 5.7.1 ") :] for line in rendered.decode().splitlines()] == pieces


_replies = st.builds(
    lambda codes, words: SmtpReply(codes[0], codes[1], " ".join(words)),
    st.sampled_from([(200, "2.0.0"), (451, "4.3.0"), (550, "5.7.1"), (599, "5.999.999")]),
    st.lists(st.text("aB1 ~-", max_size=8).flatmap(lambda word: st.integers(1, 200).map(lambda n: word * n))),
)


@settings(max_examples=50)
@given(_replies)
def test_every_line_can_go_to_courier(reply: SmtpReply) -> None:
    rendered = render_reply(reply)

    *lines, rest = rendered.split(b"\n")
    assert rest == b""
    assert all(len(line) <= LINE_LIMIT_BYTES for line in lines)
    assert all(re.fullmatch(rb"[ -~]+", line) for line in lines)
    codes = re.escape(f"{reply.code}-{reply.enhanced} ".encode())
    assert all(re.match(codes, line) for line in lines[:-1])
    assert lines[-1].startswith(f"{reply.code} {reply.enhanced} ".encode())
    assert rendered[:1] in (b"2", b"4", b"5")


@settings(max_examples=50)
@given(_replies)
def test_the_pieces_give_the_text_back_but_for_the_blanks_at_breaks(reply: SmtpReply) -> None:
    skip = len(f"{reply.code} {reply.enhanced} ")
    pieces = [line[skip:] for line in render_reply(reply).decode("ascii").split("\n")[:-1]]

    assert re.fullmatch(" ?".join(map(re.escape, pieces)), reply.text)
