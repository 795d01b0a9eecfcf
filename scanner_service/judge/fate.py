"""What is to become of the mail of one recipient, as if there was no other."""

from collections.abc import Iterator
from dataclasses import dataclass

from scanner_service.judge.combine import Wish
from scanner_service.judge.policy import Mixed, SpamLevel
from scanner_service.judge.recipient_policy import RecipientPolicy
from scanner_service.judge.tables import AddressKeys, Found
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from verdict_api.envelope import Recipient
from verdict_api.verdict import Destiny

POLICY_SAYS = "policy"  # the name in findings that the policy makes, not an inspector


@dataclass(frozen=True, slots=True)
class Facts:
    """What judging looks at: what inspectors said, and nothing of the message itself.

    ``findings`` are all but those of size and score, which are for each recipient's policy to make. ``own_scale`` is
    the category that an engine with a scale of its own decided on; None where the score decides. ``size`` is in
    bytes. ``senders`` are the envelope's and the author's addresses. ``is_bulk``: no person waits for an answer.
    """

    findings: tuple[Finding, ...] = ()
    score: float | None = None
    engine: str = ""
    own_scale: ContentCategory | None = None
    size: int = 0
    senders: tuple[AddressKeys, ...] = ()
    is_bulk: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What one recipient's policy makes of the facts.

    ``findings`` are those that count for this recipient, the worst first; ``decisive`` is the one that decided, None
    if nothing stood against the mail. ``because`` is the entry of the policy that named the destiny.
    """

    recipient: Recipient
    findings: tuple[Finding, ...]
    wish: Wish
    decisive: Finding | None = None
    because: Found[Destiny] | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """The full categories, the worst first."""
        return tuple(dict.fromkeys(finding.full_category for finding in self.findings))


def fate_of(facts: Facts, recipient: Recipient, policy: RecipientPolicy) -> Fate:
    """Return what becomes of the mail of this recipient."""
    findings = _findings_for(facts, policy)
    blocking = [
        (finding, because)
        for finding in findings
        if (because := _destiny_of(finding, policy)).value is not Destiny.PASS
    ]
    if not blocking:
        return Fate(recipient, findings, Wish(Destiny.PASS))
    worst = blocking[0][0].category
    # Within one category the refusal counts: a part that no engine will ever take outweighs a slow one.
    decisive, because = min(
        (one for one in blocking if one[0].category is worst), key=lambda one: one[1].value is Destiny.TEMPFAIL
    )
    wish = Wish(
        Destiny.TEMPFAIL if policy.policy.soft_bounce else because.value,
        policy.mixed_of(decisive.full_category) or _usual_mixed(decisive),
        _may_bounce(facts, decisive, recipient, policy),
        "soft_bounce" if policy.policy.soft_bounce else "",
    )
    return Fate(recipient, findings, wish, decisive, because)


def _usual_mixed(decisive: Finding) -> Mixed:
    return Mixed.DISCARD if decisive.category >= ContentCategory.BANNED else Mixed.SOFTEST


def _findings_for(facts: Facts, policy: RecipientPolicy) -> tuple[Finding, ...]:
    seen = (*facts.findings, *_of_score(facts, policy), *_of_size(facts, policy))
    kept = (finding for finding in seen if not policy.bypasses(_check_of(finding)))
    return tuple(sorted(kept, key=lambda finding: finding.category, reverse=True))


def _check_of(finding: Finding) -> str:
    """Return the category that a recipient bypasses to be rid of this finding.

    A check that was not done is none of whoever did not want it.
    """
    if finding.sub_category is SubCategory.NOT_DONE:
        return finding.check.word if finding.check else finding.full_category
    return finding.full_category


def _of_score(facts: Facts, policy: RecipientPolicy) -> Iterator[Finding]:
    category, why = _spam_category(facts, policy)
    if category is not None:
        score = "" if facts.score is None else f"score {facts.score:g}"
        yield Finding(category, facts.engine or POLICY_SAYS, score or why, detail=why)


def _spam_category(facts: Facts, policy: RecipientPolicy) -> tuple[ContentCategory | None, str]:
    if black := policy.is_black(facts.senders):
        return ContentCategory.SPAM, f"black list: {black.key}"
    if policy.is_white(facts.senders) or facts.score is None:
        return None, ""
    score = facts.score + policy.score_of(facts.senders)
    if facts.own_scale is not None and score == facts.score:
        return facts.own_scale, ""
    for level, category in ((SpamLevel.KILL, ContentCategory.SPAM), (SpamLevel.TAG2, ContentCategory.SPAMMY)):
        limit = policy.level(level)
        if limit is not None and score >= limit:
            return category, f"{score:g} of {limit:g}"
    return None, ""


def _of_size(facts: Facts, policy: RecipientPolicy) -> Iterator[Finding]:
    limit = policy.size_limit()
    if limit is not None and facts.size > limit.value:
        detail = f"{facts.size} bytes, and the limit of {limit.key} is {limit.value}"
        yield Finding(ContentCategory.OVERSIZED, POLICY_SAYS, "message too big", detail=detail)


def _destiny_of(finding: Finding, policy: RecipientPolicy) -> Found[Destiny]:
    if lover := policy.loves(finding.full_category):
        return Found(Destiny.PASS, lover.table, lover.key)
    found = policy.destiny_of(finding.full_category)
    if finding.hides and found.value is Destiny.PASS:
        return Found(Destiny.REJECT, "a reading that hides a program or an archive", "")
    return found


def _may_bounce(facts: Facts, decisive: Finding, recipient: Recipient, policy: RecipientPolicy) -> bool:
    """Tell whether the sender may be told by mail: it must be somebody known, who sent this, and wants to know."""
    cutoff = policy.level(SpamLevel.DSN_CUTOFF)
    return (
        policy.policy.bounces is True
        and not facts.is_bulk
        and decisive.category is not ContentCategory.VIRUS
        and "N" not in recipient.notify
        and (cutoff is None or facts.score is None or facts.score < cutoff)
    )
