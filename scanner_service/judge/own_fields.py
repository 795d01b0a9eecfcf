"""Which header fields are ours, and which of them somebody else has written into a message.

Recipes of recipients rely on them, so a stranger's must go. What is looked at is a stranger's header: bytes, searched
and never parsed, because most mail has none of these and must not be held up.
"""

import re

from scanner_service.model.message import header_and_body

SPAM_FLAG, SPAM_SCORE, SPAM_LEVEL, SPAM_STATUS = "X-Spam-Flag", "X-Spam-Score", "X-Spam-Level", "X-Spam-Status"
MAIL_ID, ALERT, WOULD_BE = "X-Couriergate-Id", "X-Couriergate-Alert", "X-Couriergate-Would-Be"
VIRUS_SCANNED, QUARANTINE_ID = "X-Virus-Scanned", "X-Quarantine-ID"
SPAM_FIELDS = (SPAM_FLAG, SPAM_SCORE, SPAM_LEVEL, SPAM_STATUS)

LISTED_NAMES = 50  # of strangers' X-Couriergate-…; our own come first
_HINTS = (
    b"x-spam-",
    b"x-couriergate-",
    b"x-virus-",
    b"x-quarantine-",
)  # a search by pattern takes twenty times as long
# A bare CR ends a line for some readers, as docs/decisions/0009 has it.
_FIELD = re.compile(
    rb"[\r\n](x-(?:spam-(?:flag|score|level|status)|couriergate-[!-9;-~]{1,60}|virus-scanned|quarantine-id))[ \t]*:"
)
_OURS = {name.lower(): name for name in (*SPAM_FIELDS, MAIL_ID, ALERT, WOULD_BE, VIRUS_SCANNED, QUARANTINE_ID)}


def own_fields_in(raw: bytes) -> tuple[str, ...]:
    """Return the names of ours that the header of a message has, each once, those that we write ourselves first."""
    header = b"\n" + raw[: header_and_body(raw, len(raw))[0]].lower()
    if not any(hint in header for hint in _HINTS):
        return ()
    found = dict.fromkeys(name.decode("ascii") for name in _FIELD.findall(header))
    named = [_OURS.get(name, name) for name in sorted(found, key=lambda name: name not in _OURS)]
    return tuple(named[:LISTED_NAMES])
