"""Hold a draft against the mail of some time, and tell it as lines of JSON while it goes on.

Judging takes place in a thread, a slice at a time: mail goes on being served, and nobody waits for a message with
thousands of recipients.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from scanner_service.api.draft import Draft
from scanner_service.api.records_reader import RecordsReader, Span, StoredRecord, pages
from scanner_service.judge.policy_bank import PolicyBook
from scanner_service.judge.record_codec import decision_to_fields, decode_record
from scanner_service.judge.replay import Change, replay
from scanner_service.storage.verdict_records import RecordsUnavailableError
from verdict_api.json_fields import to_json

SLICE_SECONDS = 0.02
TELL_SECONDS = 1.0


@dataclass(slots=True)
class _Tally:
    """What came of it so far; ``most_changes`` are told, the others counted."""

    most_changes: int
    judged: int = 0
    changed: int = 0
    unreadable: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, object]:
        return {
            "judged": self.judged,
            "changed": self.changed,
            "unreadable": self.unreadable,
            "by_kind": dict(self.by_kind.most_common()),
        }


async def replay_lines(
    records: RecordsReader, span: Span, draft: Draft, total: int, most_changes: int
) -> AsyncIterator[bytes]:
    """Yield what is told: the beginning, changes and progress, and the summary or the error that ended it."""
    yield _line({"total": total, "ignored": draft.ignored, "policy_version": draft.book.version})
    tally = _Tally(most_changes)
    tell_at = time.monotonic() + TELL_SECONDS
    try:
        async for page in pages(records, span):
            left = page
            while left:
                done, changes = await asyncio.to_thread(_judge_some, left, draft.book, tally)
                left = left[done:]
                if changes:
                    yield changes
                if time.monotonic() >= tell_at:
                    tell_at = time.monotonic() + TELL_SECONDS
                    yield _line({"judged": tally.judged})
    except RecordsUnavailableError as error:
        yield _line({"error": str(error), **tally.summary()})
        return
    yield _line(tally.summary())


def change_to_fields(change: Change, record: StoredRecord) -> dict[str, object]:
    """Return a change as it is told."""
    return {
        "mail_id": record.mail_id,
        "judged_at": record.judged_at,
        "queue_id": record.queue_id,
        "sender": change.envelope.sender,
        "kind": change.kind,
        "changed": change.changed,
        "before": decision_to_fields(change.before),
        "after": decision_to_fields(change.after),
    }


def _judge_some(records: Sequence[StoredRecord], book: PolicyBook, tally: _Tally) -> tuple[int, bytes]:
    """Judge records until the slice of time is over; return how many, and the lines of those that change."""
    until = time.monotonic() + SLICE_SECONDS
    lines = []
    for number, record in enumerate(records, 1):
        if (change := _judge(record, book, tally)) is not None:
            lines.append(_line(change_to_fields(change, record)))
        if time.monotonic() >= until:
            return number, b"".join(lines)
    return len(records), b"".join(lines)


def _judge(record: StoredRecord, book: PolicyBook, tally: _Tally) -> Change | None:
    """Return the change, None if there is none that is to be told."""
    try:
        change = replay(decode_record(record.facts), book)
    except ValueError:  # a CodecError, or something that no reply can be made of: others can be read all the same
        tally.unreadable += 1
        return None
    tally.judged += 1
    if change is None:
        return None
    tally.changed += 1
    tally.by_kind[change.kind] += 1
    return change if tally.changed <= tally.most_changes else None


def _line(fields: Mapping[str, object]) -> bytes:
    return to_json(fields) + b"\n"
