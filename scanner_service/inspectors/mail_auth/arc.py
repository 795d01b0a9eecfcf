"""ARC: whether the chain of those who passed a message on holds (RFC 8617 §5.2)."""

import re
from dataclasses import dataclass

from scanner_service.clients.dns_resolver import DnsUnavailableError
from scanner_service.inspectors.mail_auth.dkim import fits_header
from scanner_service.inspectors.mail_auth.fields import Field, SignedMessage
from scanner_service.inspectors.mail_auth.lookups import Lookups
from scanner_service.inspectors.mail_auth.public_key import KeyRefusedError, KeyUnusableError, find_key
from scanner_service.inspectors.mail_auth.signature import (
    SignatureMalformedError,
    algorithm_of,
    base64_of,
    domain_of,
    is_signed,
    read_signature,
    selector_of,
    signature_tags,
)
from scanner_service.inspectors.mail_auth.tag_list import without_value_of
from verdict_api.verdict import AuthenticationResult

METHOD = "arc"
LONGEST_CHAIN = 50  # RFC 8617 §4.2.1
_NAMES = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
_INSTANCE = re.compile(rb"(?:\A|;)\s*i\s*=\s*(\d{1,2})\s*;")


class _ChainBrokenError(Exception):
    """It does not hold; the message says where."""


@dataclass(frozen=True, slots=True)
class _Set:
    """The three fields that one of the chain has added."""

    results: Field
    message_signature: Field
    seal: Field


def check_arc(message: SignedMessage, lookups: Lookups) -> tuple[AuthenticationResult, ...]:
    """Return the state of the chain; nothing where there is none."""
    fields = [field for field in message.fields if field.name in _NAMES]
    if not fields:
        return ()
    domain = ""
    try:
        chain = _chain_of(fields)
        domain = domain_of(signature_tags(chain[-1].seal))
        _check_chain(chain, message, lookups)
    except (_ChainBrokenError, SignatureMalformedError, KeyUnusableError, KeyRefusedError) as error:
        return (AuthenticationResult(METHOD, "fail", domain, str(error)),)
    except DnsUnavailableError as error:
        return (AuthenticationResult(METHOD, "temperror", domain, str(error)),)
    return (AuthenticationResult(METHOD, "pass", domain, f"i={len(chain)}"),)


def _chain_of(fields: list[Field]) -> list[_Set]:
    found: dict[tuple[int, bytes], Field] = {}
    for field in fields:
        instance = _INSTANCE.search(field.value[:200])
        number = int(instance[1]) if instance else 0
        if not 1 <= number <= LONGEST_CHAIN or (number, field.name) in found:
            raise _ChainBrokenError("a field without number, or with that of another")
        found[number, field.name] = field
    length = max(number for number, _ in found)
    if len(found) != length * len(_NAMES):
        raise _ChainBrokenError("a field is missing")
    return [_Set(*(found[number, name] for name in _NAMES)) for number in range(1, length + 1)]


def _check_chain(chain: list[_Set], message: SignedMessage, lookups: Lookups) -> None:
    for number, one in enumerate(chain, 1):
        if signature_tags(one.seal).get("cv") != ("none" if number == 1 else "pass"):
            raise _ChainBrokenError(f"the seal i={number} does not vouch for those before")
    _check_message(chain[-1].message_signature, message, lookups)
    for length in range(len(chain), 0, -1):
        _check_seal(chain[:length], lookups)


def _check_message(field: Field, message: SignedMessage, lookups: Lookups) -> None:
    signature = read_signature(field, default_form="relaxed")
    if b"arc-seal" in signature.names or signature.hash_name != "sha256":
        raise _ChainBrokenError("the message's signature is not as it may be")
    if not signature.fits_body(message.body):
        raise _ChainBrokenError("the body was changed")
    key = find_key(signature.domain, signature.selector, signature.algorithm, lookups)
    if fits_header(signature, key, message, lookups) is None:
        raise _ChainBrokenError("the header was changed")


def _check_seal(chain: list[_Set], lookups: Lookups) -> None:
    """Check the last seal of a chain: it covers all sets before, and its own (RFC 8617 §5.1.1)."""
    lookups.check_time()
    seal = chain[-1].seal
    tags = signature_tags(seal)
    if "h" in tags or tags.get("a", "").lower() == "rsa-sha1":
        raise _ChainBrokenError(f"the seal i={len(chain)} is not as it may be")
    key = find_key(domain_of(tags), selector_of(tags), algorithm_of(tags), lookups)
    covered = [field for one in chain for field in (one.results, one.message_signature, one.seal)]
    covered[-1] = seal.with_value(without_value_of(b"b", seal.value))
    if not is_signed(key, base64_of(tags, "b"), covered, "relaxed"):
        raise _ChainBrokenError(f"the seal i={len(chain)} does not hold")
