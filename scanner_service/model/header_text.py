"""What a stranger's header says, for texts that people read: a few fields, decoded as far as that is safe.

Nothing here decides anything, and nothing raises: what cannot be read stays as it is.
"""

import binascii
import ipaddress
import re
from email.errors import HeaderParseError
from email.header import decode_header

from scanner_service.model.message import header_and_body

HEADER_LIMIT_BYTES = 2**16
VALUE_LIMIT_CHARACTERS = 1000
RECEIVED_LIMIT = 50
ADDRESSES_LIMIT = 4  # of one Received field
_ADDRESS = re.compile(rb"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)


def header_text(raw: bytes, name: str) -> str:
    """Return the first field of this name, unfolded and decoded (RFC 2047); empty if there is none."""
    return next(iter(_values(raw, name, 1)), "")


def address_in(text: str) -> str:
    """Return the address in the text of a From field, as people read it; empty if there is none.

    The library's parser goes as deep as a stranger nests comments.
    """
    _, _, behind = text.rpartition("<")
    inside, closed, _ = behind.partition(">")
    if closed and "<" in text:
        return inside.strip()
    return next((word.strip("<>,;") for word in text.split() if "@" in word), "")


def received_addresses(raw: bytes) -> list[str]:
    """Return the IP addresses in brackets of the Received fields, the newest first (RFC 5321 §4.4)."""
    values = _raw_values(raw, "Received", RECEIVED_LIMIT)
    found = (one for value in values for one in _ADDRESS.findall(value)[:ADDRESSES_LIMIT])
    return [address for one in found if (address := _ip(one.decode("ascii")))]


def oldest_public_address(raw: bytes) -> str:
    """Return the last of them that anybody can reach, empty if there is none."""
    public = (one for one in reversed(received_addresses(raw)) if ipaddress.ip_address(one).is_global)
    return next(public, "")


def _values(raw: bytes, name: str, most: int) -> list[str]:
    return [_decoded(value) for value in _raw_values(raw, name, most)]


def _raw_values(raw: bytes, name: str, most: int) -> list[bytes]:
    end, _ = header_and_body(raw, HEADER_LIMIT_BYTES)
    field = re.compile(
        rb"^%b[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)" % re.escape(name.encode("ascii")), re.MULTILINE | re.IGNORECASE
    )
    found = (one[1] for _, one in zip(range(most), field.finditer(raw, 0, end), strict=False))
    return [b" ".join(value.split())[: 4 * VALUE_LIMIT_CHARACTERS] for value in found]


def _decoded(value: bytes) -> str:
    text = value.decode("utf-8", "surrogateescape")[:VALUE_LIMIT_CHARACTERS]
    if "=?" not in text:
        return text
    try:
        return "".join(_word(word, charset) for word, charset in decode_header(text))[:VALUE_LIMIT_CHARACTERS]
    except (HeaderParseError, LookupError, ValueError, binascii.Error):
        return text


def _word(word: str | bytes, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    try:
        return word.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return word.decode("utf-8", "surrogateescape")


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
