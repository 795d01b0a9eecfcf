"""What administrators write about addresses: tables, of which the first one that knows the address decides.

Each answer says which entry gave it, so that people can ask why.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from scanner_service.judge.lookup import ANYBODY, EXTENSION_DELIMITER, keys_of, normal_key

ADDRESS_LIMIT_CHARACTERS = 512  # more than SMTP takes (RFC 5321 §4.5.3.1): a pattern must not run over a megabyte

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


@dataclass(frozen=True, slots=True)
class AddressKeys:
    """An address and its keys; made once for each recipient, as each setting is looked up under the same keys."""

    address: str
    keys: tuple[str, ...]

    @classmethod
    def of(cls, address: str, delimiter: str = EXTENSION_DELIMITER) -> "AddressKeys":
        """Return the keys of an address."""
        return cls(address, keys_of(address, delimiter))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the policy a table stands: its bank, and its setting as ``destinies.virus``."""

    bank: str
    setting: str


@dataclass(frozen=True, slots=True)
class Found(Generic[V_co]):
    """What a table says, where that table is, and the entry that fits."""

    value: V_co
    place: Place
    key: str

    @property
    def rule(self) -> str:
        """The setting, and the entry in it if it is not the one for anybody."""
        return self.place.setting if self.key == ANYBODY else f"{self.place.setting} {self.key}"


class Table(Protocol[V_co]):
    """Something that may know an address."""

    def find(self, keys: AddressKeys) -> Found[V_co] | None:
        """Return what it says; None if it does not know the address, and the next table is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Always(Generic[V]):
    """One value for everybody."""

    place: Place
    value: V

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """See Table."""
        del keys
        return Found(self.value, self.place, ANYBODY)


@dataclass(frozen=True, slots=True)
class KeyTable(Generic[V]):
    """Values by address, user, domain; the most telling key counts, wherever it stands."""

    place: Place
    entries: Mapping[str, V]

    @classmethod
    def of(cls, place: Place, entries: Mapping[str, V]) -> "KeyTable[V]":
        """Return the table of keys as an administrator writes them."""
        return cls(place, {normal_key(key): value for key, value in entries.items()})

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """See Table."""
        for key in keys.keys:
            if key in self.entries:
                return Found(self.entries[key], self.place, key)
        return None


@dataclass(frozen=True, slots=True)
class AccessList:
    """Addresses and domains in an order: the first that fits counts, and one that begins with ``!`` says no."""

    place: Place
    ranks: Mapping[str, tuple[int, bool]]

    @classmethod
    def of(cls, place: Place, entries: Iterable[str]) -> "AccessList":
        """Return the list of entries such as ``ann@example.com``, ``!.lists.example.com``, ``.example.com``."""
        ranks: dict[str, tuple[int, bool]] = {}
        for number, entry in enumerate(entries):
            ranks.setdefault(normal_key(entry.removeprefix("!")), (number, not entry.startswith("!")))
        return cls(place, ranks)

    def find(self, keys: AddressKeys) -> Found[bool] | None:
        """See Table."""
        fitting = [(self.ranks[key], key) for key in keys.keys if key in self.ranks]
        if not fitting:
            return None
        (_, says), key = min(fitting)
        return Found(says, self.place, key if says else f"!{key}")


@dataclass(frozen=True, slots=True)
class PatternTable(Generic[V]):
    """Values by regular expression, searched in the whole address; the first one that fits counts."""

    place: Place
    entries: tuple[tuple[re.Pattern[str], V], ...]

    def find(self, keys: AddressKeys) -> Found[V] | None:
        """See Table."""
        for pattern, value in self.entries:
            if pattern.search(keys.address[:ADDRESS_LIMIT_CHARACTERS]):
                return Found(value, self.place, f"/{pattern.pattern}/")
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

    def under(self, above: "Lookup[V]") -> "Lookup[V]":
        """Return one that asks those tables first, and these where they know nothing."""
        return Lookup(above.tables + self.tables)
