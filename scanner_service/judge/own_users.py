"""Whose mail it is, and what holds for it: one policy for all, another one for the mail of own users."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scanner_service.judge.destiny import DESTINIES, POLICY
from verdict_api.envelope import Envelope
from verdict_api.verdict import Destiny


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of each category; one that is not named passes. ``tags``: what passes may get header fields."""

    name: str
    destinies: Mapping[str, Destiny]
    tags: bool = True


DEFAULT = Policy(POLICY, DESTINIES)
# They are known and can be spoken to; tags would tell others what our filter thinks of them.
OWN_USERS = Policy(
    "own_users",
    MappingProxyType({category: destiny for category, destiny in DESTINIES.items() if category != "spam"}),
    tags=False,
)


def policy_of(envelope: Envelope) -> Policy:
    """Return the policy; an own user has logged in, or sends from where Courier relays for."""
    return OWN_USERS if envelope.authenticated_user is not None or envelope.relay_client else DEFAULT
