"""Mail that only its reader can open: S/MIME and OpenPGP. Told by a few bytes of it; nothing is taken apart."""

import re

# The object identifiers of CMS that hide the content, with tag and length (RFC 5652 §6, RFC 5083 §1.2): what follows
# the first length of a ContentInfo is one of them.
_ENVELOPED = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
_AUTH_ENVELOPED = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
_CMS_LOOKED_AT_BYTES = 32
_ARMOUR = b"-----BEGIN PGP MESSAGE-----"
_ARMOUR_LINE = re.compile(rb"^-----BEGIN PGP MESSAGE-----[ \t]*\r?$", re.MULTILINE)
# The first packet of an encrypted message, in the old and the new form of its tag: a session key under a public key
# (1) or a passphrase (3), or the encrypted data (RFC 9580 §5). Two thirds of a byte prove nothing, so a name must say
# the same.
_PACKETS = frozenset((0x84, 0x85, 0x86, 0x8C, 0x8D, 0x8E, 0xC1, 0xC3, 0xD2, 0xD4))
_NAMES = (".pgp", ".gpg")


def is_encrypted_mail(names: tuple[str, ...], body: bytes) -> bool:
    """Tell whether the part is an encrypted S/MIME or OpenPGP message, or holds one in its text."""
    start = body[:_CMS_LOOKED_AT_BYTES]
    if start[:1] == b"\x30" and (_ENVELOPED in start or _AUTH_ENVELOPED in start):
        return True
    if _ARMOUR in body and _ARMOUR_LINE.search(body):
        return True
    return start[:1] != b"" and start[0] in _PACKETS and any(name.lower().endswith(_NAMES) for name in names)
