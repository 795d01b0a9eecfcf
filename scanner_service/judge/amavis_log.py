"""A verdict in the form of amavisd-new's log line, for programs that read it, as logwatch does.

Mail that some get and some do not has two lines, as there. The form is that of its ``$log_short_templ``; where
logwatch (scripts/services/amavis) knows less than amavisd-new writes, what logwatch knows.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from scanner_service.judge.categories import SUB_CATEGORIES
from scanner_service.model.finding import ContentCategory
from scanner_service.model.header_text import oldest_public_address
from scanner_service.model.message import Message
from verdict_api.envelope import Envelope, Recipient
from verdict_api.printable import printable
from verdict_api.verdict import Destiny, RecipientVerdict, Verdict

LISTED_RECIPIENTS = 10
LISTED_TESTS = 50
VALUE_LIMIT_CHARACTERS = 256

_CATEGORIES = {one.word: one for one in ContentCategory}
_WORDS = {
    ContentCategory.CLEAN.word: "CLEAN",
    ContentCategory.OVERSIZED.word: "OVERSIZED",
    ContentCategory.SPAMMY.word: "SPAMMY",
    ContentCategory.SPAM.word: "SPAM",
    ContentCategory.UNCHECKED.word: "UNCHECKED",  # logwatch knows no UNCHECKED-ENCRYPTED: "unchecked:" tells it
}
_BAD_HEADERS = SUB_CATEGORIES[ContentCategory.BAD_HEADER]  # amavisd-new numbers them in this order
_ACTIONS = {
    Destiny.PASS: "Accepted",
    Destiny.REJECT: "Rejected",
    Destiny.BOUNCE: "Bounced",
    Destiny.DISCARD: "Discarded",
    Destiny.TEMPFAIL: "TempFailed",
}
_STRUCTURE = re.compile(r"[(){}<>\[\]]")  # would end what it stands in, and begin a field of a stranger's
_NOT_IN_ADDRESS = re.compile(r"[<> ]")
_NO_TEST = re.compile(r"[^!-+\--Z^-~]")

_Pairs = Sequence[tuple[Recipient, RecipientVerdict]]


def amavis_lines(message: Message, verdict: Verdict) -> tuple[str, ...]:
    """Return the lines of one message, none for a test message: it is no mail, and would be counted as such."""
    if message.envelope.probe:
        return ()
    pairs = tuple(zip(message.envelope.recipients, verdict.recipients, strict=True))
    passed = [pair for pair in pairs if pair[1].destiny is Destiny.PASS]
    blocked = [pair for pair in pairs if pair[1].destiny is not Destiny.PASS]
    oldest = oldest_public_address(message.raw)
    lines = []
    if passed:
        lines.append(
            f"Passed {_passed_category(passed, verdict)}{_rest(message, verdict, passed, oldest, not blocked)}"
        )
    if blocked:
        category = _shown_category(verdict.decided_by.category, verdict)
        lines.append(f"Blocked {category}{_rest(message, verdict, blocked, oldest, True)}")
    return tuple(lines)


def _passed_category(pairs: _Pairs, verdict: Verdict) -> str:
    """Return the worst of what they get all the same."""
    worst = max((one for _, recipient in pairs for one in recipient.categories), key=_rank, default="clean")
    return _shown_category(worst, verdict)


def _rank(full_category: str) -> int:
    return _CATEGORIES.get(full_category.partition(".")[0], 0)


def _shown_category(full_category: str, verdict: Verdict) -> str:
    word, _, sub_category = full_category.partition(".")
    match _CATEGORIES.get(word):
        case ContentCategory.VIRUS:
            return f"INFECTED ({_names(verdict, word)})"
        case ContentCategory.BANNED:
            return f"BANNED ({_names(verdict, word)})"
        case ContentCategory.BAD_HEADER:
            known = [one.value for one in _BAD_HEADERS]
            return f"BAD-HEADER-{known.index(sub_category) + 1 if sub_category in known else 0}"
        case _:
            return _WORDS.get(word, "OTHER")


def _names(verdict: Verdict, category: str) -> str:
    names = dict.fromkeys(one.name for one in verdict.findings if one.category == category)
    return _cut(", ".join(_STRUCTURE.sub("_", printable(_cut(name))) for name in list(names)[:LISTED_TESTS]))


def _rest(message: Message, verdict: Verdict, pairs: _Pairs, oldest: str, tells_quarantine: bool) -> str:
    envelope = message.envelope
    quarantined = tells_quarantine and verdict.quarantine.stored
    who = " ".join(_who(envelope, pairs, oldest))
    recipients = _list_recipients([recipient.address for recipient, _ in pairs])
    facts = ", ".join(f"{name}: {value}" for name, value in _facts(message, verdict, quarantined=quarantined))
    actions = ",".join(_actions(envelope, pairs, quarantined=quarantined))
    ms = max(0, round(verdict.milliseconds.get("total", 0.0)))
    return f" {{{actions}}}, {who} {_address(envelope.sender)} -> {recipients}, {facts}, {ms} ms"


def _who(envelope: Envelope, pairs: _Pairs, oldest: str) -> Iterator[str]:
    """Yield policy banks and the addresses of who handed it in, and of who sent it in the first place."""
    policy = next((recipient.policy for _, recipient in pairs if recipient.policy), "default")
    yield _STRUCTURE.sub("_", printable(_cut(policy))).replace(" ", "_")
    if _is_own(envelope):
        yield "LOCAL"
    if envelope.client.ip:
        yield f"[{_STRUCTURE.sub('_', printable(_cut(envelope.client.ip)))}]"
    if oldest:
        yield f"[{oldest}]"


def _actions(envelope: Envelope, pairs: _Pairs, *, quarantined: bool) -> Iterator[str]:
    yield from dict.fromkeys(
        _ACTIONS[verdict.destiny] + _direction(recipient, own=_is_own(envelope)) for recipient, verdict in pairs
    )
    if quarantined:
        yield "Quarantined"


def _is_own(envelope: Envelope) -> bool:
    return bool(envelope.authenticated_user or envelope.relay_client)


def _direction(recipient: Recipient, *, own: bool) -> str:
    """Return where it goes; whoever Courier did not say is local is taken for what is usual with such a sender."""
    if own:
        return "Internal" if recipient.local else "Outbound"
    return "OpenRelay" if recipient.local is False else "Inbound"


def _facts(message: Message, verdict: Verdict, *, quarantined: bool) -> Iterator[tuple[str, str]]:
    if quarantined:
        yield "quarantine", verdict.mail_id
    if message.envelope.queue_id:
        yield "Queue-ID", _word(message.envelope.queue_id)
    if verdict.message.message_id:
        yield "Message-ID", _address(verdict.message.message_id)
    yield "mail_id", verdict.mail_id
    yield "Hits", _hits(verdict.spam.score)
    yield "size", str(verdict.message.size)
    if verdict.spam.tests:
        yield "Tests", f"[{','.join(_NO_TEST.sub('_', one)[:60] for one in verdict.spam.tests[:LISTED_TESTS])}]"
    if unchecked := _sub_categories(verdict, "unchecked"):
        yield "unchecked", "/".join(unchecked)
    if verdict.would_be is not None:
        yield "would_be", verdict.would_be.destiny.value


def _sub_categories(verdict: Verdict, category: str) -> list[str]:
    found = (one.sub_category for one in verdict.findings if one.category == category)
    return list(dict.fromkeys(_word(one) for one in found if one))


def _hits(score: float | None) -> str:
    """Return the score without an exponent; ``-`` where nobody scored."""
    if score is None or not math.isfinite(score):
        return "-"
    return f"{round(score, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def _list_recipients(addresses: Sequence[str]) -> str:
    listed: Iterable[str] = [_address(one) for one in addresses[:LISTED_RECIPIENTS]]
    rest = len(addresses) - LISTED_RECIPIENTS
    return ",".join(listed) + (f",<+{rest}>" if rest > 0 else "")


def _address(text: str) -> str:
    """Return it in one pair of angle brackets; without a blank in it, nobody takes it for more than one field."""
    shown = printable(_cut(text.removeprefix("<").removesuffix(">")))
    return f"<{_NOT_IN_ADDRESS.sub(_escaped, shown)}>"


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


def _word(text: str) -> str:
    return _STRUCTURE.sub("_", printable(_cut(text))).replace(" ", "_").replace(",", "_")


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT_CHARACTERS else text[: VALUE_LIMIT_CHARACTERS - 3] + "..."
