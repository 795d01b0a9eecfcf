"""Mail that dkimpy has signed: a signer of other authors, who is also asked whether our verdict is right."""

import base64
import functools
from collections.abc import Sequence

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

DOMAIN = "example.net"
SELECTOR = "s1"
HEADER = b"""\
From: Alice <alice@example.net>
To: bob@example.com
Subject: test
Date: Sat, 08 Jun 2024 10:00:00 +0000
Message-ID: <clean@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit
"""
BODY = b"\nHello Bob,\n\n  nothing \t special here. \n\n\n"
COURIERS_RECEIVED = b"""\
Received: from client.example ([::ffff:192.0.2.25])
  by mx.test.example with ESMTP
  id 000000000000000E.000000006B03A78A.00000097; Mon, 23 Nov 2026 02:40:10 +0000
"""


@functools.cache
def private_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def key_record(bits: int = 2048) -> str:
    """Return the text that the DNS has of it."""
    public = private_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def zone(*lines: str, bits: int = 2048) -> str:
    return "\n".join((f"{SELECTOR}._domainkey.{DOMAIN} TXT {key_record(bits)}", *lines))


def signed(
    message: bytes = HEADER + BODY,
    forms: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    bits: int = 2048,
    *,
    length: bool = False,
    domain: str = DOMAIN,
    names: Sequence[bytes] | None = None,
) -> bytes:
    """Return the message with a signature on top."""
    field: bytes = dkim.sign(
        message,
        SELECTOR.encode(),
        domain.encode(),
        pem(bits),
        None,
        forms,
        length=length,
        linesep=b"\n",
        include_headers=names,
    )
    return field.replace(b"\r\n", b"\n") + message


def sealed(message: bytes, results: bytes = b"spf=pass smtp.mailfrom=example.net") -> bytes:
    """Return the message with one more set of ARC on top."""
    told = b"Authentication-Results: relay.example; " + results + b"\n"
    names = [b"from", b"to", b"subject", b"date"]
    fields = dkim.arc_sign(
        told + message, SELECTOR.encode(), DOMAIN.encode(), pem(), b"relay.example", include_headers=names
    )
    return b"".join(field.replace(b"\r\n", b"\n") for field in fields) + message


def pem(bits: int = 2048) -> bytes:
    return private_key(bits).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
