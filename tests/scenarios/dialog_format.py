"""The text form of a scenario: the lines of a `dialog` file in, the steps that they ask for out.

README.md describes the format. Nothing is read or written here, and nothing is guessed: a line that is not
understood is an error with its number.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PLACEHOLDERS = {
    "ACTION": r"delivered|failed|relayed",
    "ADDRESS": r"\S+@\S+",
    "BEHAVES": r"talks nonsense|scans slowly|never answers",
    "COMMAND": r"[a-z -]+",
    "ADDRESSES": r"\S+@\S+(?: \S+@\S+)*",
    "COUNT": r"\d+",
    "DESTINY": r"pass|discard|bounce",
    "ENGINE": r"spamd|rspamd",
    "FILE": r"[\w-]+\.(?:eml|toml|txt)",
    "FOLDER": r"[A-Z][a-z]+",
    "IP": r"[\da-f.:]+",
    "LOG": r"mail|shim|service",
    "MAILBOX": r"alice|bob|crowd|spam",
    "NAME": r"[\w-]+",
    "PROGRAM": r"service|clamd|spamd|rspamd",
    "SECONDS": r"\d+(?:\.\d+)?",
    "SOURCES": r"[a-z# ]+",
    "TEXT": r".+",
    "USER": r"\w+",
}
_PLACEHOLDER = re.compile(rf"\b({'|'.join(_PLACEHOLDERS)})\b")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|\\|)")


class DialogError(ValueError):
    """A dialog file is not in the format; nothing of it is played."""


@dataclass(frozen=True, slots=True)
class ClientSays:
    """`C:` commands, sent in one go."""

    line: int
    commands: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ClientSends:
    """`C<` a message file and the final dot."""

    line: int
    file: str


@dataclass(frozen=True, slots=True)
class ServerReplies:
    """`S:` the last line of every outstanding reply."""

    line: int
    pattern: str


@dataclass(frozen=True, slots=True)
class Does:
    """`!` something that happens to the host."""

    line: int
    text: str
    sentence: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sees:
    """`?` something that must be true of the host."""

    line: int
    text: str
    sentence: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """`! repeat COUNT times` … `! end`."""

    line: int
    times: int
    steps: "tuple[Step, ...]"


Step = ClientSays | ClientSends | ServerReplies | Does | Sees | Repeats


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a scenario proves, and how."""

    purpose: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The sentences that may stand after `!` and `?`, with placeholders in capitals."""

    actions: tuple[str, ...]
    checks: tuple[str, ...]


def parse_dialog(text: str, path: str, vocabulary: Vocabulary) -> Dialog:
    """Read a whole dialog; DialogError says `path, line n: want ..., got ...`."""
    return _DialogReader(text, path, vocabulary).read()


def matches(pattern: str, text: str) -> bool:
    """Compare with a pattern in which `*` stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


class _DialogReader:
    def __init__(self, text: str, path: str, vocabulary: Vocabulary) -> None:
        self._path = path
        self._vocabulary = vocabulary
        self._lines: Iterator[tuple[int, str]] = enumerate(text.splitlines(), 1)
        self._is_reply_due = False

    def read(self) -> Dialog:
        number, first = next(self._lines, (1, ""))
        purpose = first.removeprefix("# ")
        if purpose == first or not purpose.endswith("."):
            raise self._error(number, "a comment with the sentence that is proved", first)
        return Dialog(purpose, self._block(opened_at=None))

    def _block(self, opened_at: int | None) -> tuple[Step, ...]:
        steps: list[Step] = []
        for number, line in self._lines:
            if line == "! end" and opened_at is not None:
                return tuple(steps)
            if line and not line.startswith("#"):
                steps.append(self._step(number, line))
        if opened_at is not None:
            raise self._error(opened_at, "`! end` below it", "the end of the file")
        return tuple(steps)

    def _step(self, number: int, line: str) -> Step:
        letter, _, rest = line.partition(" ")
        match letter:
            case "C:":
                self._expect_no_reply_due(number, line)
                return ClientSays(number, tuple(self._command(number, text) for text in _expand(rest)))
            case "C<":
                self._expect_no_reply_due(number, line)
                return ClientSends(number, rest)
            case "S:":
                self._is_reply_due = False
                return ServerReplies(number, rest)
            case "!" if found := re.fullmatch(r"repeat (\d+) times", rest):
                return Repeats(number, int(found[1]), self._block(opened_at=number))
            case "!":
                return Does(number, rest, *self._sentence(number, rest, self._vocabulary.actions))
            case "?":
                return Sees(number, rest, *self._sentence(number, rest, self._vocabulary.checks))
        raise self._error(number, "one of `C:`, `C<`, `S:`, `!`, `?`, `#` and a space", line)

    def _expect_no_reply_due(self, number: int, line: str) -> None:
        if self._is_reply_due:
            raise self._error(number, "an `S:` line for the command above", line)
        self._is_reply_due = True

    def _command(self, number: int, text: str) -> bytes:
        r"""Turn `\xNN` into the byte, and `\\` into a backslash."""
        command = b""
        end = 0
        for escape in _ESCAPE.finditer(text):
            command += text[end : escape.start()].encode()
            command += self._escaped(number, text, escape[1])
            end = escape.end()
        return command + text[end:].encode()

    def _escaped(self, number: int, text: str, code: str) -> bytes:
        if not code:
            raise self._error(number, r"`\xNN` or `\\`", text)
        return b"\\" if code == "\\" else bytes.fromhex(code[1:])

    def _sentence(self, number: int, text: str, sentences: Iterable[str]) -> tuple[str, tuple[str, ...]]:
        for sentence in sentences:
            if found := re.fullmatch(_sentence_regex(sentence), text):
                return sentence, found.groups()
        raise self._error(number, " or ".join(f"`{sentence}`" for sentence in sentences), text)

    def _error(self, number: int, want: str, got: str) -> DialogError:
        return DialogError(f"{self._path}, line {number}: want {want}, got {got!r}")


def _expand(text: str) -> list[str]:
    """Write out `u{001..300}@x`: one text for each number, or the text itself."""
    found = _RANGE.search(text)
    if found is None:
        return [text]
    first, last = found.groups()
    numbers = (f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1))
    return [text[: found.start()] + number + text[found.end() :] for number in numbers]


def _sentence_regex(sentence: str) -> str:
    return _PLACEHOLDER.sub(lambda name: f"({_PLACEHOLDERS[name[0]]})", re.escape(sentence).replace(r"\ ", " "))
