"""What Courier did to a message before a filter sees it, and how it may have looked before.

Seen with Debian's Courier 1.0.16. On top stand its own ``Received-SPF`` lines (``BOFHSPFHELO``, ``BOFHSPFMAILFROM``),
and below them its own ``Received``; a client's own ``Received-SPF`` stands further below. Address fields are written
anew, on one line, and ``<a@b>`` alone becomes ``a@b``. A missing ``To`` is added as the last field, above it the
``Received-SPF`` of ``BOFHSPFFROM``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from scanner_service.inspectors.mail_auth.fields import Field, SignedMessage
from verdict_api.envelope import Envelope

ADDRESS_FIELDS = frozenset((b"from", b"to", b"cc", b"reply-to", b"sender"))
MOST_CANDIDATES = 32
LONGEST_ADDRESSES_BYTES = 16 * 2**10

_NOBODY = b"undisclosed-recipients: ;"
_BARE = re.compile(rb"(?:(?<=[,:])|\A)([ \t\r\n]*)([^\s<>@,;:\"()]+@[^\s<>@,;:\"()]+)(?=[ \t\r\n]*(?:[,;]|\Z))")
_SPF_WORDS = {
    **{word: word for word in ("pass", "fail", "softfail", "neutral", "none")},
    "error": "temperror",
    "unknown": "permerror",
}
_SPF_VALUE = re.compile(r"([a-z]+) \([^()]*\) SPF=([A-Z]+); sender=([^;]*); remoteip=([^;]*); .*")


@dataclass(frozen=True, slots=True)
class CouriersSpf:
    """What Courier itself says of SPF: the result in the words of RFC 8601, and for which identity."""

    result: str
    identity: str
    sender: str


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A message without the lines that Courier put on top of it, and what those say of SPF."""

    message: SignedMessage
    spf: tuple[CouriersSpf, ...]


def take_off_top(message: SignedMessage, envelope: Envelope) -> ReceivedMail:
    """Take Courier's own lines off: all ``Received-SPF`` above the first ``Received``, and that.

    With other fields there, it is not as Courier has it, and nothing is taken off. What they say is believed if that
    ``Received`` has the queue id of this very message, which its sender could not know.
    """
    names = [field.name for field in message.fields]
    first = names.index(b"received") if b"received" in names else 0
    if not names or names[first] != b"received" or set(names[:first]) - {b"received-spf"}:
        return ReceivedMail(message, ())
    is_ours = _has_queue_id(message.fields[first], envelope)
    told = tuple(one for field in message.fields[:first] if is_ours and (one := _read_spf(field, envelope)))
    return ReceivedMail(replace(message, fields=message.fields[first + 1 :]), told)


def _has_queue_id(received: Field, envelope: Envelope) -> bool:
    """Whether it names the message; with several control files the first of three parts differs."""
    shown = received.unfolded.decode("ascii", "surrogateescape")
    ids = (queue_id.partition(".")[2] for queue_id in (envelope.queue_id, *envelope.queue_ids))
    return any(one and f".{one};" in shown for one in ids)


def _read_spf(field: Field, envelope: Envelope) -> CouriersSpf | None:
    """Return what it says, None if it is not about this client."""
    found = _SPF_VALUE.fullmatch(field.unfolded.decode("ascii", "surrogateescape"))
    if found is None or found[1] not in _SPF_WORDS:
        return None
    if found[4].lower().removeprefix("::ffff:") != (envelope.client.ip or "").lower():
        return None
    return CouriersSpf(_SPF_WORDS[found[1]], found[2], found[3])


def candidates(message: SignedMessage) -> Iterator[tuple[Field, ...]]:
    """Yield the header fields as they stand, then as they may have stood before Courier; all mean the same.

    Only brackets around addresses and the ``To`` that Courier adds differ, so none of them vouches for another text.
    """
    without_spf = _without_added_spf(message.fields)
    forms = [_forms(field, is_last=field is without_spf[-1]) for field in without_spf]
    changing = [number for number, one in enumerate(forms) if len(one) > 1]
    yield message.fields
    for count, choice in enumerate(product(*(forms[number] for number in changing))):
        if count >= MOST_CANDIDATES:
            return
        fields: list[Field | None] = list(without_spf)
        for number, form in zip(changing, choice, strict=True):
            fields[number] = form
        candidate = tuple(field for field in fields if field is not None)
        if candidate != message.fields:
            yield candidate


def _without_added_spf(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Take the ``Received-SPF`` of the From address off, which ``BOFHSPFFROM`` puts at the end of the header."""
    end = len(fields)
    if end and fields[-1].name == b"to" and fields[-1].unfolded == _NOBODY:
        end -= 1
    if end and fields[end - 1].name == b"received-spf" and b"SPF=FROM;" in fields[end - 1].value:
        return fields[: end - 1] + fields[end:]
    return fields


def _forms(field: Field, *, is_last: bool) -> tuple[Field | None, ...]:
    """Return the ways in which a field may have stood before; None: it was not there."""
    if field.name not in ADDRESS_FIELDS or len(field.raw) > LONGEST_ADDRESSES_BYTES:
        return (field,)
    if field.name == b"to" and field.unfolded == _NOBODY:
        without_blank = field.with_value(b" undisclosed-recipients:;")
        return (field, without_blank, None) if is_last else (field, without_blank)
    bracketed = _BARE.sub(rb"\1<\2>", field.value)
    return (field, field.with_value(bracketed)) if bracketed != field.value else (field,)
