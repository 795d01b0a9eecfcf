"""The virus engine ClamAV, asked through its daemon over the whole message, which clamd unpacks by itself.

A clamd whose database is empty, partial or foreign says OK to everything. So one that has not proved itself since it
was last away gets the EICAR test file before the first message, again at each refresh, and where another process
answers.
"""

import asyncio
from datetime import datetime

from scanner_service.clients.clamd import ClamdClient, ClamdSizeLimitError, ClamdUnavailableError
from scanner_service.clients.clamd_version import days_between, signatures_made
from scanner_service.inspectors.eicar import EICAR_TEST_FILE
from scanner_service.inspectors.engine import EngineUnavailableError, TooBigForEngineError
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message

TEST_SECONDS = 5.0  # of a refresh; before a message, its own limit holds
FINDS_NOTHING = "does not find the EICAR test file: its signatures are not loaded"
NOT_ASKED_YET = "not asked yet"


class ClamdEngine:
    """One clamd as an engine."""

    is_demo = False
    needs_parts = False

    def __init__(self, name: str, client: ClamdClient) -> None:
        self.name = name
        self.version: str | None = None
        self.problem: str | None = NOT_ASKED_YET
        self._client = client
        self._is_proved = False
        self._proved_process: int | None = None
        self._testing = asyncio.Lock()
        self._tests_done = 0

    @property
    def protects(self) -> bool:
        """See VirusEngine."""
        return self.problem is None

    @property
    def signature_days(self) -> int | None:
        """See VirusEngine."""
        made = signatures_made(self.version) if self.version else None
        return None if made is None else days_between(made, datetime.now().astimezone())

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        """See VirusEngine."""
        del decoded
        if not self._is_proved:
            await self._test_together()
        try:
            look = await self._client.look(message.raw)
        except ClamdUnavailableError as error:
            self._failed(str(error))
            raise EngineUnavailableError(str(error)) from error
        except ClamdSizeLimitError as error:
            raise TooBigForEngineError(str(error)) from error
        except asyncio.CancelledError:  # it was too slow: busy with this message, or it hangs
            self._is_proved = False
            raise
        if not self._is_proved or look.process != self._proved_process:  # it was started anew meanwhile
            await self._test_together()
            if look.process != self._proved_process:  # the test that we waited for was of the one before
                raise EngineUnavailableError(f"{self._client.address}: started anew while it looked")
        return tuple(Finding(ContentCategory.VIRUS, self.name, name) for name in look.names)

    async def refresh(self) -> None:
        """See VirusEngine."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._learn_version())
            group.create_task(self._test_within_its_limit())

    async def _learn_version(self) -> None:
        try:
            self.version = await self._client.version()
        except ClamdUnavailableError:  # or clamd.conf forbids the question: the test says whether it is well
            self.version = None

    async def _test_within_its_limit(self) -> None:
        try:
            async with asyncio.timeout(TEST_SECONDS):
                await self._test()
        except TimeoutError:
            self._failed(f"{self._client.address}: no answer to the EICAR test file in {TEST_SECONDS:g} s")

    async def _test_together(self) -> None:
        """Test it once for all messages that wait for that.

        Raises:
            EngineUnavailableError: it does not answer, or finds nothing.
        """
        done_before = self._tests_done
        async with self._testing:
            if self._tests_done == done_before:
                await self._test()
        if self.problem is not None:
            raise EngineUnavailableError(self.problem)

    async def _test(self) -> None:
        try:
            look = await self._client.look(EICAR_TEST_FILE)
        except ClamdUnavailableError as error:
            self._failed(str(error))
        except ClamdSizeLimitError:
            self._failed(f"{self._client.address}: the EICAR test file is too big for it: see its StreamMaxLength")
        else:
            self._is_proved, self._proved_process = bool(look.names), look.process
            self.problem = None if look.names else f"{self._client.address}: {FINDS_NOTHING}"
        self._tests_done += 1

    def _failed(self, problem: str) -> None:
        self._is_proved = False
        self.problem = problem
