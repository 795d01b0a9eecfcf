"""Where a recipient's mail goes in place of their inbox: an extension of their address, or another address.

The recipient's address may be anything that a client has sent. It stays where the change would make no valid one.
"""

import re

from scanner_service.judge.lookup import EXTENSION_DELIMITER
from scanner_service.model.mailbox import is_mailbox, is_quoted, quoted, split_address, unquoted

_PLACEHOLDER = re.compile(r"\{(address|local|domain)\}")
_REROUTES = re.compile(r"[%!@]")  # some hosts take a%b@c, c!a@b and "a@b"@c for mail to pass on
_ANY_RECIPIENT = "user@example.com"


def with_extension(address: str, extension: str, delimiter: str = EXTENSION_DELIMITER) -> str:
    """Return the address with an extension, given with its delimiter: ``+spam`` makes ``bob@x`` ``bob+spam@x``.

    It takes the place of one that begins with ``delimiter``, the one of lookups; where it has another delimiter it is
    put behind all that is there. An address that is no valid one, or would not be afterwards, comes back unchanged.
    """
    local, domain = split_address(address)
    if not is_mailbox(address) or not (user := unquoted(local)):
        return address
    extended = _extended(user, extension, delimiter)
    changed = f"{quoted(extended) if is_quoted(local) else extended}@{domain}"
    return changed if is_mailbox(changed) else address


def redirect_target(template: str, address: str) -> str | None:
    """Return the address that the template makes of a recipient's, None if that is none to send mail to.

    ``{address}``, ``{local}`` and ``{domain}`` stand for the recipient's. None as well where a strange address would
    have the next host pass the mail on.
    """
    local, domain = split_address(address)
    values = {"address": address, "local": local, "domain": domain}
    target = _PLACEHOLDER.sub(lambda found: values[found[1]], template)
    return target if is_mailbox(target) and not _REROUTES.search(split_address(target)[0]) else None


def check_redirect(text: str) -> None:
    """Refuse a template that makes no address of an ordinary one.

    Raises:
        ValueError: it does not; the message says what it may look like.
    """
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest or redirect_target(text, _ANY_RECIPIENT) is None:
        raise ValueError(
            f"want an address such as spam@{{domain}}, with {{address}}, {{local}}, {{domain}}, got {text!r}"
        )


def _extended(user: str, extension: str, delimiter: str) -> str:
    at = user.find(delimiter, 1) if delimiter and extension.startswith(delimiter) else -1  # as lookups find it
    if at > 0:
        return user[:at] + extension
    return user if user.removesuffix(extension) not in ("", user) else user + extension
