"""Courier's control file: one-letter records, one a line, about a queued message.

No I/O. Written by ``courier/submit2.C`` (``openctl``, ``AddReceipient``, ``closectl``); the letters are those of
``courier/libs/comctlfile.h``. Values are bytes of any kind; they become text with surrogates (PEP 383).
"""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from verdict_api.envelope import Client, Envelope, Recipient

_MAPPED = "::ffff:"  # RFC 4291 §2.5.5.2


class ControlFileError(ValueError):
    """A control file that does not say what Courier's always do; nobody can judge its message."""


@dataclass(frozen=True, slots=True)
class ControlRecipient:
    """One ``r`` record: its index counts from 0 in its own file; ``done`` if Courier already finished with it."""

    index: int
    recipient: Recipient
    done: bool


@dataclass(frozen=True, slots=True)
class ControlFile:
    """What one control file says."""

    sender: str
    queue_id: str
    recipients: tuple[ControlRecipient, ...]
    client: Client
    authenticated_user: str | None
    relay_client: bool
    source: str


@dataclass(slots=True)
class _Records:
    """The records of interest, as they are read."""

    single: dict[bytes, bytes] = field(default_factory=dict)
    environment: dict[bytes, bytes] = field(default_factory=dict)
    addresses: list[bytes] = field(default_factory=list)
    originals: list[bytes] = field(default_factory=list)
    notifies: list[bytes] = field(default_factory=list)
    done: set[int] = field(default_factory=set)


def parse_control_file(data: bytes, path: str) -> ControlFile:
    """Read one control file; unknown letters are ignored, ``path`` is for the messages.

    Raises:
        ControlFileError: no sender, no queue id, more ``R`` or ``N`` records than recipients, or a delivery
            record without an index.
    """
    records = _collect(data, path)
    for letter, meaning in ((b"s", "sender"), (b"M", "queue id")):
        if letter not in records.single:
            raise ControlFileError(f"{path}: want a record {letter.decode()} ({meaning}), found none")
    return ControlFile(
        sender=_text(records.single[b"s"]),
        queue_id=_text(records.single[b"M"]),
        recipients=_recipients(records),
        client=_client(records),
        authenticated_user=_text(records.single[b"i"]) if b"i" in records.single else None,
        relay_client=b"RELAYCLIENT" in records.environment,
        source=_text(records.single.get(b"u", b"")),
    )


def envelope_of(
    control_files: Sequence[ControlFile], host: str, message_size: int, is_local: Callable[[str], bool]
) -> Envelope:
    """Make one envelope of all control files of a message; recipients that are done are left out.

    Facts about the message stand alike in each file; its own ``M`` is what distinguishes it.
    """
    first = control_files[0]
    return Envelope(
        host=host,
        queue_id=first.queue_id,
        queue_ids=tuple(one.queue_id for one in control_files),
        sender=first.sender,
        recipients=tuple(
            replace(recipient.recipient, local=is_local(recipient.recipient.address))
            for one in control_files
            for recipient in one.recipients
            if not recipient.done
        ),
        client=first.client,
        authenticated_user=first.authenticated_user,
        relay_client=first.relay_client,
        source=first.source,
        message_size=message_size,
    )


def _collect(data: bytes, path: str) -> _Records:
    records = _Records()
    for number, line in enumerate(data.split(b"\n"), 1):
        letter, value = line[:1], line[1:]
        match letter:
            case b"s" | b"M" | b"i" | b"u" | b"f":
                # The last sender counts: it is the one that delivery uses when an earlier filter added one.
                records.single[letter] = value
            case b"O":
                name, _, content = value.partition(b"=")
                records.environment[name] = content
            case b"r":
                records.addresses.append(value)
            case b"R":
                records.originals.append(value)
            case b"N":
                records.notifies.append(value)
            case b"S" | b"F":
                records.done.add(_index(value, path, number))
    if len(records.originals) > len(records.addresses) or len(records.notifies) > len(records.addresses):
        raise ControlFileError(f"{path}: want a recipient for each R and N record")
    return records


def _index(value: bytes, path: str, number: int) -> int:
    digits = value.split(b" ", 1)[0]
    if not digits.isdigit() or len(digits) > 9:
        raise ControlFileError(f"{path}, line {number}: want a recipient's index, got {value[:40]!r}")
    return int(digits)


def _recipients(records: _Records) -> tuple[ControlRecipient, ...]:
    return tuple(
        ControlRecipient(
            index=index,
            recipient=Recipient(
                address=_text(address),
                original=_text(_at(records.originals, index)),
                notify=_text(_at(records.notifies, index)),
            ),
            done=index in records.done,
        )
        for index, address in enumerate(records.addresses)
    )


def _at(values: list[bytes], index: int) -> bytes:
    # The n-th R and N belong to the n-th r; a filter that added a bare r left the last ones out.
    return values[index] if index < len(values) else b""


def _client(records: _Records) -> Client:
    helo, name = _received_from(records.single.get(b"f", b""))
    return Client(ip=_plain_ip(records.environment.get(b"TCPREMOTEIP", b"")), name=name, helo=helo)


def _received_from(value: bytes) -> tuple[str | None, str | None]:
    """Take HELO and reverse DNS name out of ``dns; HELO (rdns [ip])``.

    Courier turns blanks in the HELO into ``_``, so the first blank ends it, whatever brackets it holds.
    """
    kind, _, rest = value.partition(b"; ")
    if kind != b"dns":
        return None, None
    helo, _, where = rest.partition(b" ")
    name, blank, _ = where.removeprefix(b"(").partition(b" ")
    return _text(helo) or None, (_text(name) or None) if blank else None


def _plain_ip(value: bytes) -> str | None:
    """Courier writes IPv4 clients as ``::ffff:192.0.2.1``; return the plain form, None if it is no address."""
    try:
        text = value.decode("ascii")
        if text.startswith(_MAPPED) and "." in text:  # what Courier writes, without the long way through IPv6
            return str(ipaddress.IPv4Address(text.removeprefix(_MAPPED)))
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
