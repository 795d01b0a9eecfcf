"""From facts to a judgement: each recipient's fate, brought together to one answer."""

from collections.abc import Sequence
from dataclasses import replace

from scanner_service.judge.address_change import redirect_target, with_extension
from scanner_service.judge.combine import GRAVITY, Combined, Wish, combine
from scanner_service.judge.facts import Facts
from scanner_service.judge.fate import Fate, fate_of, observed_fate
from scanner_service.judge.one_reply import reply_for
from scanner_service.judge.policy import Level, Policy
from scanner_service.judge.recipient_policy import RecipientPolicy
from scanner_service.judge.tables import AddressKeys
from scanner_service.judge.wording import alert_of, reply_in_own_words, subject_tag_of
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.judgement import Judgement, TagFacts
from verdict_api.envelope import Recipient
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import DecidedBy, Destiny, RecipientVerdict, SpamReport

_REFUSED = (Destiny.REJECT, Destiny.TEMPFAIL)
_TAKEN = (Destiny.PASS, Destiny.DISCARD)


def judge_message(facts: Facts, policy: Policy) -> Judgement:
    """Return what becomes of a message."""
    fates = _fates(facts, policy)
    if not any(fate.findings for fate in fates):
        return _unhindered(facts, policy, fates)
    judgement = _judgement(facts, policy, fates)
    observed = [observed_fate(facts, fate, everything=facts.envelope.observe) for fate in fates]
    if observed == fates:
        return judgement
    carried_out = _judgement(facts, policy, observed)
    return carried_out if _same_effect(judgement, carried_out) else replace(carried_out, would_be=judgement)


def not_kept(judgement: Judgement, mail_id: str) -> Judgement:
    """Return what becomes of a message of which a copy is due and cannot be had: its sender keeps it."""
    reply = SmtpReply(451, "4.3.0", f"Message could not be kept, id={mail_id}")
    recipients = tuple(
        replace(one, destiny=Destiny.TEMPFAIL, reply=reply, replaced_by=None, note="no copy could be kept")
        for one in judgement.recipients
    )
    return replace(
        judgement,
        destiny=Destiny.TEMPFAIL,
        reply=reply,
        recipients=recipients,
        added_recipients=(),
        notice_due=False,
    )


def bypassed_by_all(recipients: Sequence[Recipient], policy: Policy) -> frozenset[ContentCategory]:
    """Return the categories that no recipient wants looked for."""
    if not policy.bypass:
        return frozenset()
    each = [RecipientPolicy.of(policy, one) for one in recipients]
    return frozenset(category for category in ContentCategory if all(one.bypasses(category.word) for one in each))


def _fates(facts: Facts, policy: Policy) -> list[Fate]:
    addresses = dict.fromkeys((facts.envelope.sender, *facts.authors)) if policy.looks_at_senders else ()
    senders = [AddressKeys.of(address) for address in addresses]
    return [fate_of(facts, senders, RecipientPolicy.of(policy, one)) for one in facts.envelope.recipients]


def _unhindered(facts: Facts, policy: Policy, fates: Sequence[Fate]) -> Judgement:
    """Return the judgement where nothing was found, as in most mail: what follows from findings need not be asked."""
    reply = reply_for(Destiny.PASS, None, (), facts.mail_id)
    return Judgement(
        destiny=Destiny.PASS,
        reply=reply,
        decided_by=DecidedBy(ContentCategory.CLEAN.word, None, policy.name, ""),
        recipients=tuple(
            RecipientVerdict(fate.policy.keys.address, Destiny.PASS, (), policy.name, reply) for fate in fates
        ),
        spam=_spam_of(fates),
        tags=_tags(facts, policy, fates),
    )


def _judgement(facts: Facts, policy: Policy, fates: Sequence[Fate]) -> Judgement:
    redirects = [_redirect(fate) for fate in fates]
    wishes = [
        replace(fate.wish, destiny=Destiny.PASS) if redirect else fate.wish
        for fate, redirect in zip(fates, redirects, strict=True)
    ]
    combined = combine(wishes)
    taken = reply_for(Destiny.PASS, None, (), facts.mail_id)
    recipients = _without_doubles(
        [
            _recipient(fate, wish, redirect, taken if wish.destiny in _TAKEN else _refusal(facts, fate, wish.destiny))
            for fate, wish, redirect in zip(fates, combined.wishes, redirects, strict=True)
        ]
    )
    spokesman = _spokesman(fates, combined.wishes)
    delivered = [fate for fate, one in zip(fates, recipients, strict=True) if one.destiny is Destiny.PASS]
    return Judgement(
        destiny=combined.destiny,
        reply=_refusal(facts, spokesman, combined.destiny) if combined.destiny in _REFUSED else taken,
        decided_by=_decided_by(policy, spokesman),
        recipients=recipients,
        findings=tuple(dict.fromkeys(finding for fate in fates for finding in fate.findings)),
        added_recipients=_copies(fates, recipients, combined.destiny),
        spam=_spam_of(fates),
        tags=_tags(facts, policy, delivered),
        notice_due=_is_notice_due(facts, combined),
    )


def _is_notice_due(facts: Facts, combined: Combined) -> bool:
    """Tell whether somebody's mail is held back and nobody knows.

    Who is refused knows, and of a probe nobody need to.
    """
    if combined.destiny in _REFUSED or facts.envelope.probe:
        return False
    return any(not wish.may_refuse and wish.destiny is Destiny.DISCARD for wish in combined.wishes)


def _refusal(facts: Facts, fate: Fate, destiny: Destiny) -> SmtpReply:
    reply = reply_for(destiny, fate.decisive, _seen(fate), facts.mail_id)
    return reply_in_own_words(reply, facts, fate, destiny)


def _recipient(fate: Fate, wish: Wish, redirect: str | None, reply: SmtpReply) -> RecipientVerdict:
    address = fate.policy.keys.address
    because = fate.because
    replaced_by = (redirect or _extended(fate)) if wish.destiny is Destiny.PASS else None
    return RecipientVerdict(
        address=address,
        destiny=wish.destiny,
        categories=fate.categories,
        policy=fate.policy.policy.name,
        reply=reply,
        replaced_by=replaced_by if replaced_by != address else None,
        rule=because.rule if because else "",
        note=wish.changed,
    )


def _without_doubles(recipients: Sequence[RecipientVerdict]) -> tuple[RecipientVerdict, ...]:
    """Let one copy go to an address that several recipients' mail is redirected to, or that is a recipient itself."""
    taken = {_key(one.address) for one in recipients if one.destiny is Destiny.PASS and one.replaced_by is None}
    single = []
    for one in recipients:
        if one.replaced_by is not None and _key(one.replaced_by) in taken:
            note = f"{one.replaced_by} gets it already"
            one = replace(one, destiny=Destiny.DISCARD, replaced_by=None, note=note)  # noqa: PLW2901
        elif one.replaced_by is not None:
            taken.add(_key(one.replaced_by))
        single.append(one)
    return tuple(single)


def _key(address: str) -> str:
    """Return what is equal for addresses that differ by case alone: two of them are hardly two mailboxes."""
    return address.lower()


def _seen(fate: Fate) -> tuple[Finding, ...]:
    """Return the findings of the category that decided."""
    if fate.decisive is None:
        return ()
    return tuple(finding for finding in fate.follows if finding.category is fate.decisive.category)


def _spokesman(fates: Sequence[Fate], wishes: Sequence[Wish]) -> Fate:
    """Return the fate that speaks for the message: of what makes its destiny, the highest category."""

    def rank(number: int) -> tuple[int, int]:
        decisive = fates[number].decisive
        return GRAVITY.index(wishes[number].destiny), decisive.category if decisive else 0

    return fates[max(range(len(fates)), key=rank)]


def _decided_by(policy: Policy, fate: Fate) -> DecidedBy:
    decisive, because = fate.decisive, fate.because
    return DecidedBy(
        category=decisive.full_category if decisive else ContentCategory.CLEAN.word,
        inspector=decisive.inspector if decisive else None,
        policy=policy.name,
        rule=because.rule if because else "",
    )


def _redirect(fate: Fate) -> str | None:
    """Return who gets the mail instead, by the category that keeps it back, or else by the highest that has one."""
    if fate.decisive is not None and fate.wish.destiny is Destiny.TEMPFAIL:
        return None
    candidates = [fate.decisive] if fate.decisive is not None else fate.follows
    for finding in candidates:
        found = fate.policy.redirect_of(finding.full_category)
        if found is not None and not fate.policy.loves(finding.full_category):
            return redirect_target(found.value, fate.policy.keys.address)
    return None


def _extended(fate: Fate) -> str | None:
    for finding in fate.follows:
        if (found := fate.policy.extension_of(finding.full_category)) is not None:
            return with_extension(fate.policy.keys.address, found.value, fate.policy.policy.delimiter)
    return None


def _copies(fates: Sequence[Fate], recipients: Sequence[RecipientVerdict], destiny: Destiny) -> tuple[str, ...]:
    """Return who gets a copy besides the recipients; nobody gets one of what is refused."""
    if destiny in _REFUSED:
        return ()
    taken = {_key(address) for one in recipients for address in (one.address, one.replaced_by) if address}
    found = (fate.policy.copy_of(finding.full_category) for fate in fates for finding in fate.follows)
    wanted = {_key(one.value): one.value for one in found if one is not None}
    return tuple(address for key, address in wanted.items() if key not in taken)


def _spam_of(fates: Sequence[Fate]) -> SpamReport:
    return next((fate.spam.report for fate in fates if fate.spam), SpamReport())


def _tags(facts: Facts, policy: Policy, delivered: Sequence[Fate]) -> TagFacts:
    if policy.tags is False or not delivered:
        return TagFacts(wanted=False)
    tags = {subject_tag_of(facts, fate) for fate in delivered}
    levels = [level for fate in delivered if (level := fate.policy.level(Level.TAG)) is not None]
    reports = [fate.spam.report for fate in delivered if fate.spam]
    return TagFacts(
        findings=tuple(dict.fromkeys(finding for fate in delivered for finding in fate.findings)),
        spam=max(reports, key=lambda report: report.score or 0, default=SpamReport()),
        is_spam=all(_is_marked(fate) for fate in delivered),
        required=max((fate.spam.required for fate in delivered if fate.spam), default=0.0),
        tag_level=min(levels, default=None),
        subject_tag=tags.pop() if len(tags) == 1 else "",
        alert=alert_of(facts, delivered) if policy.alerts else "",
    )


def _is_marked(fate: Fate) -> bool:
    return any(one.category in (ContentCategory.SPAMMY, ContentCategory.SPAM) for one in fate.tagged)


def _same_effect(one: Judgement, other: Judgement) -> bool:
    return (one.destiny, one.recipients, one.added_recipients) == (
        other.destiny,
        other.recipients,
        other.added_recipients,
    )
