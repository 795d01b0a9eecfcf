"""The fields of a header block (RFC 5322 §2.2), split on bytes and handed to the library to interpret.

The library's own header parser costs five times as much, and ends the header at the first line that is no field,
where mail programs go on reading.
"""

import re
from email.message import Message as Header
from email.policy import Compat32

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)


class _AsItStands(Compat32):
    """Gives 8-bit bytes back as surrogates, where the library would put U+FFFD: a boundary may have some."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        del name
        return value


_POLICY = _AsItStands()


def parse_header(block: bytes) -> Header:
    """Return the fields in their order, values unfolded; lines that are no field are passed over."""
    header = Header(_POLICY)
    for name, value in _FIELD.findall(block):
        unfolded = value.replace(b"\r\n", b"").replace(b"\n", b"").rstrip(b"\r")
        header[name.decode("ascii")] = unfolded.decode("ascii", "surrogateescape")
    return header
