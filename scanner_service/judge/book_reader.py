"""Read all policies: the built-in ones, what administrators lay over them, and the banks with their conditions."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanner_service.judge.policy import DEFAULT_NAME, Policy
from scanner_service.judge.policy_bank import Bank, Condition, NetworkList, PolicyBook
from scanner_service.judge.policy_reader import (
    PolicyError,
    PolicyFault,
    PolicyReader,
    ReadFile,
    no_files,
    read_flag,
)
from scanner_service.judge.recipient_policy import DEFAULT_RULE_SET
from scanner_service.model.nearest_name import nearest

BANKS, WHEN = "banks", "when"
VERSION_DIGITS = 16

_FLAGS = ("authenticated", "relay_client", "null_sender")
_NAMES = ("sources", "listeners", "tokens")
_LOGINS = "authenticated_users"
_ADDRESSES = (_LOGINS, "dkim_domains", "spf_domains")
CONDITIONS = ("clients", *_FLAGS, *_NAMES, *_ADDRESSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySource:
    """What a book is read from.

    ``built_in`` are the tables of the built-in policies by their names, ``default`` among them. ``written`` is
    the administrator's table ``[policy]``. ``rule_sets`` are the names of sets of banned rules that there are.
    ``rows`` is the policy that a database holds, and ``rows_version`` tells it from another.
    """

    built_in: Mapping[str, Mapping[str, object]]
    written: Mapping[str, object]
    read_file: ReadFile = no_files
    rule_sets: Collection[str] = (DEFAULT_RULE_SET,)
    rows: Policy = field(default_factory=Policy)
    rows_version: str = ""


def read_book(source: PolicySource) -> PolicyBook:
    """Return the book.

    Raises:
        PolicyError: it must not be used; the faults have their places.
    """
    texts: dict[str, str] = {}

    def read_file(path: Path) -> str:
        texts[str(path)] = source.read_file(path)
        return texts[str(path)]

    reading = _Reading(read_file, source.rule_sets)
    base = reading.policy(DEFAULT_NAME, source.built_in.get(DEFAULT_NAME, {}), (DEFAULT_NAME,))
    own = {name: value for name, value in source.written.items() if name != BANKS}
    base = base.under(reading.policy(DEFAULT_NAME, own, ("policy",))).under(source.rows)
    banks = reading.banks(source)
    if reading.faults:
        raise PolicyError(reading.faults)
    return PolicyBook(base, banks, _version(source, texts), texts, source.rows, source.rows_version)


@dataclass(slots=True)
class _Reading:
    read_file: ReadFile
    rule_sets: Collection[str]
    faults: list[PolicyFault] = field(default_factory=list)

    def policy(self, bank: str, table: Mapping[str, object], above: tuple[str, ...]) -> Policy:
        return PolicyReader(bank, self.read_file, self.rule_sets, self.faults).read(table, above)

    def banks(self, source: PolicySource) -> tuple[Bank, ...]:
        """Return the built-in banks, each with what the administrator lays over it, then the others as written."""
        written = source.written.get(BANKS, {})
        if not isinstance(written, Mapping):
            self.faults.append(PolicyFault(("policy", BANKS), f"want a table, got {written!r}"))
            return ()
        built_in = {name: table for name, table in source.built_in.items() if name != DEFAULT_NAME}
        banks = []
        for name in dict.fromkeys((*built_in, *written)):
            tables: list[tuple[object, tuple[str, ...]]] = []
            if name in built_in:
                tables.append((built_in[name], (name,)))
            if name in written:
                tables.append((written[name], ("policy", BANKS, name)))
            banks.append(self._bank(name, tables))
        return tuple(banks)

    def _bank(self, name: str, tables: Sequence[tuple[object, tuple[str, ...]]]) -> Bank:
        policy = Policy(banks=(name,))
        when: tuple[Condition, ...] = ()
        for table, above in tables:
            reader = PolicyReader(name, self.read_file, self.rule_sets, self.faults)
            if not isinstance(table, Mapping):
                reader.fault(above, f"want a table, got {table!r}")
                continue
            settings = {key: value for key, value in table.items() if key != WHEN}
            policy = policy.under(reader.read(settings, above))
            if WHEN in table:
                when = _ConditionReader(reader).read(table[WHEN], (*above, WHEN))
        if not when:
            said = f"want {WHEN}: whose mail is it? One or more of {', '.join(CONDITIONS)}"
            self.faults.append(PolicyFault(tables[-1][1], said))
        return Bank(policy, when)


@dataclass(slots=True)
class _ConditionReader:
    reader: PolicyReader

    def read(self, value: object, names: tuple[str, ...]) -> tuple[Condition, ...]:
        """Return the conditions, of which one must hold: a table, or a list of them."""
        tables = value if isinstance(value, list | tuple) else [value]
        conditions = []
        for number, table in enumerate(tables):
            inner = names if table is value else (*names, str(number))
            if not isinstance(table, Mapping) or not table:
                self.reader.fault(inner, f"want a table of {', '.join(CONDITIONS)}, got {table!r}")
                continue
            read = {name: self._one(name, one, (*inner, name)) for name, one in table.items()}
            conditions.append(Condition(**{name: one for name, one in read.items() if one is not None}))
        return tuple(conditions)

    def _one(self, name: str, value: object, names: tuple[str, ...]) -> Any:
        if name in _FLAGS:
            if isinstance(value, bool):
                return value
            self.reader.fault(names, f"want true or false, got {value!r}")
        elif name not in CONDITIONS:
            self.reader.fault(names, f"unknown condition{nearest(name, CONDITIONS)}")
        elif not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
            self.reader.fault(names, f"want a list of texts, got {value!r}")
        else:
            return self._of_texts(name, list(value), names)
        return None

    def _of_texts(self, name: str, texts: list[str], names: tuple[str, ...]) -> Any:
        if name in _NAMES:
            return frozenset(texts)
        if name in _ADDRESSES:
            keys = [key for text in texts for key in (_keys_of_login(text) if name == _LOGINS else (text,))]
            return self.reader.by_recipient(keys, names, read_flag)
        try:
            return NetworkList.of(texts)
        except ValueError as error:
            self.reader.fault(names, f"want addresses and networks: {error}")
            return None


def _keys_of_login(text: str) -> tuple[str, ...]:
    """Return the keys of a name to log in with; one without a domain may have a dot in it, as a domain has."""
    if "@" in text or text.removeprefix("!").startswith("."):
        return (text,)
    return (text, f"{text}@") if "." in text else (f"{text}@",)


def _version(source: PolicySource, texts: Mapping[str, str]) -> str:
    """Return what tells this policy from another: of equal ones it is equal, on each host."""
    everything = [source.built_in, source.written, texts, source.rows_version, sorted(source.rule_sets)]
    canonical = json.dumps(everything, sort_keys=False, default=str)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:VERSION_DIGITS]
