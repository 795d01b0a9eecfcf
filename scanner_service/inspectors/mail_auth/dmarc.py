"""DMARC: whether SPF or DKIM vouch for the domain that the reader sees in From (RFC 7489)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from publicsuffixlist import PublicSuffixList

from scanner_service.clients.dns_resolver import DnsUnavailableError, RecordKind
from scanner_service.inspectors.mail_auth.fields import SignedMessage
from scanner_service.inspectors.mail_auth.lookups import Lookups
from scanner_service.inspectors.mail_auth.tag_list import TagListError, read_tags
from scanner_service.model.address_list import addresses_in
from verdict_api.printable import printable
from verdict_api.verdict import AuthenticationResult

METHOD = "dmarc"
MOST_FROM_FIELDS = 10  # more than one is against RFC 5322 §3.6 already
_POLICIES = frozenset(("none", "quarantine", "reject"))


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """What a domain asks for. ``strict_dkim`` and ``strict_spf``: the very domain must have vouched."""

    policy: str
    strict_dkim: bool
    strict_spf: bool


def check_dmarc(
    message: SignedMessage, others: Sequence[AuthenticationResult], lookups: Lookups
) -> AuthenticationResult:
    """Return the result, by what SPF and DKIM have said."""
    domains = _domains_of_from(message)
    if len(domains) != 1:
        return AuthenticationResult(METHOD, "permerror", "", f"From has {len(domains)} domains, want one")
    (domain,) = domains
    shown = printable(domain)
    try:
        policy = _find_policy(domain, lookups)
    except DnsUnavailableError as error:
        return AuthenticationResult(METHOD, "temperror", shown, str(error))
    if policy is None:
        return AuthenticationResult(METHOD, "none", shown)
    aligned = [one for one in others if _is_aligned(one, domain, policy)]
    if vouching := [one.method for one in aligned if one.result == "pass"]:
        detail = f"p={policy.policy}; aligned: {', '.join(dict.fromkeys(vouching))}"
        return AuthenticationResult(METHOD, "pass", shown, detail)
    result = "temperror" if any(one.result == "temperror" for one in aligned) else "fail"
    return AuthenticationResult(METHOD, result, shown, f"p={policy.policy}; aligned: none")


def organizational_domain(domain: str) -> str:
    """Return the domain that somebody registered: one label below the public suffix (RFC 7489 §3.2)."""
    return _suffixes().privatesuffix(domain) or domain


@cache
def _suffixes() -> PublicSuffixList:
    """Read the list that came with the package: without a network, and 80 ms long, hence once."""
    return PublicSuffixList()


def read_policy(record: bytes, *, for_subdomain: bool) -> DmarcPolicy | None:
    """Return what a record asks for, None if it is none of DMARC's (RFC 7489 §6.3, §6.6.3)."""
    try:
        tags = read_tags(record)
    except TagListError:
        return None
    if next(iter(tags), "") != "v" or tags["v"] != "DMARC1":
        return None
    policy = tags.get("p", "").lower()
    if policy not in _POLICIES:
        if "rua" not in tags:
            return None
        policy = "none"
    if for_subdomain:
        policy = tags.get("sp", policy).lower()
        policy = policy if policy in _POLICIES else "none"
    return DmarcPolicy(policy, tags.get("adkim", "r").lower() == "s", tags.get("aspf", "r").lower() == "s")


def _find_policy(domain: str, lookups: Lookups) -> DmarcPolicy | None:
    """Return the policy of the domain itself, or of the one that was registered."""
    organization = organizational_domain(domain)
    for asked in dict.fromkeys((domain, organization)):
        records = lookups.look_up(f"_dmarc.{asked}", RecordKind.TXT)
        policies = [one for record in records if (one := read_policy(record, for_subdomain=asked != domain))]
        if len(policies) == 1:
            return policies[0]
        if policies:
            return None
    return None


def _is_aligned(one: AuthenticationResult, domain: str, policy: DmarcPolicy) -> bool:
    if one.method not in ("spf", "dkim") or not one.domain:
        return False
    if policy.strict_spf if one.method == "spf" else policy.strict_dkim:
        return one.domain == domain
    return organizational_domain(one.domain) == organizational_domain(domain)


def _domains_of_from(message: SignedMessage) -> set[str]:
    return {
        _as_asked(address.rpartition("@")[2].lower().removesuffix("."))
        for field in message.named(b"from")[:MOST_FROM_FIELDS]
        for address in addresses_in(field.unfolded)
    }


def _as_asked(domain: str) -> str:
    """Return the form of a domain that the DNS knows; one that has none stays as it is."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain
