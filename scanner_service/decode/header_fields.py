"""The fields of a header block (RFC 5322 §2.2) that decoding reads, found in bytes and handed to the library.

The library's own header parser costs ten times as much, and ends the header at the first line that is no field,
where mail programs go on reading.
"""

import re
from email.message import Message as Header
from email.policy import Compat32

# No others: each look at a field goes through all that were found.
READ_FIELDS = ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Message-ID")
_FIELD = re.compile(
    rb"^(%b)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)" % "|".join(READ_FIELDS).encode("ascii"),
    re.MULTILINE | re.IGNORECASE,
)


class _AsItStands(Compat32):
    """Gives 8-bit bytes back as surrogates, where the library would put U+FFFD: a boundary may have some."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        del name
        return value


_POLICY = _AsItStands()


def parse_header(block: bytes) -> Header:
    """Return those of READ_FIELDS in their order, values unfolded; lines that are no field are passed over."""
    header = Header(_POLICY)
    for name, value in _FIELD.findall(block):
        unfolded = value.replace(b"\r\n", b"").replace(b"\n", b"").rstrip(b"\r")
        header[name.decode("ascii")] = unfolded.decode("ascii", "surrogateescape")
    return header
