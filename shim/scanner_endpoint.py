"""One scanning service: how a question goes there, and what its answers mean.

Requests go to its transport as they are. httpx' client would add cookies, redirects, proxies and authentication
flows, of which we want none, and double the processor time of a question.
"""

import asyncio
import json
import os
import ssl
from dataclasses import dataclass
from typing import BinaryIO

import httpx

from shim.http_transport import LeanTransport
from shim.patience import given_up_when_dead
from shim.scanner_health import ScannerHealth
from shim.scanner_question import (
    Answer,
    MessageTooBigError,
    NotAnsweredError,
    NotTakenError,
    Question,
    QuestionRefusedError,
)
from shim.settings import Send
from verdict_api.envelope import Envelope
from verdict_api.http_interface import (
    DEADLINE_HEADER,
    ENVELOPE_HEADER,
    ENVELOPE_HEADER_LIMIT_BYTES,
    IDEMPOTENCY_HEADER,
    LIVENESS_PATH,
    MESSAGE_TYPE,
    VERDICT_LIMIT_BYTES,
    VERDICTS_PATH,
)
from verdict_api.json_codec import CodecError, decode_decision, encode_envelope, encode_envelope_header
from verdict_api.printable import printable
from verdict_api.verdict import Decision

READ_WHOLE_BELOW_BYTES = 256 * 2**10


class _HeaderRefusedError(Exception):
    """The envelope does not fit a header on the way (400, 431); it may fit the body."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is alike for all scanners: the token, the TLS context, and how messages go there."""

    token: str | None = None
    tls: ssl.SSLContext | None = None
    send: Send = Send.CONTENT


class ScannerEndpoint:
    """One scanning service, and how it fares."""

    def __init__(self, endpoint: str, asking: Asking) -> None:
        self.endpoint = endpoint
        self.health = ScannerHealth()
        self._base = "http://localhost" if endpoint.startswith("unix:") else endpoint
        self._url = httpx.URL(self._base + VERDICTS_PATH)
        self._send_form = asking.send
        self._headers = [("User-Agent", "couriergate-shim")]
        if asking.token:
            self._headers.append(("Authorization", f"Bearer {asking.token}"))
        self._transport = LeanTransport(endpoint, VERDICT_LIMIT_BYTES, asking.tls)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def ask(self, question: Question) -> Answer:
        """Put the question once.

        Raises:
            NotTakenError, NotAnsweredError: asking again may help.
            MessageTooBigError, QuestionRefusedError: it will not.
        """
        if self._send_form is Send.PATH:
            return await self._ask_by_path(question)
        header = encode_envelope_header(question.envelope)
        if len(header) > ENVELOPE_HEADER_LIMIT_BYTES:
            return await self._ask_multipart(question)
        try:
            return await self._ask_raw(question, header)
        except _HeaderRefusedError:
            return await self._ask_multipart(question)

    async def ask_while_it_lives(self, question: Question) -> Answer:
        """Put the question once, and take it back from a scanner that no longer answers anything.

        A scan may take long, a hung process takes for ever; ``/livez`` tells them apart.

        Raises:
            As ``ask``.
        """
        try:
            async with given_up_when_dead(self._lives):
                return await self.ask(question)
        except TimeoutError as error:
            raise NotAnsweredError("neither an answer nor a sign of life") from error

    async def _lives(self) -> bool:
        try:
            await self._transport.handle_async_request(httpx.Request("GET", self._base + LIVENESS_PATH))
        except httpx.TransportError:
            return False
        return True

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

    async def _ask_by_path(self, question: Question) -> Answer:
        path = json.dumps(os.fsdecode(question.message.path)).encode("ascii")
        content = b'{"message_path":%b,"envelope":%b}' % (path, encode_envelope(question.envelope))
        headers = [*self._headers, *_question_headers(question), ("Content-Type", "application/json")]
        response = await self._send(httpx.Request("POST", self._url, headers=headers, content=content))
        return self._answer(response, question)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotTakenError(str(error)) from error
        except httpx.TransportError as error:
            raise NotAnsweredError(str(error) or type(error).__name__) from error

    def _answer(self, response: httpx.Response, question: Question) -> Answer:
        match response.status_code:
            case 200:
                return Answer(_verdict(response.content, question.envelope), self.endpoint)
            case 413:
                raise MessageTooBigError(f"{self.endpoint}: {_problem(response)}")
            case 429 | 503:
                raise NotTakenError(_problem(response), _retry_after(response))
            case status if 400 <= status < 500:
                raise QuestionRefusedError(f"{self.endpoint}: {_problem(response)}")
            case _:
                raise NotAnsweredError(_problem(response))


def _question_headers(question: Question) -> list[tuple[str, str]]:
    left_seconds = question.deadline - asyncio.get_running_loop().time()
    return [
        (DEADLINE_HEADER, str(max(1, int(left_seconds * 1000)))),
        (IDEMPOTENCY_HEADER, question.idempotency_key),
    ]


def _verdict(body: bytes, envelope: Envelope) -> Decision:
    try:
        verdict = decode_decision(body)
    except CodecError as error:
        raise NotAnsweredError(f"malformed verdict: {error}") from error
    asked = [recipient.address for recipient in envelope.recipients]
    if [recipient.address for recipient in verdict.recipients] != asked:
        raise NotAnsweredError("malformed verdict: its recipients are not those of the envelope")
    return verdict


def _problem(response: httpx.Response) -> str:
    return printable(f"{response.status_code} {response.content[:200].decode('utf-8', 'surrogateescape')}")


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
