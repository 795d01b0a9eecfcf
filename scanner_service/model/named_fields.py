"""What a few named header fields of a stranger's message say, without reading the others.

A search for each name, and no look at each line: a header may have a megabyte of empty fields, and most mail is asked
for fields that it does not have.
"""

import re
from collections.abc import Iterable, Iterator

from scanner_service.model.message import header_and_body

LONGEST_HEADER_BYTES = 2**18  # two milliseconds; other mail systems take no more than 100 KiB
LONGEST_VALUE_BYTES = 8192
MOST_LOOKS = 100  # at lines that begin with a name; "from" without a colon costs one, too
MOST_VALUES = 10  # of one name; the standard has one of most (RFC 5322 §3.6)

_VALUE = re.compile(rb"[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)")


def named_values(raw: bytes, names: Iterable[bytes]) -> dict[bytes, tuple[bytes, ...]]:
    """Return the values of each name, given in small letters: unfolded, from top to bottom, none for most mail.

    ``raw`` is a message or its header. A field that is too long is cut, others beyond the limits are left out.
    """
    header = b"\n" + raw[: header_and_body(raw, LONGEST_HEADER_BYTES)[0]]
    searched = header.lower()
    return {name: tuple(_values(header, searched, name)) for name in names}


def _values(header: bytes, searched: bytes, name: bytes) -> Iterator[bytes]:
    line, at, seen = b"\n" + name, -1, 0
    for _ in range(MOST_LOOKS):
        at = searched.find(line, at + 1)
        if at < 0 or seen == MOST_VALUES:
            return
        start = at + len(line)
        if found := _VALUE.match(header, start, start + LONGEST_VALUE_BYTES):
            seen += 1
            yield found[1].replace(b"\r\n", b"").replace(b"\n", b"").strip(b" \t\r")
