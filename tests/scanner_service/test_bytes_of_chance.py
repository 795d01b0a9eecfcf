"""Bytes that mean nothing are taken for nothing: no attachment of them is refused."""

import random

from scanner_service.model.finding import ContentCategory
from tests.corpus.evasion.case import message_with
from tests.scanner_service.live_service import live_service, post
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny

ATTACHMENTS = 200
ATTACHMENT_BYTES = 2**20


def test_no_megabyte_of_chance_is_banned_or_refused() -> None:
    chance = random.Random(22)  # the same bytes in every run
    refused = []

    with live_service() as service, service.client(by_unix_socket=True) as client:
        for number in range(ATTACHMENTS):
            verdict = decode_verdict(
                post(client, message_with("data.bin", chance.randbytes(ATTACHMENT_BYTES))).content
            )
            if verdict.destiny is not Destiny.PASS or ContentCategory.BANNED.word in verdict.recipients[0].categories:
                refused.append((number, verdict.findings))

    assert refused == []
