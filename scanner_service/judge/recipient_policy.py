"""What a policy says for one recipient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from scanner_service.judge.policy import Mixed, Policy, SpamLevel
from scanner_service.judge.tables import AddressKeys, Found, Lookup
from verdict_api.verdict import Destiny

V = TypeVar("V")

PASSES = Found(Destiny.PASS, "nothing", "")


@dataclass(frozen=True, slots=True)
class RecipientPolicy:
    """Answers for one recipient, each with the entry that decided."""

    policy: Policy
    keys: AddressKeys

    def destiny_of(self, category: str) -> Found[Destiny]:
        """Return the destiny of a full category, as ``unchecked.encrypted``; what no table names passes."""
        return self._by_category(self.policy.destinies, category) or PASSES

    def loves(self, category: str) -> Found[bool] | None:
        """Return the entry by which the recipient wants what is in this category; None if there is none."""
        return _if_true(self._by_category(self.policy.lovers, category))

    def bypasses(self, category: str) -> Found[bool] | None:
        """Return the entry by which this check is not made for the recipient; None if there is none."""
        return _if_true(self._by_category(self.policy.bypass, category))

    def mixed_of(self, category: str) -> Mixed | None:
        """Return what a rejection becomes amid others; None where the policy does not say."""
        names = (category, category.partition(".")[0])
        return next((self.policy.mixed[name] for name in names if name in self.policy.mixed), None)

    def level(self, level: SpamLevel) -> float | None:
        """Return a spam level; None if there is none."""
        found = self._find(self.policy.spam_levels.get(level))
        return None if found is None else found.value

    def size_limit(self) -> Found[int] | None:
        """Return how many bytes a message may have; None if there is no limit."""
        return self._find(self.policy.message_size_limit)

    def redirect_of(self, category: str) -> Found[str] | None:
        """Return who gets the message instead; None if nobody."""
        return self._by_category(self.policy.redirect, category)

    def copy_of(self, category: str) -> Found[str] | None:
        """Return who gets the message, too; None if nobody."""
        return self._by_category(self.policy.copy_to, category)

    def is_white(self, senders: tuple[AddressKeys, ...]) -> Found[bool] | None:
        """Return the entry by which a sender's mail is never spam; None if there is none."""
        return self._sender_in(self.policy.white_senders, senders)

    def is_black(self, senders: tuple[AddressKeys, ...]) -> Found[bool] | None:
        """Return the entry by which a sender's mail is always spam; None if there is none."""
        return self._sender_in(self.policy.black_senders, senders)

    def score_of(self, senders: tuple[AddressKeys, ...]) -> float:
        """Return the points of a sender, 0 if the recipient's table does not know it."""
        table = self._find(self.policy.sender_scores)
        found = [] if table is None else [one for keys in senders if (one := table.value.find(keys))]
        return sum(one.value for one in found[:1])

    def _sender_in(self, lookup: Lookup[Lookup[bool]] | None, senders: tuple[AddressKeys, ...]) -> Found[bool] | None:
        table = self._find(lookup)
        if table is None:
            return None
        return next((one for keys in senders if (one := _if_true(table.value.find(keys)))), None)

    def _by_category(self, lookups: Mapping[str, Lookup[V]], category: str) -> Found[V] | None:
        """Ask the tables of the full category, then those of the category without its sub-category."""
        for name in dict.fromkeys((category, category.partition(".")[0])):
            if (found := self._find(lookups.get(name))) is not None:
                return found
        return None

    def _find(self, lookup: Lookup[V] | None) -> Found[V] | None:
        return None if lookup is None else lookup.find(self.keys)


def _if_true(found: Found[bool] | None) -> Found[bool] | None:
    return found if found is not None and found.value else None
