"""The one answer that SMTP has after DATA."""

import re
from dataclasses import dataclass

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)  # else \d has the digits of every script


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A reply code, an enhanced status code and a text (RFC 5321 §4.2, RFC 3463).

    Raises:
        ValueError: a code that is not 2xx, 4xx or 5xx, an enhanced code of another class, or a text that
            is not one line of printable ASCII. Courier hands the text to the client as it is
            (``courier/cdfilters.C``, ``dofilter``), so what may not go out must not come in.
    """

    code: int
    enhanced: str
    text: str

    def __post_init__(self) -> None:
        if not (200 <= self.code <= 299 or 400 <= self.code <= 599):
            raise ValueError(f"SMTP reply: want a code 2xx, 4xx or 5xx, got {self.code!r}")
        if not _ENHANCED.fullmatch(self.enhanced) or self.enhanced[0] != str(self.code)[0]:
            raise ValueError(f"SMTP reply: want an enhanced code for {self.code}, got {self.enhanced!r}")
        if not (self.text.isascii() and self.text.isprintable()):
            raise ValueError(f"SMTP reply: want one line of printable ASCII, got {self.text!r}")

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"
