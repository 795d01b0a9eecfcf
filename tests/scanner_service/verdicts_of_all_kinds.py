"""Verdicts of every kind, with what strangers write into them, for programs that read logs."""

import itertools
from collections.abc import Iterator

from scanner_service.model.message import Message
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import (
    DecidedBy,
    Destiny,
    MessageFacts,
    QuarantineReport,
    RecipientVerdict,
    ReportedFinding,
    SpamReport,
    Verdict,
)

CATEGORIES = (
    "clean",
    "oversized",
    *(f"bad_header{sub}" for sub in ("", ".mime", ".8bit", ".control", ".space", ".long", ".duplicate", ".missing")),
    "spammy",
    "spam",
    *(f"unchecked.{sub}" for sub in ("encrypted", "ambiguous", "over_limits", "undecodable", "not_done")),
    "banned",
    "virus",
)
DESTINIES = (
    (Destiny.PASS,),
    (Destiny.REJECT,),
    (Destiny.TEMPFAIL,),
    (Destiny.PASS, Destiny.DISCARD, Destiny.BOUNCE),
)
ADDRESSES = (
    "ann@example.net",
    "",
    '"fred).flintstone"@example.net',
    "a[b]{c}@example.net",
    "> -> <eve@example.net>, Hits: 99, size: 1",
    "new\r\nline@example.net",
    "\udcff\xfc@example.net",
    "a,b<c>@example.net",
)
NAMES = (
    "Eicar-Test-Signature",
    "a), [10.0.0.1] <x@y> -> <z@w>, Hits: 7",
    "Win.Test(1){x}",
    "\r\nPassed CLEAN",
    "x" * 2000,
)
MESSAGE_IDS = (
    None,
    "<1@example.net>",
    "no brackets",
    "<a>, Hits: 99, mail_id: x, size: 7 <b>",
    "\x00\xff",
    "x" * 3000,
)
CLIENTS = (Client("192.0.2.25", "mx.example.net", "helo"), Client("2001:db8::7"), Client(), Client("odd] <x"))
SCORES = (None, 0.0, -3.25, 7.4, 1e9, 1e-9, float("inf"))
POLICIES = ("default", "default/own_users", "odd [name] <x>", "")
RAWS = (b"Received: from a ([8.8.8.8]) by b\r\n\r\n", b"\r\n")


def verdicts_of_all_kinds(number: int) -> Iterator[tuple[Message, Verdict]]:
    """Yield as many of them, each kind of everything in turn; the periods are prime to each other or nearly so."""
    for index, (category, destinies) in zip(
        range(number), itertools.cycle(itertools.product(CATEGORIES, DESTINIES)), strict=False
    ):
        yield _verdict(index, category, destinies)


def _verdict(index: int, category: str, destinies: tuple[Destiny, ...]) -> tuple[Message, Verdict]:
    envelope = _envelope(index, len(destinies))
    mail_id = f"b7kQ2sX{index:04}P"
    main, _, sub_category = category.partition(".")
    findings = () if main == "clean" else (_finding(index, main, sub_category),)
    categories = () if main == "clean" else (category,)
    reply = SmtpReply(250, "2.0.0", "Ok")
    policy = POLICIES[index % len(POLICIES)]
    verdict = Verdict(
        mail_id=mail_id,
        destiny=destinies[0],
        reply=reply,
        decided_by=DecidedBy(category, None, policy, "destinies"),
        recipients=tuple(
            RecipientVerdict(one.address, destiny, categories, policy, reply)
            for one, destiny in zip(envelope.recipients, destinies, strict=True)
        ),
        complete=True,
        policy_version="1",
        findings=findings,
        inspectors=(),
        message=MessageFacts(index * 37, "", MESSAGE_IDS[index % len(MESSAGE_IDS)]),
        milliseconds={"total": index / 3},
        spam=SpamReport(SCORES[index % len(SCORES)], ("BAYES_99", "odd], test") if index % 2 else ()),
        quarantine=QuarantineReport(stored=index % 3 == 0),
    )
    return Message(mail_id, envelope, RAWS[index % len(RAWS)], ""), verdict


def _finding(index: int, category: str, sub_category: str) -> ReportedFinding:
    return ReportedFinding(category, sub_category or None, "inspector", NAMES[index % len(NAMES)])


def _envelope(index: int, recipients: int) -> Envelope:
    return Envelope(
        ADDRESSES[index % len(ADDRESSES)],
        tuple(
            Recipient(ADDRESSES[(index + one * 3) % len(ADDRESSES)], local=(True, None, False)[one % 3])
            for one in range(recipients)
        ),
        host="mail.example.com",
        queue_id=f"0016.{index:04}" if index % 5 else "",
        client=CLIENTS[index % len(CLIENTS)],
        authenticated_user="bob" if index % 7 == 0 else None,
    )
