"""A message as signatures cover it: header fields byte for byte, and the body (RFC 6376 §3.4)."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from scanner_service.model.message import header_and_body

LONGEST_HEADER_BYTES = 2**20
MOST_FIELDS = 2000  # mail has some dozens; a megabyte of empty ones costs a second for each look at them

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t]+")


@dataclass(frozen=True, slots=True)
class Field:
    """One header field, ``raw`` without its last line end; ``name`` in small letters."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands behind the colon, folded as it is."""
        return self.raw.partition(b":")[2]

    @property
    def unfolded(self) -> bytes:
        """The value on one line, with single blanks and none at its ends."""
        return _BLANKS.sub(b" ", self.value.replace(b"\r\n", b"").replace(b"\n", b"")).strip(b" ")

    def simple(self) -> bytes:
        """Return it in the simple form, without the last CRLF (RFC 6376 §3.4.1)."""
        return self.raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def relaxed(self) -> bytes:
        """Return it in the relaxed form, without the last CRLF (RFC 6376 §3.4.2)."""
        return self.name + b":" + self.unfolded

    def with_value(self, value: bytes) -> "Field":
        """Return the same field with another value."""
        return Field(self.name, self.raw.partition(b":")[0] + b":" + value)


class SignedBody:
    """The bytes behind the header; each form is made once, as ten signatures may want it.

    All in steps of linear cost: a megabyte of blanks would cost a regular expression 40 minutes.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @cached_property
    def simple(self) -> bytes:
        """RFC 6376 §3.4.3."""
        return _ended_once(self._raw.replace(b"\r\n", b"\n")) or b"\r\n"

    @cached_property
    def relaxed(self) -> bytes:
        """RFC 6376 §3.4.4."""
        body = self._raw.replace(b"\r\n", b"\n").replace(b"\t", b" ")
        while b"  " in body:
            body = body.replace(b"  ", b" ")
        return _ended_once(body.replace(b" \n", b"\n").removesuffix(b" "))


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """The header fields from top to bottom, and the body."""

    fields: tuple[Field, ...]
    body: SignedBody

    def named(self, name: bytes) -> tuple[Field, ...]:
        """Return the fields of a name, given in small letters."""
        return tuple(field for field in self.fields if field.name == name)


def read_message(raw: bytes) -> SignedMessage:
    """Return what there is to be signed; of a header beyond its limits only the beginning."""
    header_end, body_start = header_and_body(raw, LONGEST_HEADER_BYTES)
    fields = tuple(
        Field(found[1].lower(), found[0].removesuffix(b"\r"))
        for found in islice(_FIELD.finditer(raw[:header_end]), MOST_FIELDS)
    )
    return SignedMessage(fields, SignedBody(raw[body_start:]))


def _ended_once(body: bytes) -> bytes:
    """Return lines that end in LF with CRLF, and without the empty ones at the end."""
    kept = body.rstrip(b"\n")
    return (kept + b"\n").replace(b"\n", b"\r\n") if kept else b""
