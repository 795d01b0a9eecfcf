"""Mail addresses as SMTP has them: a local part, perhaps in quotes, and a domain (RFC 5321 §4.1.2, RFC 6531 §3.3)."""

import re

LONGEST_LOCAL_BYTES, LONGEST_DOMAIN_BYTES = 64, 255  # RFC 5321 §4.5.3.1

_BEYOND_ASCII = r"\u00a0-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_BEYOND_ASCII}-]+"
_QUOTED = rf'"(?:[ !#-\[\]-~{_BEYOND_ASCII}]|\\[ -~])*"'
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|{_QUOTED}")
_LABEL = rf"[A-Za-z0-9{_BEYOND_ASCII}](?:[A-Za-z0-9{_BEYOND_ASCII}-]*[A-Za-z0-9{_BEYOND_ASCII}])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[!-Z^-~]+\]")
_ESCAPED = re.compile(r"\\(.)")
_TO_BE_ESCAPED = re.compile(r'(["\\])')


def split_address(address: str) -> tuple[str, str]:
    """Return local part and domain; without a domain it is all local part, as the tables of policies have it."""
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (address, "")


def is_mailbox(text: str) -> bool:
    """Tell whether mail can be sent there: both parts are valid, and nothing in them ends a line."""
    local, domain = split_address(text)
    return (
        text.isprintable()
        and bool(_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain))
        and len(local.encode()) <= LONGEST_LOCAL_BYTES
        and len(domain.encode()) <= LONGEST_DOMAIN_BYTES
    )


def is_quoted(local: str) -> bool:
    """Tell whether a valid local part is written in quotes."""
    return local.startswith('"')


def unquoted(local: str) -> str:
    """Return what a valid local part means."""
    return _ESCAPED.sub(r"\1", local[1:-1]) if is_quoted(local) else local


def quoted(meaning: str) -> str:
    """Return the local part in quotes that means this."""
    return '"' + _TO_BE_ESCAPED.sub(r"\\\1", meaning) + '"'
