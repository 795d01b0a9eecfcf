"""What administrators write about addresses: tables, of which the first one that knows the address decides.

Each answer says which entry gave it, so that people can ask why.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from scanner_service.judge.lookup import ANYBODY, keys_of, normal_key

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


@dataclass(frozen=True, slots=True)
class AddressKeys:
    """An address and its keys; made once for each recipient, as each setting is looked up under the same keys."""

    address: str
    keys: tuple[str, ...]

    @classmethod
    def of(cls, address: str) -> "AddressKeys":
        """Return the keys of an address."""
        return cls(address, keys_of(address))


@dataclass(frozen=True, slots=True)
class Found(Generic[V_co]):
    """What a table says; ``table`` is its place in the settings, ``key`` the entry that fits."""

    value: V_co
    table: str
    key: str


class Table(Protocol[V_co]):
    """Something that may know an address."""

    def find(self, keys: AddressKeys) -> Found[V_co] | None:
        """Return what it says; None if it does not know the address, and the next table is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Always(Generic[V]):
    """One value for everybody."""

    name: str
    value: V

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """See Table."""
        del keys
        return Found(self.value, self.name, ANYBODY)


@dataclass(frozen=True, slots=True)
class KeyTable(Generic[V]):
    """Values by address, user, domain; the most telling key counts, wherever it stands."""

    name: str
    entries: Mapping[str, V]

    @classmethod
    def of(cls, name: str, entries: Mapping[str, V]) -> "KeyTable[V]":
        """Return the table of keys as an administrator writes them."""
        return cls(name, {normal_key(key): value for key, value in entries.items()})

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """See Table."""
        for key in keys.keys:
            if key in self.entries:
                return Found(self.entries[key], self.name, key)
        return None


@dataclass(frozen=True, slots=True)
class AccessList:
    """Addresses and domains in an order: the first that fits counts, and one that begins with ``!`` says no."""

    name: str
    places: Mapping[str, tuple[int, bool]]

    @classmethod
    def of(cls, name: str, entries: Iterable[str]) -> "AccessList":
        """Return the list of entries such as ``ann@example.com``, ``!.lists.example.com``, ``.example.com``."""
        places: dict[str, tuple[int, bool]] = {}
        for number, entry in enumerate(entries):
            places.setdefault(normal_key(entry.removeprefix("!")), (number, not entry.startswith("!")))
        return cls(name, places)

    def find(self, keys: AddressKeys) -> Found[bool] | None:
        """See Table."""
        fitting = [(self.places[key], key) for key in keys.keys if key in self.places]
        if not fitting:
            return None
        (_, says), key = min(fitting)
        return Found(says, self.name, key if says else f"!{key}")


@dataclass(frozen=True, slots=True)
class PatternTable(Generic[V]):
    """Values by regular expression, searched in the whole address; the first one that fits counts."""

    name: str
    entries: tuple[tuple[re.Pattern[str], V], ...]

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """See Table."""
        for pattern, value in self.entries:
            if pattern.search(keys.address):
                return Found(value, self.name, pattern.pattern)
        return None


@dataclass(frozen=True, slots=True)
class Lookup(Generic[V]):
    """Tables in the order in which they are asked."""

    tables: tuple[Table[V], ...]

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """Return what the first table says that knows the address."""
        for table in self.tables:
            if (found := table.find(keys)) is not None:
                return found
        return None
