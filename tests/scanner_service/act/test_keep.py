"""What is kept before it is withheld, and what need not be."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from scanner_service.act.keep import StoreKeeper, must_keep
from scanner_service.model.message import Message
from scanner_service.storage.message_files import KEEP_SECONDS, MessageNotKeptError
from tests.fakes.verdicts import CLEAN_REPLY, VIRUS_REPLY, verdict_on
from tests.scanner_service.messages import EICAR_IN_BODY, ENVELOPE, message_of
from verdict_api.envelope import Envelope
from verdict_api.json_codec import encode_envelope, encode_verdict
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, QuarantineReport, RecipientVerdict, Verdict

LATER = SmtpReply(451, "4.7.1", "Content check not complete")


def verdict_with(reply: SmtpReply, *destinies: Destiny, replaced_by: str | None = None) -> Verdict:
    recipients = tuple(RecipientVerdict("b@example.com", one, (), "default", reply, replaced_by) for one in destinies)
    return replace(verdict_on(ENVELOPE, destinies[0], reply), recipients=recipients)


@pytest.mark.parametrize(
    ("reply", "destinies", "kept"),
    [
        (CLEAN_REPLY, (Destiny.PASS,), False),
        (CLEAN_REPLY, (Destiny.DISCARD,), True),
        (CLEAN_REPLY, (Destiny.BOUNCE,), True),
        (CLEAN_REPLY, (Destiny.PASS, Destiny.DISCARD), True),
        (CLEAN_REPLY, (Destiny.PASS, Destiny.REJECT), True),  # nobody tells the sender of it
        (VIRUS_REPLY, (Destiny.REJECT,), False),
        (VIRUS_REPLY, (Destiny.REJECT, Destiny.DISCARD), False),
        (LATER, (Destiny.TEMPFAIL, Destiny.DISCARD), False),
    ],
)
def test_what_somebody_loses_behind_a_2xx_is_kept(
    reply: SmtpReply, destinies: tuple[Destiny, ...], kept: bool
) -> None:
    assert must_keep(verdict_with(reply, *destinies)) is kept


def test_what_another_gets_instead_is_kept_too_as_nobody_is_told_if_there_is_no_such_mailbox() -> None:
    assert must_keep(verdict_with(CLEAN_REPLY, Destiny.PASS, replaced_by="bob-spam@example.com"))


@dataclass(slots=True)
class ListedStore:
    """A store that remembers what it was given, or is full."""

    full: bool = False
    kept: list[tuple[str, bytes, Mapping[str, object]]] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    async def keep(
        self, mail_id: str, raw: bytes, facts: Mapping[str, object], limit_seconds: float = KEEP_SECONDS
    ) -> None:
        if self.full:
            raise MessageNotKeptError("No space left on device")
        self.kept.append((mail_id, raw, facts))
        self.limits.append(limit_seconds)


def keep(store: ListedStore, verdict: Verdict, envelope: Envelope = ENVELOPE) -> Verdict:
    async def run() -> Verdict:
        message = Message("b7kQ2sX9aLmP", envelope, EICAR_IN_BODY, message_of(EICAR_IN_BODY).sha256)
        return await StoreKeeper(store).keep(message, verdict, asyncio.get_running_loop().time() + 5)

    return asyncio.run(run())


def test_a_discarded_message_is_stored_with_its_facts_and_the_verdict_says_so() -> None:
    store = ListedStore()

    verdict = keep(store, verdict_with(CLEAN_REPLY, Destiny.DISCARD))

    assert verdict.quarantine.stored
    [(mail_id, raw, facts)] = store.kept
    assert (mail_id, raw) == ("b7kQ2sX9aLmP", EICAR_IN_BODY)
    assert set(facts) == {"mail_id", "kept_at", "notice_due", "envelope", "verdict"}
    assert facts["notice_due"] is False
    assert facts["verdict"] == json.loads(encode_verdict(verdict))
    assert facts["envelope"] == json.loads(encode_envelope(ENVELOPE))
    assert 4 < store.limits[0] <= 5


def test_a_notice_that_is_due_is_noted_beside_the_copy() -> None:
    store = ListedStore()

    keep(store, replace(verdict_with(CLEAN_REPLY, Destiny.DISCARD), quarantine=QuarantineReport(notice_due=True)))

    assert store.kept[0][2]["notice_due"] is True


def test_a_delivered_message_is_not_stored() -> None:
    store = ListedStore()
    clean = verdict_with(CLEAN_REPLY, Destiny.PASS)

    assert keep(store, clean) is clean
    assert store.kept == []


def test_a_probe_is_never_stored() -> None:
    store = ListedStore(full=True)

    verdict = keep(store, verdict_with(CLEAN_REPLY, Destiny.DISCARD), replace(ENVELOPE, probe=True))

    assert not verdict.quarantine.stored


def test_a_full_store_is_told_to_the_asker() -> None:
    with pytest.raises(MessageNotKeptError, match="No space left"):
        keep(ListedStore(full=True), verdict_with(CLEAN_REPLY, Destiny.DISCARD))
