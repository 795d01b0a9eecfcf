"""What a policy says for one recipient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scanner_service.judge.policy import Level, Mixed, Policy
from scanner_service.judge.tables import AddressKeys, Found, Lookup, Place
from scanner_service.judge.text_template import TextTemplate
from verdict_api.envelope import Recipient
from verdict_api.verdict import Destiny

V = TypeVar("V")

PASSES = Found(Destiny.PASS, Place("", "nothing"), ".")
DEFAULT_RULE_SET = "default"


@dataclass(frozen=True, slots=True)
class RecipientPolicy:
    """Answers for one recipient, each with the entry that decided.

    ``is_local``: we are the last to keep the mail. ``notify`` is what the sender wants to be told of this recipient
    (RFC 3461 §4.1, in Courier's letters: ``N`` for nothing).
    """

    policy: Policy
    keys: AddressKeys
    is_local: bool
    notify: str = ""

    @classmethod
    def of(cls, policy: Policy, recipient: Recipient) -> "RecipientPolicy":
        """Return what the policy says for a recipient; Courier knows who is local where the policy does not say."""
        keys = AddressKeys.of(recipient.address, policy.delimiter)
        local = None if policy.local_domains is None else policy.local_domains.find(keys)
        # Where local domains are set, whoever is in none of them is not local.
        is_local = bool(recipient.local) if policy.local_domains is None else bool(local and local.value)
        return cls(policy, keys, is_local, recipient.notify)

    def destiny_of(self, category: str) -> Found[Destiny]:
        """Return the destiny of a full category, as ``unchecked.encrypted``; what no table names passes."""
        return self.by_category(self.policy.destinies, category) or PASSES

    def loves(self, category: str) -> Found[bool] | None:
        """Return the entry by which the recipient wants what is in this category; None if there is none."""
        return _if_true(self.by_category(self.policy.lovers, category))

    def bypasses(self, category: str) -> Found[bool] | None:
        """Return the entry by which this check is not made for the recipient; None if there is none."""
        return _if_true(self.by_category(self.policy.bypass, category))

    def mixed_of(self, category: str) -> Mixed | None:
        """Return what a rejection becomes amid others; None where the policy does not say."""
        found = self.by_category(self.policy.mixed, category)
        return None if found is None else found.value

    def level(self, level: Level) -> float | None:
        """Return a spam level; None if there is none."""
        found = self.find(self.policy.spam_levels.get(level))
        return None if found is None else found.value

    def size_limit(self) -> Found[int] | None:
        """Return how many bytes a message may have; None if there is no limit."""
        return self.find(self.policy.message_size_limit)

    def rule_set(self) -> str:
        """Return the name of the set of banned rules that holds."""
        found = self.find(self.policy.banned_rule_set)
        return DEFAULT_RULE_SET if found is None else found.value

    def redirect_of(self, category: str) -> Found[str] | None:
        """Return who gets the message instead; None if nobody. Only a local recipient's mail goes elsewhere."""
        return _if_said(self.by_category(self.policy.redirect, category)) if self.is_local else None

    def extension_of(self, category: str) -> Found[str] | None:
        """Return what is put behind the user in a local recipient's address; None if nothing."""
        return _if_said(self.by_category(self.policy.address_extension, category)) if self.is_local else None

    def copy_of(self, category: str) -> Found[str] | None:
        """Return who gets the message, too; None if nobody."""
        return _if_said(self.by_category(self.policy.copy_to, category))

    def subject_tag_of(self, category: str) -> Found[str | TextTemplate] | None:
        """Return what is put in front of the subject; None if nothing."""
        found = self.by_category(self.policy.subject_tags, category)
        return found if found is not None and found.value else None

    def reply_of(self, category: str) -> Found[TextTemplate] | None:
        """Return the text of a refusal; None for the built-in one."""
        return self.by_category(self.policy.replies, category)

    def alert_of(self, category: str) -> Found[TextTemplate] | None:
        """Return what the header tells of it; None if the policy does not say."""
        return self.by_category(self.policy.alerts, category)

    def is_white(self, senders: Sequence[AddressKeys]) -> Found[bool] | None:
        """Return the entry by which a sender's mail is never spam; None if there is none."""
        return self._sender_in(self.policy.white_senders, senders)

    def is_black(self, senders: Sequence[AddressKeys]) -> Found[bool] | None:
        """Return the entry by which a sender's mail is always spam; None if there is none."""
        return self._sender_in(self.policy.black_senders, senders)

    def score_of(self, senders: Sequence[AddressKeys]) -> Found[float] | None:
        """Return the points of the first sender that the recipient's table knows; None if it knows none."""
        table = self.find(self.policy.sender_scores)
        if table is None:
            return None
        return next((one for keys in senders if (one := table.value.find(keys))), None)

    def _sender_in(self, lookup: Lookup[Lookup[bool]] | None, senders: Sequence[AddressKeys]) -> Found[bool] | None:
        table = self.find(lookup)
        if table is None:
            return None
        return next((one for keys in senders if (one := _if_true(table.value.find(keys)))), None)

    def by_category(self, lookups: Mapping[str, Lookup[V]], category: str) -> Found[V] | None:
        """Ask the tables of the full category, then those of the category without its sub-category."""
        if not lookups:
            return None
        found = self.find(lookups.get(category))
        if found is None and "." in category:
            return self.find(lookups.get(category.partition(".")[0]))
        return found

    def find(self, lookup: Lookup[V] | None) -> Found[V] | None:
        """Ask one setting's tables."""
        return None if lookup is None else lookup.find(self.keys)


def _if_true(found: Found[bool] | None) -> Found[bool] | None:
    return found if found is not None and found.value else None


def _if_said(found: Found[str] | None) -> Found[str] | None:
    """Leave out the empty text, which is how a policy takes back what one below it says."""
    return found if found is not None and found.value else None
