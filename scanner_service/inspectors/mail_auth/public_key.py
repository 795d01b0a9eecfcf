"""Public keys out of the DNS (RFC 6376 §3.6, RFC 8301, RFC 8463), and whether a signature is theirs.

OpenSSL does the arithmetic, through ``cryptography``; which sizes it gets is decided here, as a stranger chose them.
"""

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from scanner_service.clients.dns_resolver import RecordKind
from scanner_service.inspectors.mail_auth.lookups import Lookups
from scanner_service.inspectors.mail_auth.tag_list import TagListError, read_tags

SHORTEST_RSA_BITS = 1024  # RFC 8301 §3.2
LONGEST_RSA_BITS = 8192  # 4096 is what anybody uses; time grows with the square
LONGEST_EXPONENT_BITS = 33
LONGEST_KEY_BYTES = 2048


class KeyUnusableError(Exception):
    """There is no key, or none that fits; trying again will not help."""


class KeyRefusedError(Exception):
    """There is a key, and what it signs is not to be believed."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, and what its owner says of its use. ``is_test``: signatures are to count as none."""

    key: RSAPublicKey | Ed25519PublicKey
    is_test: bool = False
    exact_domain: bool = False

    def has_signed(self, signature: bytes, data: bytes, digest: bytes) -> bool:
        """Check a signature over data (RSA), or over the SHA-256 of it (Ed25519: RFC 8463 §3)."""
        try:
            if isinstance(self.key, RSAPublicKey):
                self.key.verify(signature, data, PKCS1v15(), SHA256())
            else:
                self.key.verify(signature, digest)
        except InvalidSignature:
            return False
        return True


def find_key(domain: str, selector: str, algorithm: str, lookups: Lookups) -> PublicKey:
    """Return the key that a signature names; ``algorithm`` is ``rsa`` or ``ed25519``.

    Raises:
        KeyUnusableError, KeyRefusedError: see there.
        DnsUnavailableError: it could not be looked up.
    """
    records = lookups.look_up(f"{selector}._domainkey.{domain}", RecordKind.TXT)
    records = tuple(record for record in records if b"p=" in record)
    if not records:
        raise KeyUnusableError("no key")
    try:
        tags = read_tags(records[0])
    except TagListError as error:
        raise KeyUnusableError(f"key record: {error}") from error
    if tags.get("v", "DKIM1") != "DKIM1" or tags.get("k", "rsa") != algorithm:
        raise KeyUnusableError(f"the key is not for {algorithm}")
    if "sha256" not in _listed(tags.get("h", "sha256")) or not {"*", "email"} & _listed(tags.get("s", "*")):
        raise KeyUnusableError("the key is not for this use")
    flags = _listed(tags.get("t", ""))
    return PublicKey(_load(tags.get("p", ""), algorithm), "y" in flags, "s" in flags)


def _listed(text: str) -> set[str]:
    return {one.strip() for one in text.split(":")}


def _load(text: str, algorithm: str) -> RSAPublicKey | Ed25519PublicKey:
    if not text:
        raise KeyUnusableError("the key is revoked")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        if len(data) > LONGEST_KEY_BYTES:
            raise KeyRefusedError(f"a key of {len(data)} bytes")
        key = Ed25519PublicKey.from_public_bytes(data) if algorithm == "ed25519" else load_der_public_key(data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusableError("the key cannot be read") from error
    if isinstance(key, Ed25519PublicKey):
        return key
    if not isinstance(key, RSAPublicKey):
        raise KeyUnusableError(f"the key is not for {algorithm}")
    _refuse_bad_sizes(key)
    return key


def _refuse_bad_sizes(key: RSAPublicKey) -> None:
    if not SHORTEST_RSA_BITS <= key.key_size <= LONGEST_RSA_BITS:
        raise KeyRefusedError(f"an RSA key of {key.key_size} bits")
    if key.public_numbers().e.bit_length() > LONGEST_EXPONENT_BITS:
        raise KeyRefusedError("an RSA key with a long exponent")
