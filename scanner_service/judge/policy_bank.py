"""Which policy holds for a message: the banks whose traffic it is, laid over each other in their order."""

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from scanner_service.judge.facts import Facts
from scanner_service.judge.policy import Policy
from scanner_service.judge.tables import AddressKeys, Lookup
from verdict_api.envelope import Envelope
from verdict_api.verdict import AuthenticationResult

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
MERGED_POLICIES = 256  # kept ready; there are as many as banks meet in real mail


class PolicyUnavailableError(Exception):
    """What holds is not known yet, so nothing can be judged; the message says why, and is printable."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What banks look at. ``listener`` is the service's own, ``token`` the name of the one that the asker showed."""

    envelope: Envelope
    listener: str = ""
    token: str | None = None
    authentication: tuple[AuthenticationResult, ...] = ()


def traffic_of(facts: Facts) -> Traffic:
    """Return what banks look at of a message that was looked into."""
    return Traffic(facts.envelope, facts.listener, facts.token, facts.authentication)


@dataclass(frozen=True, slots=True)
class NetworkList:
    """Networks in an order: the first that the address is in counts, and one with ``!`` says no."""

    entries: tuple[tuple[Network, bool], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "NetworkList":
        """Return the list of ``192.0.2.0/24``, ``!192.0.2.7``, ``2001:db8::/32``.

        Raises:
            ValueError: one is no address and no network.
        """
        return cls(tuple((_network(text.removeprefix("!")), not text.startswith("!")) for text in texts))

    def has(self, ip: str | None) -> bool:
        """Tell whether an address is in it; an IPv4 address in its IPv6 form is that IPv4 address."""
        address = _address(ip)
        if address is None:
            return False
        return next((says for network, says in self.entries if address in network), False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a message must be, all of it; None says nothing."""

    clients: NetworkList | None = None
    authenticated: bool | None = None
    authenticated_users: Lookup[bool] | None = None
    relay_client: bool | None = None
    null_sender: bool | None = None
    sources: frozenset[str] | None = None
    listeners: frozenset[str] | None = None
    tokens: frozenset[str] | None = None
    dkim_domains: Lookup[bool] | None = None
    spf_domains: Lookup[bool] | None = None

    @property
    def needs_authentication(self) -> bool:
        """Whether it is about what mail_auth says."""
        return self.dkim_domains is not None or self.spf_domains is not None

    def holds(self, traffic: Traffic) -> bool:
        """Tell whether the message is such a one."""
        return all(holds for _, holds in self.checks(traffic))

    def checks(self, traffic: Traffic) -> Iterator[tuple[str, bool]]:
        """Yield each name of a condition that is set, and whether the message meets it."""
        for name, meets in _MEETS.items():
            if (wanted := getattr(self, name)) is not None:
                yield name, meets(wanted, traffic)


@dataclass(frozen=True, slots=True)
class Bank:
    """A policy for a class of traffic: it holds if one of the conditions does."""

    policy: Policy
    when: tuple[Condition, ...]

    def holds(self, traffic: Traffic) -> bool:
        """Tell whether the message is of that class."""
        return any(one.holds(traffic) for one in self.when)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All policies: the one below, and the banks in the order in which they are laid over it.

    ``files`` are the texts of the files that they name, by their paths; ``rows`` is what a database says, and
    ``rows_version`` tells it from another.
    """

    base: Policy
    banks: tuple[Bank, ...] = ()
    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    rows: Policy = field(default_factory=Policy, compare=False, repr=False)
    rows_version: str = ""
    _merged: dict[tuple[int, ...], Policy] = field(default_factory=dict, compare=False, repr=False)

    def policy_for(self, traffic: Traffic) -> Policy:
        """Return what holds for a message."""
        chosen = tuple(number for number, bank in enumerate(self.banks) if bank.holds(traffic))
        merged = self._merged.get(chosen)
        if merged is None:
            merged = self.base
            for number in chosen:
                merged = merged.under(self.banks[number].policy)
            if len(self._merged) < MERGED_POLICIES:
                self._merged[chosen] = merged
        return merged

    @property
    def tokens(self) -> Mapping[str, Collection[str]]:
        """The names of tokens by which banks are chosen, by the bank."""
        return {
            bank.policy.banks[0]: frozenset(name for one in bank.when for name in one.tokens or ())
            for bank in self.banks
        }

    @property
    def has_banks_by_authentication(self) -> bool:
        """Whether what mail_auth says chooses among the banks."""
        return any(one.needs_authentication for bank in self.banks for one in bank.when)


_MEETS: Mapping[str, Callable[[Any, Traffic], bool]] = MappingProxyType(
    {
        "clients": lambda wanted, traffic: wanted.has(traffic.envelope.client.ip),
        "authenticated": lambda wanted, traffic: wanted == (traffic.envelope.authenticated_user is not None),
        "authenticated_users": lambda wanted, traffic: _is_in(wanted, traffic.envelope.authenticated_user),
        "relay_client": lambda wanted, traffic: wanted == traffic.envelope.relay_client,
        "null_sender": lambda wanted, traffic: wanted == (not traffic.envelope.sender),
        "sources": lambda wanted, traffic: traffic.envelope.source.partition("/")[0] in wanted,
        "listeners": lambda wanted, traffic: traffic.listener in wanted,
        "tokens": lambda wanted, traffic: traffic.token in wanted,
        "dkim_domains": lambda wanted, traffic: _passes(wanted, "dkim", traffic.authentication),
        "spf_domains": lambda wanted, traffic: _passes(wanted, "spf", traffic.authentication),
    }
)


def _network(text: str) -> Network:
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return ipaddress.ip_network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(lookup: Lookup[bool], name: str | None) -> bool:
    found = lookup.find(AddressKeys.of(name)) if name is not None else None
    return found is not None and found.value


def _passes(lookup: Lookup[bool], method: str, results: Sequence[AuthenticationResult]) -> bool:
    return any(
        one.method == method and one.result == "pass" and one.domain and _is_in(lookup, f"@{one.domain}")
        for one in results
    )
