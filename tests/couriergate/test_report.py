"""What `couriergate scan` says of who protects."""

from dataclasses import replace

import pytest

from couriergate.report import details
from couriergate.scan import Scanned
from tests.fakes.verdicts import verdict_on
from verdict_api.envelope import Envelope, Recipient

ENVELOPE = Envelope(sender="a@example.net", recipients=(Recipient("b@example.com"),))


@pytest.mark.parametrize(
    ("engines", "warnings"),
    [
        ("real", []),
        ("demo", ["warning   demo engine: only the EICAR test file would be found"]),
        ("none", ["warning   no virus engine protects now: see /readyz of the service, or its log"]),
    ],
)
def test_missing_protection_is_told(engines: str, warnings: list[str]) -> None:
    scanned = Scanned("clean.eml", replace(verdict_on(ENVELOPE), engines=engines), b"")

    assert [line for line in details(scanned) if line.startswith("warning")] == warnings
