"""Ask the scanning services for a verdict: one deadline, one second chance, never a guess."""

import asyncio
import itertools
from collections.abc import Sequence

from shim.metrics import Metrics
from shim.scanner_endpoint import Asking, ScannerEndpoint
from shim.scanner_question import (
    Answer,
    MessageTooBigError,
    NotAnsweredError,
    NotTakenError,
    Question,
    QuestionRefusedError,
    ScannerUnavailableError,
)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25
MOST_IN_HAND = 256  # each has a few descriptors and some hundred KiB of memory


class TooBusyError(Exception):
    """So many messages are with the scanners already that one more would only wait."""


class ScannerClient:
    """Holds the connections to the scanners; close it when done."""

    def __init__(
        self, scanners: Sequence[str], asking: Asking, retry_seconds: float, metrics: Metrics | None = None
    ) -> None:
        self._scanners = tuple(ScannerEndpoint(one, asking) for one in scanners)
        self._turns = itertools.count()
        self._retry_seconds = retry_seconds
        self._metrics = metrics or Metrics()

    async def aclose(self) -> None:
        """Close all connections."""
        for scanner in self._scanners:
            await scanner.aclose()

    async def judge(self, question: Question) -> Answer:
        """Return a verdict on the message.

        A question that nobody took is asked again, at the next scanner or after a pause, for ``retry_seconds``:
        on a one-host system a restart of the service then refuses nothing. One that was taken and not answered
        properly is asked once more, for it may be what breaks the scanner.

        Raises:
            TooBusyError: MOST_IN_HAND are asked about already.
            ScannerUnavailableError: no verdict within the deadline and these tries.
            MessageTooBigError: the message is larger than the scanner's limit.
            QuestionRefusedError: the scanner will not answer such a question.
        """
        if sum(scanner.health.in_hand for scanner in self._scanners) >= MOST_IN_HAND:
            raise TooBusyError(f"{MOST_IN_HAND} messages are with the scanners already")
        tries: list[str] = []
        try:
            async with asyncio.timeout_at(question.deadline):
                return await self._ask_in_turn(question, tries)
        except TimeoutError as error:
            said = "; ".join(tries) or "no answer"
            raise ScannerUnavailableError(f"no verdict before the deadline: {said}") from error

    async def _ask_in_turn(self, question: Question, tries: list[str]) -> Answer:
        retry_until: float | None = None
        chances = 2
        for round_number in itertools.count():
            pause = min(FIRST_PAUSE_SECONDS * 2**round_number, LONGEST_PAUSE_SECONDS)
            for scanner in self._in_order():
                try:
                    return await self._ask(scanner, question)
                except (NotTakenError, NotAnsweredError) as failure:
                    _note(tries, f"{scanner.endpoint}: {failure}")
                    now = asyncio.get_running_loop().time()
                    retry_until = retry_until or now + self._retry_seconds
                    chances -= isinstance(failure, NotAnsweredError)
                    if not chances or now > retry_until:
                        raise ScannerUnavailableError("; ".join(tries)) from failure
                    if isinstance(failure, NotTakenError) and failure.pause_seconds is not None:
                        pause = failure.pause_seconds
            if asyncio.get_running_loop().time() + pause > (retry_until or 0.0):
                raise ScannerUnavailableError("; ".join(tries))
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _in_order(self) -> list[ScannerEndpoint]:
        """Return all scanners, the well ones first, among them the least busy, and else in turns."""
        now = asyncio.get_running_loop().time()
        turn = next(self._turns) % len(self._scanners)
        in_turn = self._scanners[turn:] + self._scanners[:turn]
        return sorted(in_turn, key=lambda one: (one.health.rests(now), one.health.in_hand))

    async def _ask(self, scanner: ScannerEndpoint, question: Question) -> Answer:
        """Put the question to one scanner, and take note of how it fares."""
        health = scanner.health
        health.in_hand += 1
        outcome = "failed"
        pause_seconds = None
        try:
            if len(self._scanners) == 1:  # nobody else to turn to
                answer = await scanner.ask(question)
            else:
                answer = await scanner.ask_while_it_lives(question)
            outcome = "answered"
        except (MessageTooBigError, QuestionRefusedError):
            outcome = "refused"
            raise
        except NotTakenError as failure:
            outcome, pause_seconds = "not_taken", failure.pause_seconds
            raise
        finally:
            health.in_hand -= 1
            if outcome in ("answered", "refused"):
                health.answered()
            else:
                health.failed(asyncio.get_running_loop().time(), pause_seconds)
            self._metrics.count("questions_total", scanner=scanner.endpoint, outcome=outcome)
        return answer


def _note(tries: list[str], failure: str) -> None:
    if failure not in tries:
        tries.append(failure)
