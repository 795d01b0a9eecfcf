"""What is to become of the mail of one recipient, as if there was no other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scanner_service.judge.combine import Wish
from scanner_service.judge.facts import Facts
from scanner_service.judge.policy import Level, Mixed
from scanner_service.judge.recipient_policy import RecipientPolicy
from scanner_service.judge.spam_level import SpamLevel, weigh_spam
from scanner_service.judge.tables import AddressKeys, Found, Place
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.spam_points import SpamPoints
from verdict_api.verdict import Destiny

POLICY_SAYS = "policy"  # the name in findings that the policy makes, not an inspector
OBSERVE_ALL = "all"
_BANNED = "banned"  # the inspector whose rules come in sets
_UNHINDERED = Wish(Destiny.PASS)
_HIDES = Place("", "a reading that hides a program or an archive")


@dataclass(frozen=True, slots=True)
class Fate:
    """What one recipient's policy makes of the facts.

    ``findings`` are those that count for this recipient, the worst first; ``decisive`` is the one that decided, None
    if nothing stood against the mail. ``because`` is the entry of the policy that named the destiny. ``spam`` is the
    score on this recipient's scale, None where nobody scored for it. ``follows`` are the findings that ask for a
    redirect, a copy or a tag: those that are more than told of.
    """

    policy: RecipientPolicy
    findings: tuple[Finding, ...]
    wish: Wish
    spam: SpamLevel | None = None
    decisive: Finding | None = None
    because: Found[Destiny] | None = None
    follows: tuple[Finding, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """The full categories, the worst first."""
        return tuple(dict.fromkeys(finding.full_category for finding in self.findings))

    @property
    def tagged(self) -> tuple[Finding, ...]:
        """The findings that mark the mail for its readers; a host that observes has its mail marked all the same."""
        return tuple(finding for finding in self.findings if not _is_observed(finding, self.policy))


@dataclass(frozen=True, slots=True)
class _Blocking:
    """A finding that keeps the mail from the recipient, and the entry that says so."""

    finding: Finding
    because: Found[Destiny]


def fate_of(facts: Facts, senders: Sequence[AddressKeys], policy: RecipientPolicy) -> Fate:
    """Return what becomes of the mail of this recipient; ``senders`` are the envelope's and the authors'."""
    spam = _spam(facts, senders, policy)
    findings = _findings_for(facts, senders, policy, spam)
    return _judged(facts, Fate(policy, findings, _UNHINDERED, spam, follows=findings))


def observed_fate(facts: Facts, fate: Fate, *, everything: bool) -> Fate:
    """Return the fate without what the policy, or the rule that was broken, only wants to be told of."""
    follows = () if everything else fate.tagged
    if len(follows) == len(fate.findings):
        return fate
    return _judged(facts, Fate(fate.policy, fate.findings, _UNHINDERED, fate.spam, follows=follows))


def _judged(facts: Facts, fate: Fate) -> Fate:
    """Return the fate with what those of its findings that count make of it."""
    blocking = [
        _Blocking(finding, because)
        for finding in fate.follows
        if (because := _destiny_of(finding, fate.policy)).value is not Destiny.PASS
    ]
    if not blocking:
        return fate
    worst = [one for one in blocking if one.finding.category is blocking[0].finding.category]
    # Within one category the refusal counts: a part that no engine will ever take outweighs a slow one.
    decisive = min(worst, key=lambda one: one.because.value is Destiny.TEMPFAIL)
    wish = _wish(facts, fate, decisive)
    return replace(fate, wish=wish, decisive=decisive.finding, because=decisive.because)


def _wish(facts: Facts, fate: Fate, decisive: _Blocking) -> Wish:
    policy = fate.policy.policy
    destiny, changed = decisive.because.value, ""
    if policy.soft_bounce and destiny is not Destiny.TEMPFAIL:
        destiny, changed = Destiny.TEMPFAIL, "soft_bounce"
    mixed = fate.policy.mixed_of(decisive.finding.full_category) or usual_mixed(decisive.finding.category)
    why_no_bounce = _why_no_bounce(facts, fate, decisive.finding)
    return Wish(destiny, mixed, why_no_bounce, policy.refuse is not False, changed)


def usual_mixed(category: ContentCategory) -> Mixed:
    """Return what a rejection becomes amid others where the policy does not say."""
    return Mixed.DISCARD if category >= ContentCategory.BANNED else Mixed.SOFTEST


def _findings_for(
    facts: Facts, senders: Sequence[AddressKeys], policy: RecipientPolicy, spam: SpamLevel | None
) -> tuple[Finding, ...]:
    seen = (
        *(one for one in facts.findings if _is_of(one, policy.rule_set())),
        *_of_score(senders, policy, spam),
        *_of_size(facts, policy),
    )
    if not seen:
        return ()
    kept = (finding for finding in seen if not policy.bypasses(_check_of(finding)))
    return tuple(sorted(kept, key=lambda finding: finding.category, reverse=True))


def _is_of(finding: Finding, rule_set: str) -> bool:
    return finding.inspector != _BANNED or not finding.rule or finding.rule.partition(":")[0] == rule_set


def _check_of(finding: Finding) -> str:
    """Return the category that a recipient bypasses to be rid of this finding.

    That a check was not done is nothing to whoever did not want it.
    """
    if finding.check is not None:
        return finding.check.word
    if finding.category is ContentCategory.SPAMMY:
        return ContentCategory.SPAM.word
    return finding.full_category


def _spam(facts: Facts, senders: Sequence[AddressKeys], policy: RecipientPolicy) -> SpamLevel | None:
    points = facts.spam_points
    if (found := policy.score_of(senders)) is not None:
        points = (*points, SpamPoints(f"SENDER={found.value:g}", found.value))
    if (facts.spam is None and not points) or policy.bypasses(ContentCategory.SPAM.word):
        return None
    return weigh_spam(facts.spam, points, tag2=policy.level(Level.TAG2), kill=policy.level(Level.KILL))


def _of_score(senders: Sequence[AddressKeys], policy: RecipientPolicy, spam: SpamLevel | None) -> Iterator[Finding]:
    if black := policy.is_black(senders):
        yield Finding(ContentCategory.SPAM, POLICY_SAYS, "black list", detail=f"{black.place.setting}: {black.key}")
        return
    if spam is None or spam.category is None or policy.is_white(senders):
        return
    score = spam.report.score or 0.0
    tag3 = policy.level(Level.TAG3)
    is_tag3 = spam.category is ContentCategory.SPAMMY and tag3 is not None and score >= tag3
    yield Finding(spam.category, spam.inspector, f"score {score:g}", SubCategory.TAG3 if is_tag3 else None)


def _of_size(facts: Facts, policy: RecipientPolicy) -> Iterator[Finding]:
    limit = policy.size_limit()
    if limit is not None and facts.size > limit.value:
        detail = f"{facts.size} bytes, and the limit of {limit.key} is {limit.value}"
        yield Finding(ContentCategory.OVERSIZED, POLICY_SAYS, "message too big", detail=detail)


def _destiny_of(finding: Finding, policy: RecipientPolicy) -> Found[Destiny]:
    if lover := policy.loves(finding.full_category):
        return Found(Destiny.PASS, lover.place, lover.key)
    found = policy.destiny_of(finding.full_category)
    if finding.hides and found.value is Destiny.PASS:
        return Found(Destiny.REJECT, _HIDES, ".")
    return found


def _why_no_bounce(facts: Facts, fate: Fate, decisive: Finding) -> str:
    """Return why the sender may not be told by mail: it must be somebody known, who sent this, and wants to know."""
    cutoff = fate.policy.level(Level.DSN_CUTOFF)
    score = fate.spam.report.score if fate.spam else None
    reasons = {
        "the sender is a stranger": fate.policy.policy.bounces is not True,
        "null sender": not facts.envelope.sender,
        f"nobody waits for an answer: {facts.bulk}": bool(facts.bulk),
        "a virus forges its sender": decisive.category is ContentCategory.VIRUS,
        "the sender wants no notice": "N" in fate.policy.notify,
        "the score is above dsn_cutoff": cutoff is not None and score is not None and score >= cutoff,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _is_observed(finding: Finding, policy: RecipientPolicy) -> bool:
    names = policy.policy.observe
    if finding.observed or not names:
        return finding.observed
    return bool(names & {OBSERVE_ALL, finding.full_category, finding.category.word})
