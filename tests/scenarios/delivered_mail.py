"""What stands in a Maildir, without the lines that Courier puts on top at delivery."""

import hashlib
import re
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

_FIELD = re.compile(rb"([!-9;-~]+):(.*\n(?:[ \t].*\n)*)")
_OURS = re.compile(rb"(?:X-(?:Couriergate-|Quarantine-|Spam-|Virus-Scanned:).*\n(?:[ \t].*\n)*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeliveredMail:
    """One file of a Maildir."""

    recipient: str
    content: bytes
    whole: bytes  # with the lines that Courier put on top

    def dsn_reports(self) -> list[tuple[str, str]]:
        """Return the recipients of whom a delivery status notification tells, and what became of them (RFC 3464)."""
        message = message_from_bytes(self.content)
        if message.get_param("report-type") != "delivery-status":
            return []
        reports = (part for part in message.walk() if part.get_content_type() == "text/plain")
        return [
            (report["Final-Recipient"].partition(";")[2].strip(), report["Action"])
            for report in reports
            if "Final-Recipient" in report
        ]


def read_maildir(maildir: Path, tag: bytes = b"") -> list[DeliveredMail]:
    """Return all mails; the tag is what the filter is to have put on top of them."""
    return [delivered_mail(file.read_bytes(), tag) for file in sorted(maildir.glob("new/*"))]


def delivered_mail(whole: bytes, tag: bytes) -> DeliveredMail:
    """Take Courier's three fields off, and no more: a line that the filter added stays visible."""
    delivered_to, content = _take_field(b"Delivered-To", whole)
    _, content = _take_field(b"Return-Path", content)
    on_top = tag if content.startswith(tag) else b""
    _, content = _take_field(b"Received", content.removeprefix(on_top))
    return DeliveredMail(delivered_to.strip().decode(errors="backslashreplace"), on_top + content, whole)


def our_fields(whole: bytes) -> bytes:
    """Return the fields that the filter has put above all that Courier received, whatever they say."""
    _, content = _take_field(b"Delivered-To", whole)
    _, content = _take_field(b"Return-Path", content)
    found = _OURS.match(content)
    return found[0] if found else b""


def split_at_signature(whole: bytes) -> tuple[bytes, bytes]:
    """Return what stands above the signing filter's field, and what that covers; ValueError if it was changed."""
    above, _, signed = whole.partition(b"X-Signed: sha256=")
    digest, _, covered = signed.partition(b"\n")
    if digest.decode() != hashlib.sha256(covered).hexdigest():
        raise ValueError(f"want a signature of all below it, got {digest!r}")
    return above, covered


def _take_field(name: bytes, content: bytes) -> tuple[bytes, bytes]:
    field = _FIELD.match(content)
    return (field[2], content[field.end() :]) if field and field[1] == name else (b"", content)
