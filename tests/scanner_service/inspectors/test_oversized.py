"""A message is too big when it is so for every one of its recipients."""

import asyncio
import hashlib
from collections.abc import Mapping

import pytest

from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.oversized import OversizedInspector
from scanner_service.model.message import Message
from scanner_service.settings import Policy
from tests.scanner_service.live_service import live_service, post
from verdict_api.envelope import Envelope, Recipient
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny, InspectorStatus

SMALL, LARGE, ANY = "small@example.com", "large@example.com", "any@example.com"
LIMITS: Mapping[str, int] = {SMALL: 100, LARGE: 200}


def inspect(size: int, *recipients: str) -> Inspection:
    raw = b"x" * size
    envelope = Envelope("a@example.net", tuple(map(Recipient, recipients)))
    message = Message("b7kQ2sX9aLmP", envelope, raw, hashlib.sha256(raw).hexdigest())
    return asyncio.run(OversizedInspector(LIMITS.get).inspect(message, None, 0))


@pytest.mark.parametrize(
    ("size", "recipients"),
    [
        (100, [SMALL]),
        (101, [ANY]),
        (101, [SMALL, ANY]),
        (150, [SMALL, LARGE]),
        (101, []),
    ],
)
def test_somebody_takes_it(size: int, recipients: list[str]) -> None:
    inspection = inspect(size, *recipients)

    assert inspection.findings == ()
    assert [one.status for one in inspection.reports] == [InspectorStatus.CLEAN]


@pytest.mark.parametrize(
    ("size", "recipients", "limit"), [(101, [SMALL], 100), (101, [SMALL, SMALL], 100), (201, [SMALL, LARGE], 200)]
)
def test_nobody_takes_it(size: int, recipients: list[str], limit: int) -> None:
    inspection = inspect(size, *recipients)

    [finding] = inspection.findings
    assert (finding.full_category, finding.name, finding.part) == ("oversized", "message too big", None)
    assert finding.detail == f"{size} bytes, and the largest limit of its recipients is {limit}"
    assert [one.status for one in inspection.reports] == [InspectorStatus.HIT]


def test_the_service_refuses_it_with_a_reply_that_says_so() -> None:
    policy = Policy(message_size_limit={"b@example.com": 70_000})
    message = b"From: a@example.net\nDate: Sat, 08 Jun 2024 10:00:00 +0000\n\n" + b"x" * 998 + b"\n"

    with live_service(policy=policy) as service, service.client() as client:
        small = decode_verdict(post(client, message).content)
        large = decode_verdict(post(client, message + b"y\n" * 40_000).content)

    assert small.destiny is Destiny.PASS
    assert large.destiny is Destiny.REJECT
    assert str(large.reply) == f"552 5.3.4 Message content rejected, id={large.mail_id} - message too big"
    assert large.decided_by.rule == "destinies.oversized"


def test_where_nobody_has_a_limit_nobody_looks() -> None:
    with live_service() as service, service.client() as client:
        verdict = decode_verdict(post(client, b"\n").content)

    assert "oversized" not in [one.name for one in verdict.inspectors]
