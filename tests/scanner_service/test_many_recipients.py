"""A message to very many recipients holds up no other: its judging leaves the event loop free."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from scanner_service.act.keep import StoreKeeper
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import Decoder
from scanner_service.inspectors.engine import Protection
from scanner_service.judge.policy import Policy
from scanner_service.judge.policy_bank import PolicyBook
from scanner_service.judge.tables import AddressKeys, Found, Lookup
from scanner_service.pipeline import JUDGED_INLINE_BELOW, Pipeline
from scanner_service.storage.message_files import MessageFiles
from tests.scanner_service.messages import CLEAN, ENVELOPE
from verdict_api.envelope import Recipient


@dataclass(frozen=True)
class AskedTable:
    """Knows nobody, and in which threads it was asked."""

    threads: set[threading.Thread] = field(default_factory=set)

    def find(self, keys: AddressKeys) -> Found[bool] | None:
        del keys
        self.threads.add(threading.current_thread())
        return None


def threads_that_judge(policy: Policy, table: AskedTable, recipients: int) -> list[bool]:
    """Return for each thread that looked into the table whether it is the one of the event loop."""
    envelope = replace(ENVELOPE, recipients=tuple(Recipient(f"user{one}@example.com") for one in range(recipients)))
    pipeline = Pipeline(
        (),
        Decoder(DecodeLimits(), DecoderPool()),
        lambda: Protection.REAL,
        policies=lambda: PolicyBook(policy),
        keeper=StoreKeeper(MessageFiles(Path("/nowhere"))),
    )

    async def judge() -> None:
        await pipeline.judge_message(envelope, CLEAN, asyncio.get_running_loop().time() + 10)

    asyncio.run(judge())
    return [one is threading.current_thread() for one in table.threads]


@pytest.mark.parametrize("recipients", [1, JUDGED_INLINE_BELOW])
def test_only_the_judging_of_many_goes_to_another_thread(recipients: int) -> None:
    table = AskedTable()

    is_loop = threads_that_judge(Policy(local_domains=Lookup((table,))), table, recipients)

    assert is_loop == [recipients == 1]


@pytest.mark.parametrize("recipients", [1, JUDGED_INLINE_BELOW])
def test_only_asking_many_whether_they_bypass_a_check_goes_to_another_thread(recipients: int) -> None:
    table = AskedTable()

    is_loop = threads_that_judge(Policy(bypass={"virus": Lookup((table,))}), table, recipients)

    assert is_loop == [recipients == 1]
