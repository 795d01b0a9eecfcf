"""What stands in a Maildir, without the lines that Courier puts on top at delivery."""

import re
from dataclasses import dataclass
from pathlib import Path

_FIELD = re.compile(rb"([!-9;-~]+):(.*\n(?:[ \t].*\n)*)")
_COURIERS_OWN = (b"Delivered-To", b"Return-Path", b"Received")


@dataclass(frozen=True, slots=True)
class DeliveredMail:
    """One file of a Maildir."""

    recipient: str
    content: bytes


def read_maildir(maildir: Path) -> list[DeliveredMail]:
    return [_delivered_mail(file.read_bytes()) for file in sorted(maildir.glob("new/*"))]


def _delivered_mail(content: bytes) -> DeliveredMail:
    """Take Courier's three fields off, and no more: a line that the filter added stays visible."""
    recipient = ""
    for name in _COURIERS_OWN:
        field = _FIELD.match(content)
        if field is None or field[1] != name:
            break
        if name == b"Delivered-To":
            recipient = field[2].strip().decode(errors="backslashreplace")
        content = content[field.end() :]
    return DeliveredMail(recipient, content)
