"""What kind of mail it is: who wrote it, and whether a person waits for an answer.

It looks at a stranger's header: any bytes, in a bounded time, and never an error.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from scanner_service.model.address_list import addresses_in
from scanner_service.model.mailbox import split_address
from scanner_service.model.named_fields import named_values

MOST_AUTHOR_FIELDS = 5  # of From and Sender together; the standard has one of each
MOST_AUTHORS = 20  # each is looked up in the policy's tables

_LIST_FIELDS = {
    b"list-id": "List-Id",
    b"list-post": "List-Post",
    b"list-unsubscribe": "List-Unsubscribe",
    b"mailing-list": "Mailing-List",
}
_PRECEDENCE, _AUTO_SUBMITTED, _FROM = b"precedence", b"auto-submitted", b"from"
_BULK_PRECEDENCES = frozenset((b"bulk", b"list", b"junk", b"auto-reply", b"auto_reply"))
_FIRST_WORD = re.compile(rb"[^\s;(]*")  # what comes behind it are parameters and comments (RFC 3834 §5)
_LIST_SENDER = re.compile(
    r"owner-.+|.+-(?:owner|request)|(?:.+-)?bounces?(?:[-+=].*)?|listserv|majordomo|mailer-daemon|postmaster",
    re.DOTALL,
)
_MAIL_SYSTEMS = frozenset(("mailer-daemon", "postmaster"))


def author_addresses(header: bytes) -> tuple[str, ...]:
    """Return the addresses of From, then those of Sender, each once; none where there is nothing that makes sense.

    All From fields count: mail programs do not agree on which one to show.
    """
    values = named_values(header, (_FROM, b"sender"))
    fields = (*values[_FROM], *values[b"sender"])[:MOST_AUTHOR_FIELDS]
    authors = dict.fromkeys(address for field in fields for address in addresses_in(field))
    return tuple(authors)[:MOST_AUTHORS]


def is_bulk(header: bytes, sender: str) -> str:
    """Return why no person waits for an answer to this mail (RFC 3834 §2), empty if one may.

    The reason is in words of ours. ``sender`` is the envelope's.
    """
    if not sender:
        return "null sender"
    if _LIST_SENDER.fullmatch(_local_part(sender)):
        return "sender of a list or mail system"
    values = named_values(header, (*_LIST_FIELDS, _PRECEDENCE, _AUTO_SUBMITTED, _FROM))
    return _of_a_list(values) or _automatic(values) or _of_a_mail_system(values[_FROM])


def _of_a_list(values: Mapping[bytes, Sequence[bytes]]) -> str:
    fields = (shown for name, shown in _LIST_FIELDS.items() if values[name])
    return next(fields, "")


def _automatic(values: Mapping[bytes, Sequence[bytes]]) -> str:
    bulk = (word for word in _first_words(values[_PRECEDENCE]) if word in _BULK_PRECEDENCES)
    if (word := next(bulk, None)) is not None:
        return f"Precedence {word.decode('ascii')}"
    return "Auto-Submitted" if any(word != b"no" for word in _first_words(values[_AUTO_SUBMITTED])) else ""


def _of_a_mail_system(fields: Sequence[bytes]) -> str:
    authors = (_local_part(address) for field in fields[:MOST_AUTHOR_FIELDS] for address in addresses_in(field))
    return next((f"From {author}" for author in authors if author in _MAIL_SYSTEMS), "")


def _first_words(values: Iterable[bytes]) -> list[bytes]:
    return [found[0].lower() for value in values if (found := _FIRST_WORD.match(value))]


def _local_part(address: str) -> str:
    return split_address(address)[0].lower()
