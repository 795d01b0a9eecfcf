"""The dialog format: what a file means, and which line is to blame when it means nothing."""

from pathlib import Path

import pytest

from tests.scenarios.dialog_format import (
    ClientSays,
    ClientSends,
    Dialog,
    DialogError,
    Does,
    Repeats,
    Sees,
    ServerReplies,
    Vocabulary,
    matches,
    parse_dialog,
)
from tests.scenarios.sentences import VOCABULARY
from tests.scenarios.smtp_connection import as_smtp_data

_VOCABULARY = Vocabulary(actions=("stop PROGRAM",), checks=("LOG log has TEXT", "queue is empty"))
_HERE = Path(__file__).parent


def _parse(*lines: str) -> Dialog:
    return parse_dialog("\n".join(["# Mail arrives.", *lines]), "dialog", _VOCABULARY)


def test_a_dialog_is_a_purpose_and_its_steps() -> None:
    dialog = _parse(
        "", "S: 220 *", "C: DATA", "S: 354 *", "C< clean.eml", "S: 250 *", "! stop clamd", "? shim log has a = b"
    )

    assert dialog == Dialog(
        "Mail arrives.",
        (
            ServerReplies(3, "220 *"),
            ClientSays(4, (b"DATA",)),
            ServerReplies(5, "354 *"),
            ClientSends(6, "clean.eml"),
            ServerReplies(7, "250 *"),
            Does(8, "stop clamd", "stop PROGRAM", ("clamd",)),
            Sees(9, "shim log has a = b", "LOG log has TEXT", ("shim", "a = b")),
        ),
    )


def test_a_range_is_one_command_for_each_number() -> None:
    dialog = _parse("C: RCPT TO:<u{009..011}@x>")

    assert dialog.steps == (ClientSays(2, (b"RCPT TO:<u009@x>", b"RCPT TO:<u010@x>", b"RCPT TO:<u011@x>")),)


def test_an_escape_is_a_raw_byte_and_other_text_is_utf_8() -> None:
    dialog = _parse(r"C: ż\xe9\\")

    assert dialog.steps == (ClientSays(2, ("ż".encode() + b"\xe9\\",)),)


def test_a_block_is_repeated() -> None:
    dialog = _parse("! repeat 20 times", "C: NOOP", "S: 250 *", "! end", "? queue is empty")

    assert dialog.steps == (
        Repeats(2, 20, (ClientSays(3, (b"NOOP",)), ServerReplies(4, "250 *"))),
        Sees(6, "queue is empty", "queue is empty", ()),
    )


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["C:NOOP"], "line 2: want one of `C:`, `C<`, `S:`, `!`, `?`, `#` and a space, got 'C:NOOP'"),
        (["C: NOOP", "C: QUIT"], "line 3: want an `S:` line for the command above, got 'C: QUIT'"),
        (["! stop courier"], "line 2: want `stop PROGRAM`, got 'stop courier'"),
        (["? queue is full"], "line 2: want `LOG log has TEXT` or `queue is empty`, got 'queue is full'"),
        (["", r"C: \n"], r"line 3: want `\xNN` or `\\`, got '\\n'"),
        (["! repeat 2 times", "? queue is empty"], "line 2: want `! end` below it, got 'the end of the file'"),
        (["! end"], "line 2: want `stop PROGRAM`, got 'end'"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_line(lines: list[str], complaint: str) -> None:
    with pytest.raises(DialogError) as error:
        _parse(*lines)

    assert str(error.value) == f"dialog, {complaint}"


@pytest.mark.parametrize("text", ["", "S: 220 *", "# No full stop"])
def test_a_dialog_begins_with_the_sentence_that_it_proves(text: str) -> None:
    with pytest.raises(DialogError, match="line 1: want a comment with the sentence that is proved"):
        parse_dialog(text, "dialog", _VOCABULARY)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("250 Ok.", "250 Ok.", True),
        ("250 Ok.", "250 Oks", False),
        ("550 *, id=* - *", "550 5.7.1 No, id=abc - INFECTED: x", True),
        ("250 *", "450 250 ", False),
    ],
)
def test_only_a_star_stands_for_any_text(*, pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_a_message_is_sent_with_crlf_and_doubled_dots() -> None:
    assert as_smtp_data(b"a: b\n\n.\n..c\nd\n") == b"a: b\r\n\r\n..\r\n...c\r\nd\r\n.\r\n"


@pytest.mark.parametrize("path", sorted(_HERE.glob("*/dialog")), ids=lambda path: path.parent.name)
def test_every_dialog_of_the_suite_is_in_the_format(path: Path) -> None:
    assert parse_dialog(path.read_text(), str(path), VOCABULARY).steps


@pytest.mark.parametrize("sentence", [*VOCABULARY.actions, *VOCABULARY.checks])
def test_the_readme_explains_every_sentence(sentence: str) -> None:
    assert f"`{sentence}`" in (_HERE / "README.md").read_text()
