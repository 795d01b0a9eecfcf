"""What must hold for any mail whose sender is checked, and any answer of the DNS: results come, and soon."""

import time

from scanner_service.inspectors.mail_auth.inspector import authenticate
from scanner_service.inspectors.mail_auth.lookups import MOST_LOOKUPS, Lookups
from scanner_service.model.message import Message
from tests.fakes.dns_table import OneAnswer
from verdict_api.envelope import Client, Envelope

_METHODS = frozenset(("spf", "dkim", "dmarc", "arc"))
_RESULTS = frozenset(("none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror"))
_LONGEST_SECONDS = 2.0
_ENVELOPE = Envelope("alice@example.net", (), client=Client("192.0.2.25", None, "out.example.net"))


def check_mail_auth(data: bytes) -> None:
    """Take the first line for what the DNS says, the rest for the message."""
    text, _, raw = data.partition(b"\n")
    resolver = OneAnswer(text, b"10 mail.example.net.")
    started = time.monotonic()

    results = authenticate(Message("b7kQ2sX9aLmP", _ENVELOPE, raw, ""), Lookups(resolver, started + 5))

    assert time.monotonic() - started < _LONGEST_SECONDS
    assert len(resolver.asked) <= MOST_LOOKUPS
    assert {one.method for one in results} <= _METHODS
    assert {one.result for one in results} <= _RESULTS
    assert all(text.isascii() and text.isprintable() for one in results for text in (one.domain, one.detail))
