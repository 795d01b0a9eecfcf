"""Read a policy as administrators write it: strictly, every fault with its place and the nearest known name.

What comes is the table ``[policy]`` of a TOML file, or of the environment, as plain values. Files that it names are
read by whoever calls.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from scanner_service.judge.address_change import check_redirect
from scanner_service.judge.categories import CATEGORIES, CHECKS
from scanner_service.judge.fate import OBSERVE_ALL
from scanner_service.judge.lookup import normal_key, want_lookup_key
from scanner_service.judge.policy import Level, Mixed, Policy
from scanner_service.judge.recipient_policy import DEFAULT_RULE_SET
from scanner_service.judge.tables import AccessList, Always, KeyTable, Lookup, PatternTable, Place, Table
from scanner_service.judge.text_template import TextTemplate
from scanner_service.judge.wording import (
    ALERT_LIMIT_CHARACTERS,
    REPLY_LIMIT_CHARACTERS,
    SUBJECT_TAG_LIMIT_CHARACTERS,
    read_template,
)
from scanner_service.model.mailbox import is_mailbox
from scanner_service.model.nearest_name import nearest
from verdict_api.verdict import Destiny

V = TypeVar("V")

SMALLEST_SIZE_LIMIT_BYTES = 2**16  # RFC 5321 §4.5.3.1.7: every server has to take a message of that size
SHOWN_CHARACTERS = 200
KINDS = ("keys", "list", "patterns", "file", "value")

_EXTENSION = re.compile(r"[-+=._][A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_COMMENT = re.compile(r"(?:^|\s)#")


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """A setting that cannot be used: the names that lead to it, and what is wrong with it."""

    names: tuple[str, ...]
    said: str

    def __str__(self) -> str:
        return f"{'.'.join(self.names)}: {self.said}"


class PolicyError(ValueError):
    """A policy that must not be used."""

    def __init__(self, faults: Sequence[PolicyFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class _WrongValueError(ValueError):
    """One value is none of those that the setting takes."""


ReadValue = Callable[[object], V]
ReadFile = Callable[[Path], str]


def no_files(path: Path) -> str:
    """Refuse every file."""
    raise OSError(f"{path} must not be read from here")


@dataclass(slots=True)
class PolicyReader:
    """Reads one bank; ``rule_sets`` are the names of sets of banned rules that there are."""

    bank: str
    read_file: ReadFile = no_files
    rule_sets: Collection[str] = (DEFAULT_RULE_SET,)
    faults: list[PolicyFault] = field(default_factory=list)
    above: tuple[str, ...] = ()

    def read(self, table: Mapping[str, object], above: tuple[str, ...]) -> Policy:
        """Return what the table says; its faults are added to the list."""
        self.above = above
        values: dict[str, Any] = {}
        for name, value in table.items():
            names = (*above, name)
            if name in _BY_CATEGORY:
                values[name] = self._by_category(value, names, *_BY_CATEGORY[name])
            elif name in _BY_RECIPIENT:
                values[name] = self.by_recipient(value, names, _BY_RECIPIENT[name])
            elif name == "banned_rule_set":
                values[name] = self.by_recipient(value, names, self._rule_set)
            elif name in _OF_SENDERS:
                values[name] = self._of_senders(value, names, _OF_SENDERS[name])
            elif name in _PLAIN:
                values[name] = self._one(value, names, _PLAIN[name])
            else:
                self.fault(names, f"unknown setting{nearest(name, SETTINGS)}")
        return Policy(**{name: value for name, value in values.items() if value is not None})

    def fault(self, names: tuple[str, ...], said: str) -> None:
        """Take note of a fault."""
        self.faults.append(PolicyFault(names, said))

    def by_recipient(self, value: object, names: tuple[str, ...], read: ReadValue[V]) -> Lookup[V] | None:
        """Return the tables that a value by address makes: one value for all, a table by key, or a list of tables."""
        place = self._place(names)
        if isinstance(value, Mapping):
            return Lookup(tuple(self._keys(value, names, place, read)))
        if isinstance(value, list | tuple):
            return Lookup(tuple(self._tables(value, names, place, read)))
        one = self._one(value, names, read)
        return None if one is None else Lookup((Always(place, one),))

    def _tables(
        self, items: Sequence[object], names: tuple[str, ...], place: Place, read: ReadValue[V]
    ) -> Iterable[Table[V]]:
        plain = [item for item in items if isinstance(item, str)]
        if plain and len(plain) == len(items):
            yield from self._list(plain, names, place, read)
            return
        for number, item in enumerate(items):
            inner = (*names, str(number))
            kind = next(iter(item)) if isinstance(item, Mapping) and len(item) == 1 else None
            if isinstance(item, str):
                yield from self._list([item], inner, place, read)
            elif kind not in KINDS:
                self.fault(inner, f"want a text, or a table with one of {', '.join(KINDS)}, got {item!r}")
            else:
                assert isinstance(item, Mapping)
                yield from self._table(kind, item[kind], inner, place, read)

    def _table(
        self, kind: str, value: object, names: tuple[str, ...], place: Place, read: ReadValue[V]
    ) -> Iterable[Table[V]]:
        match kind, value:
            case "keys", Mapping():
                yield from self._keys(value, names, place, read)
            case "list", list() | tuple():
                yield from self._list(value, names, place, read)
            case "patterns", Mapping():
                yield from self._patterns(value, names, place, read)
            case "file", str():
                yield from self._file(Path(value), names, place, read)
            case "value", _:
                one = self._one(value, names, read)
                if one is not None:
                    yield Always(place, one)
            case _:
                wanted = {"keys": "a table", "list": "a list", "patterns": "a table", "file": "a path"}[kind]
                self.fault(names, f"{kind}: want {wanted}, got {value!r}")

    def _keys(
        self, value: Mapping[str, object], names: tuple[str, ...], place: Place, read: ReadValue[V]
    ) -> Iterable[Table[V]]:
        entries: dict[str, V] = {}
        for key, one in value.items():
            self._key(key, (*names, key))
            read_one = self._one(one, (*names, key), read)
            if normal_key(key) in entries:
                self.fault((*names, key), "is there twice: case does not count")
            elif read_one is not None:
                entries[normal_key(key)] = read_one
        yield KeyTable(place, entries)

    def _list(
        self, items: Iterable[object], names: tuple[str, ...], place: Place, read: ReadValue[V]
    ) -> Iterable[Table[V]]:
        if read is not read_flag:
            self.fault(names, "want a value, a table by recipient, or a list of tables, got a list of addresses")
            return
        texts = []
        for number, item in enumerate(items):
            if not isinstance(item, str):
                self.fault((*names, str(number)), f"want an address or a domain, got {item!r}")
                continue
            self._key(item.removeprefix("!"), (*names, str(number)))
            texts.append(item)
        yield AccessList.of(place, texts)  # type: ignore[misc]  # of true and false, as read is read_flag

    def _patterns(
        self, value: Mapping[str, object], names: tuple[str, ...], place: Place, read: ReadValue[V]
    ) -> Iterable[Table[V]]:
        entries = []
        for text, one in value.items():
            read_one = self._one(one, (*names, text), read)
            pattern = self._pattern(text, (*names, text))
            if pattern is not None and read_one is not None:
                entries.append((pattern, read_one))
        yield PatternTable(place, tuple(entries))

    def _pattern(self, text: str, names: tuple[str, ...]) -> re.Pattern[str] | None:
        try:
            return re.compile(text, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            self.fault(names, f"want a regular expression, got {text[:SHOWN_CHARACTERS]!r}: {error}")
            return None

    def _file(self, path: Path, names: tuple[str, ...], place: Place, read: ReadValue[V]) -> Iterable[Table[V]]:
        if not path.is_absolute():
            self.fault(names, f"file: want an absolute path, got {str(path)!r}")
            return
        try:
            text = self.read_file(path)
        except (OSError, ValueError) as error:  # it is not UTF-8, or no path has such a name
            self.fault(names, f"file: {str(path)!r} cannot be read: {error}")
            return
        lines = {number: words for number, line in enumerate(text.splitlines(), 1) if (words := _words_of(line))}
        if read is read_flag:
            yield from self._list_of_file(path, lines, names, place)
            return
        entries: dict[str, V] = {}
        for number, words in lines.items():
            inner = (*names, f"{path}, line {number}")
            self._key(words[0], inner)
            one = self._one(plain_value(words[1].strip() if len(words) > 1 else ""), inner, read)
            if one is not None:
                entries.setdefault(normal_key(words[0]), one)
        yield KeyTable(place, entries)

    def _list_of_file(
        self, path: Path, lines: Mapping[int, Sequence[str]], names: tuple[str, ...], place: Place
    ) -> Iterable[Table[Any]]:
        for number, words in lines.items():
            inner = (*names, f"{path}, line {number}")
            self._key(words[0].removeprefix("!"), inner)
            if len(words) > 1:
                self.fault(inner, f"want one address or domain, got {' '.join(words)!r}")
        yield AccessList.of(place, [words[0] for words in lines.values()])

    def _by_category(
        self, value: object, names: tuple[str, ...], known: Collection[str], read: ReadValue[V]
    ) -> Mapping[str, Lookup[V]] | None:
        if not isinstance(value, Mapping):
            self.fault(names, f"want a table by {'level' if 'kill' in known else 'category'}, got {value!r}")
            return None
        lookups = {}
        for name, one in value.items():
            if name not in known:
                self.fault((*names, name), f"there is no {name!r} here{nearest(name, known)}")
            elif isinstance(one, Mapping) and (unquoted := [key for key in one if f"{name}.{key}" in known]):
                # TOML makes a table of it; as a recipient's domain it would never be found.
                self.fault((*names, name, unquoted[0]), f'want "{name}.{unquoted[0]}" in quotes')
            elif (lookup := self.by_recipient(one, (*names, name), read)) is not None:
                lookups[name] = lookup
        self._want_rising(value, names)
        return MappingProxyType(lookups)

    def _want_rising(self, value: Mapping[str, object], names: tuple[str, ...]) -> None:
        """Refuse plain levels that fall: the higher one would never be reached by its own name."""
        plain = [
            (level, one)
            for level in (Level.TAG, Level.TAG2, Level.TAG3, Level.KILL)
            if isinstance(one := value.get(level), int | float)
        ]
        for (low, low_value), (high, high_value) in pairwise(plain):
            if high_value < low_value:
                self.fault((*names, high), f"want at least {low}, {low_value:g}, got {high_value:g}")

    def _of_senders(self, value: object, names: tuple[str, ...], read: ReadValue[V]) -> Lookup[Lookup[V]] | None:
        """Return tables of senders by recipient; what is no table by recipient holds for all of them."""
        place = self._place(names)
        for_all = not isinstance(value, Mapping) or not any(
            isinstance(one, Mapping | list | tuple) for one in value.values()
        )
        if for_all:
            senders = self.by_recipient(value, names, read)
            return None if senders is None else Lookup((Always(place, senders),))
        assert isinstance(value, Mapping)
        entries = {}
        for key, one in value.items():
            self._key(key, (*names, key))
            if not isinstance(one, Mapping | list | tuple):
                # Else a sender's entry would hold for all senders to a recipient of that name.
                self.fault((*names, key), f"want senders by recipient, as in the other entries, got {one!r}")
            elif (senders := self.by_recipient(one, (*names, key), read)) is not None:
                entries[key] = senders
        return Lookup((KeyTable.of(place, entries),))

    def _one(self, value: object, names: tuple[str, ...], read: ReadValue[V]) -> V | None:
        try:
            return read(value)
        except ValueError as error:
            self.fault(names, str(error))
            return None

    def _place(self, names: tuple[str, ...]) -> Place:
        return Place(self.bank, ".".join(names[len(self.above) :]))

    def _rule_set(self, value: object) -> str:
        if value not in self.rule_sets:
            raise _WrongValueError(f"there is no rule set {value!r}{nearest(str(value), self.rule_sets)}")
        return str(value)

    def _key(self, key: str, names: tuple[str, ...]) -> None:
        try:
            want_lookup_key(key)
        except ValueError as error:
            self.fault(names, str(error))


def _words_of(line: str) -> list[str]:
    """Return the key of a file's line and what follows it, without the comment: a ``#`` in a word begins none."""
    return _COMMENT.split(line)[0].split(None, 1)


def plain_value(text: str) -> object:
    """Return a word of a file as TOML would have it."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return {"true": True, "false": False}.get(text, text)


def read_flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise _WrongValueError(f"want true or false, got {value!r}")
    return value


def _destiny(value: object) -> Destiny:
    if value not in list(Destiny):
        raise _WrongValueError(f"want {', '.join(Destiny)}, got {value!r}")
    return Destiny(str(value))


def _mixed(value: object) -> Mixed:
    if value not in list(Mixed):
        raise _WrongValueError(f"want {', '.join(Mixed)}, got {value!r}")
    return Mixed(str(value))


def _score(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  (nan)
        raise _WrongValueError(f"want a number, got {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise _WrongValueError("want a number that is not as large as that") from error


def _points(value: object) -> float:
    score = _score(value)
    if not -1000 <= score <= 1000:
        raise _WrongValueError(f"want a number from -1000 to 1000, got {value!r}")
    return score


def _size_limit(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _WrongValueError(f"want a whole number, got {value!r}")
    if value < SMALLEST_SIZE_LIMIT_BYTES:
        raise _WrongValueError(f"want at least {SMALLEST_SIZE_LIMIT_BYTES}, got {value}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _WrongValueError(f"want a text, got {value!r}")
    return value


def _redirect(value: object) -> str:
    text = _text(value)
    if text:  # else: nobody, where a policy below names somebody
        check_redirect(text)
    return text


def _address(value: object) -> str:
    text = _text(value)
    if text and (not is_mailbox(text) or "{" in text):  # there is nothing of the recipient's to put in
        raise _WrongValueError(f"want user@domain, got {text!r}")
    return text


def _extension(value: object) -> str:
    text = _text(value)
    if text and not _EXTENSION.fullmatch(text):
        raise _WrongValueError(f"want a delimiter and a word, as '-spam' or '+spam', got {text!r}")
    return text


def _subject_tag(value: object) -> str | TextTemplate:
    text = _text(value)
    if "{" in text:
        return read_template(text, SUBJECT_TAG_LIMIT_CHARACTERS)
    if len(text) > SUBJECT_TAG_LIMIT_CHARACTERS or not text.isprintable():
        limit = SUBJECT_TAG_LIMIT_CHARACTERS
        raise _WrongValueError(f"want at most {limit} characters in one line, got {text[:200]!r}")
    return text


def _reply(value: object) -> TextTemplate:
    return read_template(_text(value), REPLY_LIMIT_CHARACTERS)


def _alert(value: object) -> TextTemplate:
    return read_template(_text(value), ALERT_LIMIT_CHARACTERS)


def _delimiter(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1 or value.isalnum() or value == "@":
        raise _WrongValueError(f"want one character such as '+', or '' for none, got {value!r}")
    return value


def _observe(value: object) -> frozenset[str]:
    if isinstance(value, bool):
        return frozenset({OBSERVE_ALL} if value else ())
    if not isinstance(value, list | tuple):
        raise _WrongValueError(f"want true, false or a list of categories, got {value!r}")
    for one in value:
        if one not in CATEGORIES:
            raise _WrongValueError(f"there is no category {one!r}{nearest(str(one), CATEGORIES)}")
    return frozenset(map(str, value))


_BY_CATEGORY: Mapping[str, tuple[Collection[str], ReadValue[Any]]] = {
    "destinies": (CATEGORIES, _destiny),
    "lovers": (CATEGORIES, read_flag),
    "bypass": (CHECKS, read_flag),
    "mixed": (CATEGORIES, _mixed),
    "spam_levels": (tuple(Level), _score),
    "redirect": (CATEGORIES, _redirect),
    "copy_to": (CATEGORIES, _address),
    "address_extension": (CATEGORIES, _extension),
    "subject_tags": (CATEGORIES, _subject_tag),
    "replies": (CATEGORIES, _reply),
    "alerts": (CATEGORIES, _alert),
}
_BY_RECIPIENT: Mapping[str, ReadValue[Any]] = {
    "local_domains": read_flag,
    "message_size_limit": _size_limit,
}
_OF_SENDERS: Mapping[str, ReadValue[Any]] = {
    "white_senders": read_flag,
    "black_senders": read_flag,
    "sender_scores": _points,
}
_PLAIN: Mapping[str, ReadValue[Any]] = {
    "recipient_delimiter": _delimiter,
    "tags": read_flag,
    "bounces": read_flag,
    "refuse": read_flag,
    "soft_bounce": read_flag,
    "observe": _observe,
}
BY_CATEGORY = frozenset(_BY_CATEGORY)
SETTINGS = (*_BY_CATEGORY, *_BY_RECIPIENT, "banned_rule_set", *_OF_SENDERS, *_PLAIN)
