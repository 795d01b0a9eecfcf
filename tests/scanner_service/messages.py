"""Messages as the service sees them."""

import base64
import hashlib

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.mime import decode_message
from scanner_service.model.message import DecodedMessage, Message
from tests.fakes.clamd import EICAR
from verdict_api.envelope import Envelope, Recipient

ENVELOPE = Envelope(sender="a@example.net", recipients=(Recipient("b@example.com"),), queue_id="0012.4F.0001")

HEADER = b"From: a@example.net\nDate: Sat, 08 Jun 2024 10:00:00 +0000\n"
CLEAN = HEADER + b"Subject: clean\nMessage-ID: <clean@example.net>\n\nnothing in here\n"
EICAR_IN_BODY = HEADER + b"Subject: infected\n\n" + EICAR + b"\n"
EICAR_IN_ATTACHMENT = (
    HEADER + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
    b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(EICAR)
    + b"--b--\n"
)
EICAR_IN_NESTED_MESSAGE = (
    HEADER
    + b"Content-Type: multipart/mixed; boundary=o\n\n--o\n\ntext\n--o\nContent-Type: message/rfc822\n\n"
    + EICAR_IN_ATTACHMENT
    + b"--o--\n"
)


def message_of(raw: bytes) -> Message:
    return Message("b7kQ2sX9aLmP", ENVELOPE, raw, hashlib.sha256(raw).hexdigest())


def decoded(raw: bytes) -> DecodedMessage:
    return decode_message(raw, Budget.of_message(DecodeLimits(), len(raw)))
