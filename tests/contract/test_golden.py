"""What amavisd-new 2.13 did with these messages, all its destinies set to reject; and what we do.

``golden.json`` holds its observed answers: those that need no more than a virus scanner. There is no exception yet:
``virus-zip-nested-20`` passes here too, as clamd goes no deeper than amavis did.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scanner_service.settings import ClamdSetting, Virus
from tests.scanner_service.live_service import live_service, post
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny

HERE = Path(__file__).parent
GOLDEN: dict[str, dict[str, Any]] = json.loads((HERE / "golden.json").read_text())


@pytest.fixture(scope="module")
def client(real_clamd: Path) -> Iterator[httpx.Client]:
    virus = Virus(engines=(ClamdSetting(kind="clamd", address=f"unix:{real_clamd}"),))
    with live_service(virus=virus) as service, service.client() as made:
        yield made


@pytest.mark.parametrize("case", GOLDEN)
def test_each_recipient_gets_the_destiny_that_amavis_gave(client: httpx.Client, case: str) -> None:
    golden = GOLDEN[case]
    recipients = tuple(Recipient(address) for address in golden["recipients"])
    envelope = Envelope(golden["sender"], recipients, client=Client("192.0.2.25"), source="smtp")

    verdict = decode_verdict(post(client, (HERE / "messages" / golden["message"]).read_bytes(), envelope).content)

    assert verdict.destiny is Destiny(golden["destiny"])
    assert [one.address for one in verdict.recipients] == golden["recipients"]
    assert {one.destiny for one in verdict.recipients} == {verdict.destiny}


@pytest.mark.parametrize("case", [case for case, golden in GOLDEN.items() if "INFECTED" in golden["reply"]])
def test_a_reply_names_the_virus_that_amavis_named(client: httpx.Client, case: str) -> None:
    message = (HERE / "messages" / GOLDEN[case]["message"]).read_bytes()

    verdict = decode_verdict(post(client, message).content)

    assert verdict.reply.text.partition(" - ")[2] == GOLDEN[case]["reply"].partition(" - ")[2]
