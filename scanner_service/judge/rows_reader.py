"""Make a policy of rows: settings by recipient that a database holds, as text."""

from collections.abc import Iterable
from typing import Protocol

from scanner_service.judge.policy import Policy
from scanner_service.judge.policy_reader import BY_CATEGORY, PolicyFault, PolicyReader, plain_value

SQL_BANK = "sql"
_YES_AND_NO = {"y": True, "yes": True, "n": False, "no": False}


class Row(Protocol):
    """One value for one recipient's key; ``sender`` is None but in lists of senders."""

    @property
    def setting(self) -> str:
        """As ``destinies.virus``."""
        ...

    @property
    def recipient(self) -> str:
        """The key."""
        ...

    @property
    def sender(self) -> str | None:
        """The key of a sender."""
        ...

    @property
    def value(self) -> str:
        """What is set."""
        ...


def policy_of_rows(rows: Iterable[Row], rule_sets: Iterable[str]) -> tuple[Policy, tuple[PolicyFault, ...]]:
    """Return what the rows say, without those that cannot be used, and what is wrong with these.

    A web page writes rows while mail flows: one that is wrong must not keep all others from having their effect.
    """
    table: dict[str, dict[str, object]] = {}
    for row in rows:
        name, _, category = row.setting.partition(".")
        inner = table.setdefault(name, {})
        if category or name in BY_CATEGORY:  # else a recipient "virus" would be the category, and all have its value
            inner = _table_in(inner, category)
        if row.sender is not None:
            inner = _table_in(inner, row.recipient)
        key = row.recipient if row.sender is None else row.sender
        inner.setdefault(key, _value(row.value))
    reader = PolicyReader(SQL_BANK, rule_sets=tuple(rule_sets))
    return reader.read(table, (SQL_BANK,)), tuple(reader.faults)


def _table_in(table: dict[str, object], name: str) -> dict[str, object]:
    inner = table.setdefault(name, {})
    return inner if isinstance(inner, dict) else {}


def _value(text: str) -> object:
    word = text.strip()
    return _YES_AND_NO.get(word.lower(), plain_value(word))
