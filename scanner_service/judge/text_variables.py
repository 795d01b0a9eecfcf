"""The variables of templates: plain values, each made when a template names it. docs/reference/templates.md has them.

Those of the message are there before anything is judged, those of a judgement when a reply is written, those of the
verdict behind all else.
"""

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate
from types import MappingProxyType
from typing import Generic, TypeVar

from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.header_text import address_in, header_text, oldest_public_address, received_addresses
from scanner_service.model.message import Message
from verdict_api.verdict import Destiny, InspectorStatus, ReportedFinding, SpamReport, Verdict

Source = TypeVar("Source")

LONGEST_BAR = 64
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "clean": "CLEAN",
        "oversized": "OVERSIZED",
        "bad_header": "BAD HEADER",
        "spammy": "SPAMMY",
        "spam": "SPAM",
        "unchecked": "UNCHECKED",
        "banned": "BANNED",
        "virus": "INFECTED",
    }
)


@dataclass(frozen=True, slots=True)
class Received:
    """A message, and when it came, in seconds since 1970."""

    message: Message
    unix_time: float


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known when a reply is written: for one recipient, or for all of them.

    ``category`` is the full one that decided, ``rule`` the entry of the policy; the text is about the ``recipients``.
    """

    destiny: Destiny
    category: str = "clean"
    findings: Sequence[Finding | ReportedFinding] = ()
    spam: SpamReport = field(default_factory=SpamReport)
    policy: str = ""
    rule: str = ""
    recipients: tuple[str, ...] = ()


class _Lazy(Mapping[str, object], Generic[Source]):
    """Values by name, made of one source when somebody asks."""

    __slots__ = ("_makers", "_source")

    def __init__(self, makers: Mapping[str, Callable[[Source], object]], source: Source) -> None:
        self._makers = makers
        self._source = source

    def __getitem__(self, name: str) -> object:
        return self._makers[name](self._source)

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def message_variables(message: Message, unix_time: float) -> Mapping[str, object]:
    """Return what is known of a message before it is judged; ``unix_time`` is when it came."""
    return _Lazy(_OF_MESSAGE, Received(message, unix_time))


def judged_variables(judged: Judged) -> Mapping[str, object]:
    """Return what a reply may say beyond the message."""
    return _Lazy(_OF_JUDGED, judged)


def verdict_variables(verdict: Verdict) -> Mapping[str, object]:
    """Return what is known when all is decided: that of a judgement, and what comes of it."""
    return ChainMap(
        _Lazy(_OF_VERDICT, verdict),  # type: ignore[arg-type]  # nobody writes to it
        _Lazy(_OF_JUDGED, judged_of(verdict)),  # type: ignore[arg-type]
    )


def judged_of(verdict: Verdict) -> Judged:
    """Return the part of a verdict that a reply may speak of."""
    by = verdict.decided_by
    addresses = tuple(one.address for one in verdict.recipients)
    return Judged(verdict.destiny, by.category, verdict.findings, verdict.spam, by.policy, by.rule, addresses)


def names_of(findings: Sequence[Finding | ReportedFinding], category: ContentCategory) -> list[str]:
    """Return the names of the findings in one category, each once."""
    return list(dict.fromkeys(one.name for one in findings if _word(one) == category.word))


def _word(finding: Finding | ReportedFinding) -> str:
    return finding.category.word if isinstance(finding, Finding) else finding.category


def _main(full_category: str) -> str:
    return full_category.partition(".")[0]


def _reason(judged: Judged) -> str:
    """Say what decided as the built-in replies do: spam has no names that a sender could learn from."""
    main = _main(judged.category)
    label = LABELS.get(main, main)
    names = "" if main in {"spam", "spammy"} else ", ".join(_deciding_names(judged))
    return f"{label}: {names}" if names else label


def _deciding_names(judged: Judged) -> list[str]:
    main = _main(judged.category)
    return list(dict.fromkeys(one.name for one in judged.findings if _word(one) == main))


def _categories(judged: Judged) -> list[str]:
    return list(
        dict.fromkeys(
            one.full_category
            if isinstance(one, Finding)
            else one.category + (f".{one.sub_category}" if one.sub_category else "")
            for one in judged.findings
        )
    )


def _date_utc(received: Received) -> str:
    parsed = parsedate(formatdate(received.unix_time))
    assert parsed is not None  # it is our own
    year, month, day, hour, minute, second = parsed[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def _passing_domains(verdict: Verdict) -> list[str]:
    passing = (one for one in verdict.authentication if one.method == "dkim" and one.result == "pass")
    return list(dict.fromkeys(one.domain for one in passing if one.domain))


def _addresses(verdict: Verdict, *, delivered: bool) -> list[str]:
    return [one.address for one in verdict.recipients if (one.destiny is Destiny.PASS) is delivered]


_OF_MESSAGE: Mapping[str, Callable[[Received], object]] = MappingProxyType(
    {
        "mail_id": lambda one: one.message.mail_id,
        "queue_id": lambda one: one.message.envelope.queue_id,
        "host": lambda one: one.message.envelope.host,
        "sender": lambda one: one.message.envelope.sender,
        "recipients": lambda one: [recipient.address for recipient in one.message.envelope.recipients],
        "client_ip": lambda one: one.message.envelope.client.ip or "",
        "client_name": lambda one: one.message.envelope.client.name or "",
        "client_helo": lambda one: one.message.envelope.client.helo or "",
        "user": lambda one: one.message.envelope.authenticated_user or "",
        "own_user": lambda one: bool(one.message.envelope.authenticated_user or one.message.envelope.relay_client),
        "source": lambda one: one.message.envelope.source,
        "size": lambda one: len(one.message.raw),
        "sha256": lambda one: one.message.sha256,
        "message_id": lambda one: header_text(one.message.raw, "Message-ID"),
        "resent_message_id": lambda one: header_text(one.message.raw, "Resent-Message-ID"),
        "subject": lambda one: header_text(one.message.raw, "Subject"),
        "from": lambda one: header_text(one.message.raw, "From"),
        "from_address": lambda one: address_in(header_text(one.message.raw, "From")),
        "resent_from": lambda one: header_text(one.message.raw, "Resent-From"),
        "header_sender": lambda one: header_text(one.message.raw, "Sender"),
        "resent_sender": lambda one: header_text(one.message.raw, "Resent-Sender"),
        "user_agent": lambda one: (
            header_text(one.message.raw, "User-Agent") or header_text(one.message.raw, "X-Mailer")
        ),
        "received_ips": lambda one: received_addresses(one.message.raw),
        "oldest_public_ip": lambda one: oldest_public_address(one.message.raw),
        "date": lambda one: formatdate(one.unix_time),
        "date_utc": _date_utc,
        "unix_time": lambda one: int(one.unix_time),
    }
)
_OF_JUDGED: Mapping[str, Callable[[Judged], object]] = MappingProxyType(
    {
        "recipient": lambda one: one.recipients[0] if one.recipients else "",
        "destiny": lambda one: one.destiny.value,
        "category": lambda one: _main(one.category),
        "sub_category": lambda one: one.category.partition(".")[2],
        "label": lambda one: LABELS.get(_main(one.category), "OTHER"),
        "categories": _categories,
        "reason": _reason,
        "viruses": lambda one: names_of(one.findings, ContentCategory.VIRUS),
        "banned": lambda one: names_of(one.findings, ContentCategory.BANNED),
        "banned_rules": lambda one: [each.rule for each in one.findings if _word(each) == "banned" and each.rule],
        "banned_parts": lambda one: [each.part for each in one.findings if _word(each) == "banned" and each.part],
        "bad_headers": lambda one: names_of(one.findings, ContentCategory.BAD_HEADER),
        "unchecked": lambda one: names_of(one.findings, ContentCategory.UNCHECKED),
        "found": lambda one: list(dict.fromkeys(each.name for each in one.findings)),
        "virus_engines": lambda one: list(
            dict.fromkeys(each.inspector for each in one.findings if _word(each) == "virus")
        ),
        "is_spam": lambda one: any(_word(each) in {"spam", "spammy"} for each in one.findings),
        "is_spam_to_block": lambda one: any(_word(each) == "spam" for each in one.findings),
        "spam_score": lambda one: one.spam.score,
        "spam_tests": lambda one: list(one.spam.tests),
        "spam_bar": lambda one: "*" * int(max(0.0, min(one.spam.score or 0.0, LONGEST_BAR))),
        "policy": lambda one: one.policy,
        "rule": lambda one: one.rule,
    }
)
_OF_VERDICT: Mapping[str, Callable[[Verdict], object]] = MappingProxyType(
    {
        "reply": lambda one: str(one.reply),
        "delivered": lambda one: _addresses(one, delivered=True),
        "blocked": lambda one: _addresses(one, delivered=False),
        "added_recipients": lambda one: list(one.added_recipients),
        "quarantined": lambda one: one.quarantine.stored,
        "complete": lambda one: one.complete,
        "would_be": lambda one: one.would_be.destiny.value if one.would_be else "",
        "auth": lambda one: [f"{each.method}={each.result}" for each in one.authentication],
        "dkim_domains": _passing_domains,
        "not_done": lambda one: [
            each.name for each in one.inspectors if each.status is InspectorStatus.NOT_DONE and each.reason
        ],
        "policy_version": lambda one: one.policy_version,
        "ms": lambda one: int(one.milliseconds.get("total", 0.0)),
    }
)

MESSAGE_EXAMPLES: Mapping[str, object] = MappingProxyType(
    {
        "mail_id": "b7kQ2sX9aLmP",
        "queue_id": "000000000016652A.000000006B0305D3.00004F36",
        "host": "mail.example.com",
        "sender": "ann@example.net",
        "recipients": ["bob@example.com", "eve@example.com"],
        "client_ip": "192.0.2.25",
        "client_name": "mx.example.net",
        "client_helo": "mx.example.net",
        "user": "bob",
        "own_user": True,
        "source": "smtp",
        "size": 4022,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "message_id": "<1234@example.net>",
        "resent_message_id": "<5678@example.net>",
        "subject": "Minutes of Monday",
        "from": "Ann <ann@example.net>",
        "from_address": "ann@example.net",
        "resent_from": "Zoe <zoe@example.net>",
        "header_sender": "list@example.net",
        "resent_sender": "zoe@example.net",
        "user_agent": "Mailer 1.0",
        "received_ips": ["192.0.2.25", "198.51.100.7"],
        "oldest_public_ip": "198.51.100.7",
        "date": "Mon, 02 Mar 2026 10:00:00 -0000",
        "date_utc": "2026-03-02T10:00:00Z",
        "unix_time": 1772445600,
    }
)
JUDGED_EXAMPLES: Mapping[str, object] = MappingProxyType(
    {
        "recipient": "bob@example.com",
        "destiny": "reject",
        "category": "virus",
        "sub_category": "encrypted",
        "label": "INFECTED",
        "categories": ["virus", "unchecked.encrypted"],
        "reason": "INFECTED: Eicar-Test-Signature",
        "viruses": ["Eicar-Test-Signature"],
        "banned": ["program for Windows"],
        "banned_rules": ["default/program"],
        "banned_parts": ["2/report.zip/report.exe"],
        "bad_headers": ["bad header: missing"],
        "unchecked": ["encrypted"],
        "found": ["Eicar-Test-Signature", "encrypted"],
        "virus_engines": ["clamd"],
        "is_spam": True,
        "is_spam_to_block": True,
        "spam_score": 7.4,
        "spam_tests": ["BAYES_99", "URIBL_BLACK"],
        "spam_bar": "*******",
        "policy": "default/own_users",
        "rule": "destinies.virus",
    }
)
VERDICT_EXAMPLES: Mapping[str, object] = MappingProxyType(
    {
        "reply": "550 5.7.1 Message content rejected, id=b7kQ2sX9aLmP - INFECTED: Eicar-Test-Signature",
        "delivered": ["eve@example.com"],
        "blocked": ["bob@example.com"],
        "added_recipients": ["postmaster@example.com"],
        "quarantined": True,
        "complete": True,
        "would_be": "reject",
        "auth": ["spf=pass", "dkim=pass"],
        "dkim_domains": ["example.net"],
        "not_done": ["spamd"],
        "policy_version": "7f3a0c4e9b1d2f66",
        "ms": 41,
    }
)
REPLY_EXAMPLES: Mapping[str, object] = MappingProxyType({**MESSAGE_EXAMPLES, **JUDGED_EXAMPLES})
EXAMPLES: Mapping[str, object] = MappingProxyType({**REPLY_EXAMPLES, **VERDICT_EXAMPLES})


def _least(name: str, example: object) -> object:
    """Return the least that a variable may be: nobody scored, nothing was found."""
    known = {"spam_score": None, "category": "clean", "label": "CLEAN", "reason": "CLEAN", "destiny": "pass"}
    return known.get(name, type(example)())


EMPTY: Mapping[str, object] = MappingProxyType({name: _least(name, example) for name, example in EXAMPLES.items()})
