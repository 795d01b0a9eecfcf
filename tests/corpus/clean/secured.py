"""Signed and encrypted mail: S/MIME, OpenPGP, and files under a password."""

import base64

from tests.corpus.clean import files
from tests.corpus.clean.compose import (
    alternative,
    attached,
    encoded,
    entity,
    in_base64,
    mail,
    mixed,
    multipart,
    plain,
    quoted,
    random_bytes,
)
from tests.corpus.clean.message import Shelf

MESSAGES = Shelf()

_NOBODY_CAN_LOOK = "only its reader has the key: it passes, and is tagged as what nobody could look into"


def _armored(kind: str, length: int = 300) -> str:
    text = base64.b64encode(random_bytes(kind, length)).decode("ascii")
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN PGP {kind}-----\n\n{lines}\n=aB3d\n-----END PGP {kind}-----\n"


@MESSAGES.clean
def smime_signed_in_the_clear() -> bytes:
    """The signature is a part beside the text; 7bit inside, because nobody may change it."""
    signature = attached(files.cms(2), "application/pkcs7-signature", "smime.p7s")
    return mail(
        multipart(
            "signed",
            quoted(),
            signature,
            boundary="----ABCDEF0123456789",
            parameters=' protocol="application/pkcs7-signature"; micalg="sha-256";',
            preamble="This is an S/MIME signed message\n\n",
        )
    )


@MESSAGES.clean
def smime_signed_with_old_type() -> bytes:
    """x-pkcs7-signature, and attachments inside of what is signed."""
    inner = mixed(attached(files.pdf(), "application/pdf", "contract.pdf"), boundary="inner-signed")
    signature = attached(files.cms(2), "application/x-pkcs7-signature", "smime.p7s")
    return mail(
        multipart(
            "signed",
            inner,
            signature,
            boundary="outer-signed",
            parameters=' protocol="application/x-pkcs7-signature"; micalg=sha1;',
        )
    )


@MESSAGES.clean
def smime_signed_opaquely() -> bytes:
    """The text itself is inside the signature, readable by everybody with S/MIME."""
    return mail(
        in_base64(
            files.cms(2),
            'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"\n'
            'Content-Disposition: attachment; filename="smime.p7m"',
        )
    )


@MESSAGES.tagged("unchecked.encrypted", argument=_NOBODY_CAN_LOOK)
def smime_enveloped() -> bytes:
    """The whole message is encrypted."""
    return mail(
        in_base64(
            files.cms(3),
            'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\n'
            'Content-Disposition: attachment; filename="smime.p7m"',
        )
    )


@MESSAGES.clean
def certificate_as_file() -> bytes:
    """A certificate in both its forms."""
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(files.cms(1)) + b"-----END CERTIFICATE-----\n"
    return mail(
        mixed(
            attached(files.cms(1), "application/pkix-cert", "office.cer"),
            attached(pem, "application/x-x509-ca-cert", "office.pem"),
        )
    )


@MESSAGES.clean
def pgp_signed() -> bytes:
    """The signature is a text with a name (RFC 3156)."""
    signature = entity(
        'Content-Type: application/pgp-signature; name="signature.asc"\n'
        "Content-Description: OpenPGP digital signature\n"
        'Content-Disposition: attachment; filename="signature.asc"',
        _armored("SIGNATURE"),
    )
    protected = multipart("mixed", quoted(), boundary="inner-pgp", parameters=' protected-headers="v1";')
    return mail(
        multipart(
            "signed",
            protected,
            signature,
            boundary="outer-pgp",
            parameters=' micalg=pgp-sha512; protocol="application/pgp-signature";',
        )
    )


@MESSAGES.tagged("unchecked.encrypted", argument=_NOBODY_CAN_LOOK)
def pgp_encrypted() -> bytes:
    """Version and data as two parts (RFC 3156)."""
    version = entity("Content-Type: application/pgp-encrypted\nContent-Description: PGP/MIME version", "Version: 1\n")
    data = entity(
        'Content-Type: application/octet-stream; name="encrypted.asc"\n'
        'Content-Disposition: inline; filename="encrypted.asc"',
        _armored("MESSAGE"),
    )
    return mail(
        multipart(
            "encrypted",
            version,
            data,
            boundary="pgp",
            parameters=' protocol="application/pgp-encrypted";',
            preamble="This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\n",
        ),
        subject="...",
    )


@MESSAGES.tagged("unchecked.encrypted", argument=_NOBODY_CAN_LOOK)
def pgp_encrypted_inline() -> bytes:
    """An armoured message as the text."""
    return mail(plain(_armored("MESSAGE")))


@MESSAGES.tagged("unchecked.encrypted", argument=_NOBODY_CAN_LOOK)
def pgp_encrypted_file() -> bytes:
    """A file that was encrypted before it was attached; binary, not armoured."""
    packet = b"\x85\x02\x0c\x03" + random_bytes("pgp", 524)
    return mail(mixed(attached(packet, "application/pgp-encrypted", "figures.pdf.gpg")))


@MESSAGES.clean
def pgp_signed_inline() -> bytes:
    """Dashes escaped by dashes."""
    text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nGood morning\n- -- \nAnna\n"
    return mail(plain(text + _armored("SIGNATURE")))


@MESSAGES.clean
def pgp_key_as_file() -> bytes:
    """A public key as text and in binary."""
    return mail(
        mixed(
            attached(_armored("PUBLIC KEY BLOCK", 2000).encode(), "application/pgp-keys", "key.asc"),
            attached(b"\x99\x01\x0d\x04" + random_bytes("key", 300), "application/octet-stream", "pubring.gpg"),
        )
    )


@MESSAGES.clean
def autocrypt_field() -> bytes:
    """A key in a header field of two kilobytes."""
    key = base64.b64encode(random_bytes("autocrypt", 1500)).decode("ascii")
    folded = "\n ".join(key[start : start + 74] for start in range(0, len(key), 74))
    return mail(alternative(), more=f"Autocrypt: addr=anna@example.org; keydata=\n {folded}\n")


@MESSAGES.tagged("unchecked.encrypted", argument=_NOBODY_CAN_LOOK)
def zip_under_a_password() -> bytes:
    """A payslip in an encrypted ZIP file: its name can be read, and is harmless."""
    return mail(
        mixed(attached(files.encrypted_zip("payslip.pdf", files.pdf()), "application/zip", "payslip.zip")),
        subject="Your payslip",
    )


@MESSAGES.tagged("unchecked.encrypted", argument=_NOBODY_CAN_LOOK)
def pdf_under_a_password() -> bytes:
    """A bank's statement: encrypted, as all of them are."""
    return mail(mixed(attached(files.encrypted_pdf("harbour"), "application/pdf", "statement.pdf")))


@MESSAGES.clean
def pdf_that_only_forbids_changes() -> bytes:
    """Encrypted with an empty password: everybody can read it, no program may change it."""
    return mail(mixed(attached(files.encrypted_pdf(""), "application/pdf", "form.pdf")))


@MESSAGES.clean
def timestamp_token() -> bytes:
    """A token of a time stamping service, ASN.1 with no key to open."""
    return mail(mixed(attached(files.cms(2), "application/timestamp-reply", "contract.pdf.tsr")))


@MESSAGES.clean
def secure_mail_by_portal() -> bytes:
    """A page as attachment with a long base64 value in it, to be opened in a browser."""
    value = base64.b64encode(random_bytes("portal", 6000)).decode("ascii")
    page = (
        f'<html><body><form action="https://portal.example.com/"><input type="hidden" name="m" '
        f'value="{value}"></form></body></html>\n'
    )
    return mail(mixed(attached(encoded(page), "text/html", "securedoc.html")))
