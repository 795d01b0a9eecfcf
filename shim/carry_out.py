"""Bring a verdict into effect on Courier's files, durably, before anybody is told.

Order: first the header (a new data file beside the old one, synced, renamed, its folder synced), then the control
files (one appended write each, synced), then the reply. Whatever fails on the way ends in a 4xx, and then submit
deletes all of these files: nothing half done is ever delivered.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from shim import filter_reply
from shim.control_file import ControlFile
from shim.control_records import ControlRecordError, added_recipient_record, bounce_record, discard_record
from shim.header_edit import HeaderEditError, edit_header
from shim.spool import SpoolFile, append_record, replace_header
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Decision, Destiny, RecipientVerdict


class VerdictNotCarriedOutError(Exception):
    """The verdict contradicts itself, or asks for what cannot be written; the mail is not let pass."""


@dataclass(frozen=True, slots=True)
class ReadControlFile:
    """A control file as it was read, and where it is."""

    path: bytes
    file: ControlFile


def carry_out(verdict: Decision, message: SpoolFile, control_files: Sequence[ReadControlFile]) -> SmtpReply:
    """Do what the verdict says and return the reply that is then true.

    Raises:
        VerdictNotCarriedOutError: see above.
        SpoolError: a file could not be written or synced.
    """
    check_consistent(verdict)
    if verdict.reply.code >= 300:
        return verdict.reply  # submit throws everything away
    try:
        records = _records(verdict, control_files)
        if verdict.added_recipients or any(one.destiny is Destiny.PASS for one in verdict.recipients):
            _edit_header(verdict, message)
    except (ControlRecordError, HeaderEditError) as error:
        raise VerdictNotCarriedOutError(str(error)) from error
    for path, record in records:
        append_record(path, record)
    return verdict.reply if verdict.destiny is Destiny.PASS else filter_reply.OK


def changes_nothing(verdict: Decision) -> bool:
    """Whether the reply alone carries the verdict out: everybody gets the message as it is.

    Most mail is such; what changes files has to wait for a disk.
    """
    return (
        verdict.reply.code // 100 == 2
        and not verdict.header_edits
        and not verdict.added_recipients
        and all(one.destiny is Destiny.PASS and one.replaced_by is None for one in verdict.recipients)
    )


def check_consistent(verdict: Decision) -> None:
    """A verdict whose reply and destinies disagree must not be half believed.

    Raises:
        VerdictNotCarriedOutError: they do.
    """
    destinies = {one.destiny for one in verdict.recipients}
    kind = verdict.reply.code // 100
    wrong = (
        (kind == 2 and destinies & {Destiny.REJECT, Destiny.TEMPFAIL})
        or (kind == 4 and Destiny.TEMPFAIL not in destinies)
        or (kind == 5 and (Destiny.REJECT not in destinies or destinies - {Destiny.REJECT, Destiny.DISCARD}))
    )
    if wrong:
        said = ", ".join(sorted(destinies))
        raise VerdictNotCarriedOutError(f"verdict contradicts itself: reply {verdict.reply}, destinies {said}")
    for one in verdict.recipients:
        if one.replaced_by is not None and one.destiny is not Destiny.PASS:
            raise VerdictNotCarriedOutError(
                f"verdict contradicts itself: {one.destiny} for a recipient who is replaced"
            )


def _records(verdict: Decision, control_files: Sequence[ReadControlFile]) -> list[tuple[bytes, bytes]]:
    """Return what to append to which control file."""
    now = int(time.time())
    judged = iter(verdict.recipients)
    records = []
    for control_file in control_files:
        record = b"".join(
            _record(next(judged), one.index, now) for one in control_file.file.recipients if not one.done
        )
        if control_file is control_files[-1]:
            record += b"".join(added_recipient_record(address) for address in verdict.added_recipients)
        if record:
            records.append((control_file.path, record))
    return records


def _record(recipient: RecipientVerdict, index: int, now: int) -> bytes:
    match recipient.destiny:
        case Destiny.DISCARD:
            return discard_record(index, now)
        case Destiny.BOUNCE if recipient.reply.code < 500:
            raise VerdictNotCarriedOutError(f"verdict bounces with the reply {recipient.reply}")
        case Destiny.BOUNCE:
            return bounce_record(index, now, str(recipient.reply))
        case _ if recipient.replaced_by is not None:
            return discard_record(index, now) + added_recipient_record(recipient.replaced_by)
        case _:
            return b""


def _edit_header(verdict: Decision, message: SpoolFile) -> None:
    if not verdict.header_edits:
        return
    header = message.read_header()
    edited = edit_header(header, verdict.header_edits)
    if edited != header:
        replace_header(message, len(header), edited)
