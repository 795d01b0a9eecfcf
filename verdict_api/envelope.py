"""What Courier knows about a message besides its bytes.

Text that was not UTF-8 (a Latin-1 ``MAIL FROM`` is legal for Courier) is kept with surrogates, as PEP 383 has
it, so that ``text.encode("utf-8", "surrogateescape")`` gives the exact bytes back.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient who has yet to get the message.

    ``original`` and ``notify`` are Courier's ``R`` and ``N`` records: the address before aliasing, and the DSN
    flags (``S``, ``F``, ``D``, or ``N`` for never). ``local`` is None where the asker does not know.
    """

    address: str
    original: str = ""
    notify: str = ""
    local: bool | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Who handed the message in; IPv4 addresses in their plain form, never ``::ffff:``."""

    ip: str | None = None
    name: str | None = None
    helo: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The envelope of one message, with the queue ids that Courier logs.

    ``sender`` is empty for the null sender. ``queue_ids`` has one entry for each control file; ``queue_id`` is the
    first of them. ``source`` is Courier's ``u`` record (``smtp``, ``authsmtp``, ``local``, ``smtp/dsn``).
    ``message_size`` is in bytes, None where the asker did not say. ``probe`` marks a test message of the asker's own:
    it is judged like any other, and nobody gets it. ``observe``: whatever is found, the answer lets the message pass
    and says what it would have been.
    """

    sender: str
    recipients: tuple[Recipient, ...]
    host: str = ""
    queue_id: str = ""
    queue_ids: tuple[str, ...] = ()
    client: Client = Client()
    authenticated_user: str | None = None
    relay_client: bool = False
    source: str = ""
    message_size: int | None = None
    probe: bool = False
    observe: bool = False
