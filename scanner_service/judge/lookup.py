"""Find what is set for an address: for itself, without its extension, for its user, its domain, the domains above.

The keys and their order are those of amavisd-new (README.lookups), so that its tables can be taken over. Case does
not count, and a domain is compared as the DNS has it: ``xn--…`` for one with letters beyond ASCII.
"""

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")

EXTENSION_DELIMITER = "+"  # user+extension@domain
MOST_DOMAIN_LEVELS = 20  # of those above a domain: a longer one is no real one, and each costs a look
ANYBODY = "."
NULL_SENDER = ("", "@")  # its keys

_KEY = re.compile(r"\.|\.?[^\s@.*]+(?:\.[^\s@.*]+)*|[^@*]+@(?:\[[^]\s]*\]|[^\s@.*]+(?:\.[^\s@.*]+)*)?|\[[^]\s]*\]")


def keys_of(address: str, delimiter: str = EXTENSION_DELIMITER) -> tuple[str, ...]:
    """Return the keys under which something may be set for an address, the most telling first.

    ``User+List@Sub.Example`` has ``user+list@sub.example``, ``user@sub.example``, ``user+list@``, ``user@``,
    ``sub.example``, ``.sub.example``, ``.example`` and ``.``; the null sender has ``""``, ``@`` and ``.``.
    Without a delimiter there are no extensions.
    """
    if not address:
        return *NULL_SENDER, ANYBODY
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    domain = _in_dns(domain)
    return *_keys_of_user(local.lower(), domain, delimiter), *_keys_of_domain(domain)


class Lookup(Generic[Value]):
    """A table by such keys."""

    def __init__(self, table: Mapping[str, Value]) -> None:
        self._table = {normal_key(key): value for key, value in table.items()}

    def first(self, address: str) -> Value | None:
        """Return the value of the first key that is in the table, None if none is."""
        return next((self._table[key] for key in keys_of(address) if key in self._table), None)


def want_lookup_key(text: str) -> None:
    """Refuse what is no key, and so would never be found.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    if text not in NULL_SENDER and not _KEY.fullmatch(text):
        raise ValueError(f"want user@domain, user@, domain, .domain or '.', got {text!r}")


def _keys_of_user(local: str, domain: str, delimiter: str) -> tuple[str, ...]:
    at = local.find(delimiter, 1) if delimiter else -1  # an address may begin with one
    ends = (f"@{domain}", "@") if domain else ("@",)
    users = (local, local[:at]) if at > 0 else (local,)
    return tuple([user + end for end in ends for user in users])


def _keys_of_domain(domain: str) -> tuple[str, ...]:
    if not domain:
        return (ANYBODY,)
    if domain.startswith("["):  # an address literal has no domains above it
        return domain, ANYBODY
    labels = domain.split(".")
    starts = range(max(0, len(labels) - MOST_DOMAIN_LEVELS), len(labels))
    return domain, *["." + ".".join(labels[start:]) for start in starts], ANYBODY


def normal_key(key: str) -> str:
    """Return a key as keys_of gives it."""
    local, at, domain = key.rpartition("@")
    dot = "." if not at and domain.startswith(".") else ""
    return f"{local.lower()}{at}{dot}{_in_dns(domain.removeprefix(dot))}"


def _in_dns(domain: str) -> str:
    lower = domain.lower().rstrip(".")
    if lower.isascii():
        return lower
    try:
        return lower.encode("idna").decode("ascii")
    except UnicodeError:
        return lower  # no name of the DNS; it still compares with itself
