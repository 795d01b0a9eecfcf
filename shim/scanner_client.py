"""Ask the scanning services for a verdict: one deadline, one second chance, never a guess."""

import asyncio
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import httpx

from shim.http_transport import LeanTransport
from shim.spool import SpoolFile
from verdict_api.envelope import Envelope
from verdict_api.http_interface import (
    DEADLINE_HEADER,
    ENVELOPE_HEADER,
    ENVELOPE_HEADER_LIMIT_BYTES,
    IDEMPOTENCY_HEADER,
    MESSAGE_TYPE,
    VERDICT_LIMIT_BYTES,
    VERDICTS_PATH,
)
from verdict_api.json_codec import CodecError, decode_verdict, encode_envelope, encode_envelope_header
from verdict_api.printable import printable
from verdict_api.verdict import Verdict

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25
READ_WHOLE_BELOW_BYTES = 256 * 2**10


class ScannerUnavailableError(Exception):
    """No scanner gave a verdict in time; the mail must be sent again later."""


class MessageTooBigError(Exception):
    """The scanner does not take messages of this size (413), now or later."""


class QuestionRefusedError(Exception):
    """The scanner refused our question (4xx): a wrong token, or a bug of ours. Asking again will not help."""


class _NotTakenError(Exception):
    """Nobody has worked on the question: no connection, or 429 or 503. ``pause_seconds`` is Retry-After's."""

    def __init__(self, reason: str, pause_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.pause_seconds = pause_seconds


class _FailedError(Exception):
    """The question was taken, and no proper answer came."""


class _HeaderRefusedError(Exception):
    """The envelope does not fit a header on the way (400, 431); it may fit the body."""


@dataclass(frozen=True, slots=True)
class Question:
    """One message to be judged until ``deadline``, a time of the event loop; its key goes with every try."""

    envelope: Envelope
    message: SpoolFile
    deadline: float
    idempotency_key: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and the scanner that gave it."""

    verdict: Verdict
    scanner: str


class ScannerClient:
    """Holds the connections to the scanners; close it when done."""

    def __init__(self, scanners: Sequence[str], token: str | None, retry_seconds: float) -> None:
        self._scanners = tuple(_Scanner(one, token) for one in scanners)
        self._turns = itertools.count()
        self._retry_seconds = retry_seconds

    async def aclose(self) -> None:
        """Close all connections."""
        for scanner in self._scanners:
            await scanner.transport.aclose()

    async def judge(self, question: Question) -> Answer:
        """Return a verdict on the message.

        A question that nobody took is asked again, at the next scanner or after a pause, for ``retry_seconds``:
        on a one-host system a restart of the service then refuses nothing. One that was taken and not answered
        properly is asked once more, for it may be what breaks the scanner.

        Raises:
            ScannerUnavailableError: no verdict within the deadline and these tries.
            MessageTooBigError: the message is larger than the scanner's limit.
            QuestionRefusedError: the scanner will not answer such a question.
        """
        tries: list[str] = []
        try:
            async with asyncio.timeout_at(question.deadline):
                return await self._ask_in_turn(question, tries)
        except TimeoutError as error:
            said = "; ".join(tries) or "no answer"
            raise ScannerUnavailableError(f"no verdict before the deadline: {said}") from error

    async def _ask_in_turn(self, question: Question, tries: list[str]) -> Answer:
        first = next(self._turns)
        retry_until: float | None = None
        chances = 2
        for attempt in itertools.count():
            scanner = self._scanners[(first + attempt) % len(self._scanners)]
            try:
                return await scanner.ask(question)
            except (_NotTakenError, _FailedError) as failure:
                _note(tries, f"{scanner.endpoint}: {failure}")
                now = asyncio.get_running_loop().time()
                retry_until = retry_until or now + self._retry_seconds
                chances -= isinstance(failure, _FailedError)
                pause = self._pause(attempt, failure)
                if not chances or now + pause > retry_until:
                    raise ScannerUnavailableError("; ".join(tries)) from failure
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _pause(self, attempt: int, failure: Exception) -> float:
        rounds, place = divmod(attempt + 1, len(self._scanners))
        if place:
            return 0.0  # another scanner has not been asked in this round
        if isinstance(failure, _NotTakenError) and failure.pause_seconds is not None:
            return failure.pause_seconds
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (rounds - 1), LONGEST_PAUSE_SECONDS))


class _Scanner:
    """One scanning service. Requests go to its transport as they are.

    httpx' client would add cookies, redirects, proxies and authentication flows, of which we want none, and double
    the processor time of a question.
    """

    def __init__(self, endpoint: str, token: str | None) -> None:
        self.endpoint = endpoint
        base = "http://localhost" if endpoint.startswith("unix:") else endpoint
        self._url = httpx.URL(base + VERDICTS_PATH)
        self._headers = [("User-Agent", "couriergate-shim")]
        if token:
            self._headers.append(("Authorization", f"Bearer {token}"))
        self.transport = LeanTransport(endpoint, VERDICT_LIMIT_BYTES)

    async def ask(self, question: Question) -> Answer:
        header = encode_envelope_header(question.envelope)
        if len(header) > ENVELOPE_HEADER_LIMIT_BYTES:
            return await self._ask_multipart(question)
        try:
            return await self._ask_raw(question, header)
        except _HeaderRefusedError:
            return await self._ask_multipart(question)

    async def _ask_raw(self, question: Question, header: str) -> Answer:
        message = question.message
        headers = [
            *self._headers,
            *_question_headers(question),
            ("Content-Type", MESSAGE_TYPE),
            ("Content-Length", str(message.size)),
            (ENVELOPE_HEADER, header),
        ]
        content = message.read() if message.size < READ_WHOLE_BELOW_BYTES else message
        response = await self._send(httpx.Request("POST", self._url, headers=headers, content=content))
        if response.status_code in (400, 431):
            raise _HeaderRefusedError
        return self._answer(response, question)

    async def _ask_multipart(self, question: Question) -> Answer:
        headers = [*self._headers, *_question_headers(question)]
        with question.message.as_file() as message:
            files: dict[str, tuple[str, bytes | BinaryIO, str]] = {
                "envelope": ("envelope.json", encode_envelope(question.envelope), "application/json"),
                "message": ("message.eml", message, MESSAGE_TYPE),
            }
            response = await self._send(httpx.Request("POST", self._url, headers=headers, files=files))
        return self._answer(response, question)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _NotTakenError(str(error)) from error
        except httpx.TransportError as error:
            raise _FailedError(str(error) or type(error).__name__) from error

    def _answer(self, response: httpx.Response, question: Question) -> Answer:
        match response.status_code:
            case 200:
                return Answer(_verdict(response.content, question.envelope), self.endpoint)
            case 413:
                raise MessageTooBigError(f"{self.endpoint}: {_problem(response)}")
            case 429 | 503:
                raise _NotTakenError(_problem(response), _retry_after(response))
            case status if 400 <= status < 500:
                raise QuestionRefusedError(f"{self.endpoint}: {_problem(response)}")
            case _:
                raise _FailedError(_problem(response))


def _question_headers(question: Question) -> list[tuple[str, str]]:
    left_seconds = question.deadline - asyncio.get_running_loop().time()
    return [
        (DEADLINE_HEADER, str(max(1, int(left_seconds * 1000)))),
        (IDEMPOTENCY_HEADER, question.idempotency_key),
    ]


def _verdict(body: bytes, envelope: Envelope) -> Verdict:
    try:
        verdict = decode_verdict(body)
    except CodecError as error:
        raise _FailedError(f"malformed verdict: {error}") from error
    asked = [recipient.address for recipient in envelope.recipients]
    if [recipient.address for recipient in verdict.recipients] != asked:
        raise _FailedError("malformed verdict: its recipients are not those of the envelope")
    return verdict


def _problem(response: httpx.Response) -> str:
    return printable(f"{response.status_code} {response.content[:200].decode('utf-8', 'surrogateescape')}")


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None


def _note(tries: list[str], failure: str) -> None:
    if failure not in tries:
        tries.append(failure)
