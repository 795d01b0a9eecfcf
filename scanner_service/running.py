"""What runs beside the requests, as long as the service does."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from scanner_service.clients.decoder_process import DecoderPool, DecoderUnavailableError
from scanner_service.inspector_choice import InspectorChoice
from scanner_service.inspectors.engine_watch import EngineWatch
from scanner_service.policies_in_force import PoliciesInForce
from scanner_service.storage.message_files import MessageFiles, MessageNotKeptError
from scanner_service.storage.policy_rows import PolicyRows
from scanner_service.storage.verdict_records import VerdictRecords


@dataclass(frozen=True, slots=True)
class Running:
    """The parts that work by themselves; ``policy_rows`` and ``records`` are None where they are not wanted."""

    choice: InspectorChoice
    watch: EngineWatch
    decoders: DecoderPool
    policies: PoliciesInForce
    files: MessageFiles
    policy_rows: PolicyRows | None = None
    records: VerdictRecords | None = None

    @contextlib.asynccontextmanager
    async def beside_requests(self) -> AsyncIterator[None]:
        """Keep decoders ready, watch the engines, write the records, reload at SIGHUP; close all of it at the end."""
        recording = self.records.running() if self.records else contextlib.nullcontext()
        async with asyncio.TaskGroup() as group, recording:
            hangup = asyncio.Event()
            _at_hangup(hangup.set)
            tasks = [
                group.create_task(self._reload_at_each(hangup)),
                group.create_task(self.watch.run()),
                group.create_task(_warm_up(self.decoders)),
                group.create_task(self._clean_up()),
            ]
            if self.choice.spam:
                tasks.append(group.create_task(self.choice.spam.watch()))
            if self.policy_rows:
                tasks.append(group.create_task(self.policy_rows.watch(self.policies.take_rows)))
            yield
            for task in tasks:
                task.cancel()
        await self._close()

    async def _reload_at_each(self, hangup: asyncio.Event) -> None:
        """Read the policies anew; of all hangups in the meantime one more reading is made, which sees the newest."""
        while True:
            await hangup.wait()
            hangup.clear()
            await self.policies.reload()

    async def _clean_up(self) -> None:
        with contextlib.suppress(MessageNotKeptError):  # the folder is away: each message that needs it says so
            await self.files.clean_up()

    async def _close(self) -> None:
        await self.decoders.aclose()
        for close in self.choice.closers:
            await close()
        if self.policy_rows:
            await self.policy_rows.aclose()
        self.files.close()


def _at_hangup(do: Callable[[], object]) -> None:
    """Have something done at SIGHUP; only the main thread of a process hears signals."""
    if threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, do)


async def _warm_up(decoders: DecoderPool) -> None:
    """Have the decoders ready before the first container comes; that they cannot be had is told in each verdict."""
    with contextlib.suppress(DecoderUnavailableError):  # it has logged why
        await decoders.warm_up()
