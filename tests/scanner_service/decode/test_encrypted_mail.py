"""Encrypted mail is told from signed mail, from keys, and from talk about it."""

import pytest

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.encrypted_mail import is_encrypted_mail
from scanner_service.decode.mime import decode_message
from scanner_service.model.message import PartMark

ENVELOPED = b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x82\x00\xf1"
INDEFINITE = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80"
AUTH_ENVELOPED = b"\x30\x82\x01\x00\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17\xa0\x82\x00\xf1"
SIGNED = b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x82\x00\xf1"
ARMOURED = b"Hello,\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"


@pytest.mark.parametrize(
    ("body", "names", "encrypted"),
    [
        (ENVELOPED, (), True),
        (INDEFINITE, (), True),
        (AUTH_ENVELOPED, (), True),
        (SIGNED, ("smime.p7m",), False),
        (ARMOURED, (), True),
        (ARMOURED.replace(b"\n", b"\r\n"), (), True),
        (b"> -----BEGIN PGP MESSAGE-----\n", (), False),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", (), False),
        (b"-----BEGIN PGP SIGNED MESSAGE-----\n", (), False),
        (b"\x85\x01\x0c\x03", ("letter.txt.GPG",), True),
        (b"\x85\x01\x0c\x03", ("letter.txt",), False),
        (b"\x99\x01\x0d\x04", ("key.gpg",), False),
        (b"", ("empty.gpg",), False),
    ],
)
def test_encrypted_mail_is_told_by_its_bytes(body: bytes, names: tuple[str, ...], encrypted: bool) -> None:
    assert is_encrypted_mail(names, body) is encrypted


def test_a_part_bears_the_mark() -> None:
    raw = b"Content-Type: text/plain\n\n" + ARMOURED

    (part,) = decode_message(raw, Budget.of_message(DecodeLimits(), len(raw))).parts

    assert part.marks == {PartMark.ENCRYPTED}
