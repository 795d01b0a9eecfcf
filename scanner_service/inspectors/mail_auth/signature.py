"""One signature over header fields and body, as DKIM and ARC have them (RFC 6376 §3 and §6, RFC 8617 §4.1)."""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scanner_service.inspectors.mail_auth.fields import Field, SignedBody
from scanner_service.inspectors.mail_auth.public_key import PublicKey
from scanner_service.inspectors.mail_auth.tag_list import TagListError, read_tags, without_value_of

LONGEST_SIGNATURE_FIELD_BYTES = 16 * 2**10
CLOCK_SLACK_SECONDS = 3600  # of the signer's clock against ours

_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9_-]{1,63}")
_SELECTOR = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")
_NUMBER = re.compile(r"\d{1,20}")
_FORMS = frozenset(("simple", "relaxed"))
_ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519", "rsa-sha1": "rsa"}


class SignatureMalformedError(Exception):
    """The field cannot be understood."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature's field says. ``body_length`` is the ``l=`` tag; ``field`` is the field itself."""

    field: Field
    domain: str
    selector: str
    algorithm: str
    hash_name: str
    header_form: str
    body_form: str
    names: tuple[bytes, ...]
    body_hash: bytes
    value: bytes
    identity_domain: str
    body_length: int | None
    is_expired: bool

    def fits_body(self, body: SignedBody) -> bool:
        """Whether the body is the one that was signed."""
        form = body.relaxed if self.body_form == "relaxed" else body.simple
        if self.body_length is not None and self.body_length > len(form):
            return False
        signed = form if self.body_length is None else memoryview(form)[: self.body_length]
        return hashlib.sha256(signed).digest() == self.body_hash

    def fits_header(self, key: PublicKey, fields: Sequence[Field]) -> bool:
        """Whether the header is the one that was signed, by the owner of the key."""
        own = Field(
            self.field.name, self.field.raw.partition(b":")[0] + b":" + without_value_of(b"b", self.field.value)
        )
        covered = [*_selected(self.names, [one for one in fields if one is not self.field]), own]
        return is_signed(key, self.value, covered, self.header_form)


def is_signed(key: PublicKey, value: bytes, fields: Iterable[Field], form: str) -> bool:
    """Whether a signature covers these fields in this order; the last one is the signature's own."""
    data = b"\r\n".join(one.relaxed() if form == "relaxed" else one.simple() for one in fields)
    return key.has_signed(value, data, hashlib.sha256(data).digest())


def read_signature(field: Field, default_form: str = "simple") -> Signature:
    """Read the field of a signature over header and body.

    Raises:
        SignatureMalformedError: see there.
    """
    tags = signature_tags(field)
    forms = tags.get("c", f"{default_form}/{default_form}").lower().partition("/")
    header_form, body_form = forms[0].strip(), forms[2].strip() or "simple"
    names = tuple(name.strip().lower().encode("ascii", "surrogateescape") for name in _wanted(tags, "h").split(":"))
    domain = domain_of(tags)
    identity_domain = tags.get("i", domain).rpartition("@")[2].lower()
    if not {header_form, body_form} <= _FORMS:
        raise SignatureMalformedError("an unknown form of canonicalization")
    if b"from" not in names:
        raise SignatureMalformedError("From is not signed")
    return Signature(
        field,
        domain,
        selector_of(tags),
        algorithm_of(tags),
        tags["a"].lower().partition("-")[2],
        header_form,
        body_form,
        names,
        base64_of(tags, "bh"),
        base64_of(tags, "b"),
        identity_domain,
        _number(tags, "l"),
        _is_expired(tags),
    )


def signature_tags(field: Field) -> dict[str, str]:
    """Return the tags of a signature's field.

    Raises:
        SignatureMalformedError: there are none to be had.
    """
    if len(field.raw) > LONGEST_SIGNATURE_FIELD_BYTES:
        raise SignatureMalformedError(f"a field of more than {LONGEST_SIGNATURE_FIELD_BYTES} bytes")
    try:
        return read_tags(field.value)
    except TagListError as error:
        raise SignatureMalformedError(str(error)) from error


def domain_of(tags: dict[str, str]) -> str:
    """Return who signed; raises SignatureMalformedError where it is no domain."""
    domain = _wanted(tags, "d").lower()
    if not _DOMAIN.fullmatch(domain):
        raise SignatureMalformedError("d= is no domain")
    return domain


def selector_of(tags: dict[str, str]) -> str:
    """Return which of the signer's keys; raises SignatureMalformedError where it is none."""
    selector = _wanted(tags, "s").lower()
    if not _SELECTOR.fullmatch(selector):
        raise SignatureMalformedError("s= is no selector")
    return selector


def algorithm_of(tags: dict[str, str]) -> str:
    """Return ``rsa`` or ``ed25519``; raises SignatureMalformedError for all others."""
    algorithm = _ALGORITHMS.get(_wanted(tags, "a").lower())
    if algorithm is None:
        raise SignatureMalformedError("an unknown algorithm")
    return algorithm


def base64_of(tags: dict[str, str], name: str) -> bytes:
    """Return the bytes of a tag; raises SignatureMalformedError where they are none."""
    try:
        return base64.b64decode("".join(_wanted(tags, name).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureMalformedError(f"{name}= is not base64") from error


def _wanted(tags: dict[str, str], name: str) -> str:
    if not tags.get(name):
        raise SignatureMalformedError(f"no {name}=")
    return tags[name]


def _number(tags: dict[str, str], name: str) -> int | None:
    if name not in tags:
        return None
    if not _NUMBER.fullmatch(tags[name]) or not tags[name].isascii():
        raise SignatureMalformedError(f"{name}= is no number")
    return int(tags[name])


def _is_expired(tags: dict[str, str]) -> bool:
    """Whether it is no longer to be believed, or not yet."""
    now = time.time()
    signed, expires = _number(tags, "t"), _number(tags, "x")
    return (expires is not None and expires + CLOCK_SLACK_SECONDS < now) or (
        signed is not None and signed - CLOCK_SLACK_SECONDS > now
    )


def _selected(names: Iterable[bytes], fields: Sequence[Field]) -> list[Field]:
    """Return what is signed, from the last field of a name upwards (RFC 6376 §5.4.2).

    A From beyond those named is taken in, too: mail programs show the first one, and the signer knew of none.
    """
    left: dict[bytes, list[Field]] = {}
    for field in fields:
        left.setdefault(field.name, []).append(field)
    selected = [left[name].pop() for name in names if left.get(name)]
    return selected + left.get(b"from", [])
