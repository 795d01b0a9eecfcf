"""DKIM: what each signature of a message says (RFC 6376, RFC 8301, RFC 8463), in the words of RFC 8601 §2.7.1."""

from scanner_service.clients.dns_resolver import DnsUnavailableError
from scanner_service.inspectors.mail_auth.courier_changes import candidates
from scanner_service.inspectors.mail_auth.fields import Field, SignedMessage
from scanner_service.inspectors.mail_auth.lookups import Lookups
from scanner_service.inspectors.mail_auth.public_key import KeyRefusedError, KeyUnusableError, PublicKey, find_key
from scanner_service.inspectors.mail_auth.signature import Signature, SignatureMalformedError, read_signature
from verdict_api.verdict import AuthenticationResult

METHOD = "dkim"
MOST_SIGNATURES = 10
BEFORE_COURIER = "as received before Courier rewrote addresses"
MIME_REWRITTEN = "Courier may have completed the MIME fields"


def check_dkim(message: SignedMessage, lookups: Lookups) -> tuple[AuthenticationResult, ...]:
    """Return a result for each signature from the top, ``none`` where there is none."""
    signatures = message.named(b"dkim-signature")
    results = [_check(field, message, lookups) for field in signatures[:MOST_SIGNATURES]]
    if more := signatures[MOST_SIGNATURES:]:
        results.append(AuthenticationResult(METHOD, "policy", "", f"{len(more)} more signatures, not looked at"))
    return tuple(results) or (AuthenticationResult(METHOD, "none"),)


def _check(field: Field, message: SignedMessage, lookups: Lookups) -> AuthenticationResult:
    try:
        signature = read_signature(field)
    except SignatureMalformedError as error:
        return AuthenticationResult(METHOD, "neutral", "", str(error))
    result, detail = _check_signature(signature, message, lookups)
    if signature.body_length is not None:
        detail = "; ".join(filter(None, (detail, f"l={signature.body_length}: text may have been added at the end")))
    return AuthenticationResult(METHOD, result, signature.domain, detail)


def _check_signature(signature: Signature, message: SignedMessage, lookups: Lookups) -> tuple[str, str]:
    """Return result and detail; what needs no question comes before what asks the DNS."""
    if refused := _refusal_without_key(signature, message):
        return refused
    try:
        key = find_key(signature.domain, signature.selector, signature.algorithm, lookups)
        return _check_with_key(signature, key, message, lookups)
    except DnsUnavailableError as error:
        return "temperror", str(error)
    except KeyUnusableError as error:
        return "permerror", str(error)
    except KeyRefusedError as error:
        return "policy", str(error)


def _refusal_without_key(signature: Signature, message: SignedMessage) -> tuple[str, str] | None:
    if signature.hash_name != "sha256":
        return "policy", "signed with SHA-1"
    if not f".{signature.identity_domain}".endswith(f".{signature.domain}"):
        return "neutral", "i= is not within d="
    if signature.is_expired:
        return "fail", "expired, or not yet valid"
    if not signature.fits_body(message.body):
        return "fail", _with_hint("the body was changed", message)
    return None


def _check_with_key(
    signature: Signature, key: PublicKey, message: SignedMessage, lookups: Lookups
) -> tuple[str, str]:
    if key.exact_domain and signature.identity_domain != signature.domain:
        return "permerror", "the key is not for subdomains"
    how = fits_header(signature, key, message, lookups)
    if how is None:
        return "fail", _with_hint("the header was changed", message)
    if key.is_test:
        return "neutral", "the key is for tests"
    return "pass", how


def fits_header(signature: Signature, key: PublicKey, message: SignedMessage, lookups: Lookups) -> str | None:
    """Return None if the header is not the signed one, else what Courier did to it in between.

    Raises:
        DnsUnavailableError: ten signatures over a megabyte, each tried in thirty forms, take longer than there is.
    """
    for number, fields in enumerate(candidates(message)):
        lookups.check_time()
        if signature.fits_header(key, fields):
            return BEFORE_COURIER if number else ""
    return None


def _with_hint(detail: str, message: SignedMessage) -> str:
    """Tell what may be Courier's doing: it spells the field so where it wrote it (``rfc2045/rewritemime.c``)."""
    is_couriers = any(field.raw == b"Mime-Version: 1.0" for field in message.fields)
    return f"{detail}; {MIME_REWRITTEN}" if is_couriers else detail
