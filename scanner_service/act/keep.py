"""Keep a message before it is withheld: nothing is discarded before it is kept."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from scanner_service.model.judgement import Judgement
from scanner_service.model.message import Message
from scanner_service.storage.message_files import KEEP_SECONDS
from verdict_api.envelope import Envelope
from verdict_api.json_codec import encode_envelope, encode_verdict
from verdict_api.verdict import Destiny, Verdict


class Keeper(Protocol):
    """Whoever keeps what is to be kept, before the answer."""

    async def keep(self, message: Message, verdict: Verdict, until: float) -> Verdict:
        """Return the verdict, which says so if a copy was due and is stored; ``until`` is a time of the event loop.

        Raises:
            MessageNotKeptError: a copy is due, and there is none; the message must be answered with a tempfail.
        """
        ...


class MessageStore(Protocol):
    """Where copies go; see storage.message_files."""

    async def keep(
        self, mail_id: str, raw: bytes, facts: Mapping[str, object], limit_seconds: float = KEEP_SECONDS
    ) -> None:
        """Keep a message; it is durable when this returns."""
        ...


@dataclass(frozen=True, slots=True)
class StoreKeeper:
    """Keeps in a store what ``must_keep`` says, but no probe: nobody is to get that; see Keeper."""

    store: MessageStore

    async def keep(self, message: Message, verdict: Verdict, until: float) -> Verdict:
        """See Keeper."""
        if message.envelope.probe or not must_keep(verdict):
            return verdict
        stored = replace(verdict, quarantine=replace(verdict.quarantine, stored=True))
        limit_seconds = until - asyncio.get_running_loop().time()
        await self.store.keep(verdict.mail_id, message.raw, facts_of(message.envelope, stored), limit_seconds)
        return stored


def must_keep(verdict: Verdict | Judgement) -> bool:
    """Tell whether somebody loses the message though its sender is told that all is well.

    Who has another recipient in its place loses it if there is no such mailbox: Courier tells nobody of that.
    """
    if not 200 <= verdict.reply.code < 300:
        return False
    return any(one.destiny is not Destiny.PASS or one.replaced_by is not None for one in verdict.recipients)


def facts_of(envelope: Envelope, verdict: Verdict) -> dict[str, object]:
    """Return what is kept beside the bytes; ``kept_at`` is in Unix seconds."""
    return {
        "mail_id": verdict.mail_id,
        "kept_at": time.time(),
        "notice_due": verdict.quarantine.notice_due,
        "envelope": json.loads(encode_envelope(envelope)),
        "verdict": json.loads(encode_verdict(verdict)),
    }
