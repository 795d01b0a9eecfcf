"""A tag in front of the subject, for readers whose mail program sorts by nothing else.

The subject is a stranger's: any bytes in, printable ASCII out (docs/reference/header_fields.md tells what it costs).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from scanner_service.judge.encoded_word import ENCODED_WORD, LONGEST_WORD, encoded_words, shown_text
from scanner_service.model.named_fields import named_values
from verdict_api.verdict import HeaderAction, HeaderEdit

SUBJECT = "Subject"
SUBJECT_LIMIT_CHARACTERS = 2000
READ_LIMIT_BYTES = 4000  # what is kept has at least a character for each of them, but for runs of blanks
WORDS_WITH_TAG = 50  # in which a tag is looked for

_BLANKS = re.compile(r"[ \t\r\n\v\f]+")  # those beyond ASCII are text
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the subject; ``charset`` is that of a word that must be encoded, empty of one that stays as it is."""

    text: str
    charset: str

    @property
    def is_encoded(self) -> bool:
        """Whether mail programs leave the blank out that stands between it and another such word (RFC 2047 §6.2)."""
        return bool(self.charset or ENCODED_WORD.fullmatch(self.text))


def subject_edits(header: bytes, tag: str) -> tuple[HeaderEdit, ...]:
    """Return the edits that put the tag in front of the subject, none if it is there and the only one.

    ``header`` is that of a message, or the whole message. Of several subjects the first is kept.
    """
    tag_words = tuple(_words(tag, "utf-8"))
    if not tag_words:
        return ()
    subjects = named_values(header, (b"subject",))[b"subject"]
    subject = tuple(_words(*_text_of(subjects[0][:READ_LIMIT_BYTES]))) if subjects else ()
    if _begins_with(subject[:WORDS_WITH_TAG], tag_words):
        if len(subjects) == 1:
            return ()
        tag_words = ()
    value = _cut(" ".join(islice(_rendered((*tag_words, *subject)), SUBJECT_LIMIT_CHARACTERS)))
    removal = (HeaderEdit(HeaderAction.REMOVE, SUBJECT),) if subjects else ()
    return (*removal, HeaderEdit(HeaderAction.ADD, SUBJECT, value))


def _text_of(raw: bytes) -> tuple[str, str]:
    """Return the text and its charset: UTF-8 if it can be, else Latin-1, of which any bytes are a text."""
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if error.end == len(raw) == READ_LIMIT_BYTES:  # it was cut within a character
            return raw[: error.start].decode("utf-8"), "utf-8"
        return raw.decode("iso-8859-1"), "iso-8859-1"


def _words(text: str, charset: str) -> Iterator[_Word]:
    for word in _BLANKS.split(text):
        if kept := _NO_TEXT.sub("?", word):
            yield _Word(kept, "" if kept.isascii() else charset)


def _begins_with(subject: Sequence[_Word], tag: Sequence[_Word]) -> bool:
    """Tell whether readers see the tag at the beginning; SPAM is not what SPAMMING begins with."""
    shown, tag_shown = _shown(subject), _shown(tag)
    rest = shown[len(tag_shown) :]
    cuts_a_word = tag_shown[-1:].isalnum() and rest[:1].isalnum()
    return shown.startswith(tag_shown) and not cuts_a_word


def _shown(words: Sequence[_Word]) -> str:
    return " ".join(shown_text(" ".join(_rendered(words))).split())


def _rendered(words: Sequence[_Word]) -> Iterator[str]:
    """Yield words of ASCII: those that are to be encoded take along the blanks that would get lost beside them."""
    for before, word, behind in zip((None, *words), words, (*words[1:], None), strict=False):
        if not word.charset:
            yield word.text
            continue
        blank_before = " " if before and before.is_encoded else ""
        blank_behind = " " if behind and behind.is_encoded and not behind.charset else ""
        yield from encoded_words(blank_before + word.text + blank_behind, word.charset)


def _cut(text: str) -> str:
    """Return it no longer than a field may be: without the word that does not fit, or a part of a very long one."""
    if len(text) <= SUBJECT_LIMIT_CHARACTERS:
        return text
    blank = text.rfind(" ", SUBJECT_LIMIT_CHARACTERS - LONGEST_WORD, SUBJECT_LIMIT_CHARACTERS + 1)
    return text[: blank if blank >= 0 else SUBJECT_LIMIT_CHARACTERS]
