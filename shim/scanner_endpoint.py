"""One scanning service: how a question goes there, and what its answers mean.

Requests go to its transport as they are, without httpx' client, which would add cookies, redirects, proxies and
authentication flows, of which we want none; and but for forms without its requests, which take longer to make than
to send.
"""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import BinaryIO

import httpx

from shim.http_exchange import HttpAnswer
from shim.http_transport import HttpQuestion, LeanTransport
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
from verdict_api.json_codec import decode_decision, encode_envelope, encode_envelope_header
from verdict_api.json_fields import CodecError
from verdict_api.printable import printable
from verdict_api.verdict import Decision

READ_WHOLE_BELOW_BYTES = 256 * 2**10
_MESSAGE_TYPE = MESSAGE_TYPE.encode("ascii")
_DEADLINE_HEADER = DEADLINE_HEADER.encode("ascii")
_ENVELOPE_HEADER = ENVELOPE_HEADER.encode("ascii")
_IDEMPOTENCY_HEADER = IDEMPOTENCY_HEADER.encode("ascii")


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
        base = "http://localhost" if endpoint.startswith("unix:") else endpoint
        self._url = httpx.URL(base + VERDICTS_PATH)
        self._target = self._url.raw_path
        self._liveness_target = httpx.URL(base + LIVENESS_PATH).raw_path
        self._send_form = asking.send
        own = {"User-Agent": "couriergate-shim"}
        if asking.token:
            own["Authorization"] = f"Bearer {asking.token}"
        self._headers = httpx.Request("GET", self._url, headers=own).headers.raw  # with Host
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
            await self._transport.ask(HttpQuestion(b"GET", self._liveness_target, self._headers))
        except httpx.TransportError:
            return False
        return True

    async def _ask_raw(self, question: Question, header: str) -> Answer:
        message = question.message
        headers = [
            (b"Content-Type", _MESSAGE_TYPE),
            (b"Content-Length", b"%d" % message.size),
            (_ENVELOPE_HEADER, header.encode("ascii")),
        ]
        content = message.read() if message.size < READ_WHOLE_BELOW_BYTES else message
        answer = await self._send(question, headers, content)
        if answer.status in (400, 431):
            raise _HeaderRefusedError
        return self._answer(answer, question)

    async def _ask_multipart(self, question: Question) -> Answer:
        with question.message.as_file() as message:
            files: dict[str, tuple[str, bytes | BinaryIO, str]] = {
                "envelope": ("envelope.json", encode_envelope(question.envelope), "application/json"),
                "message": ("message.eml", message, MESSAGE_TYPE),
            }
            form = httpx.Request("POST", self._url, files=files)
            assert isinstance(form.stream, httpx.AsyncByteStream)
            headers = [(name, value) for name, value in form.headers.raw if name.lower().startswith(b"content-")]
            answer = await self._send(question, headers, form.stream)
        return self._answer(answer, question)

    async def _ask_by_path(self, question: Question) -> Answer:
        path = json.dumps(os.fsdecode(question.message.path)).encode("ascii")
        content = b'{"message_path":%b,"envelope":%b}' % (path, encode_envelope(question.envelope))
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(content))]
        return self._answer(await self._send(question, headers, content), question)

    async def _send(
        self, question: Question, headers: list[tuple[bytes, bytes]], content: bytes | AsyncIterable[bytes]
    ) -> HttpAnswer:
        all_headers = [*self._headers, *_question_headers(question), *headers]
        try:
            return await self._transport.ask(HttpQuestion(b"POST", self._target, all_headers, content))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotTakenError(str(error)) from error
        except httpx.TransportError as error:
            raise NotAnsweredError(str(error) or type(error).__name__) from error

    def _answer(self, answer: HttpAnswer, question: Question) -> Answer:
        match answer.status:
            case 200:
                return Answer(_verdict(answer.body, question.envelope), self.endpoint)
            case 413:
                raise MessageTooBigError(f"{self.endpoint}: {_problem(answer)}")
            case 429 | 503:
                raise NotTakenError(_problem(answer), _retry_after(answer))
            case status if 400 <= status < 500:
                raise QuestionRefusedError(f"{self.endpoint}: {_problem(answer)}")
            case _:
                raise NotAnsweredError(_problem(answer))


def _question_headers(question: Question) -> list[tuple[bytes, bytes]]:
    left_seconds = question.deadline - asyncio.get_running_loop().time()
    return [
        (_DEADLINE_HEADER, b"%d" % max(1, int(left_seconds * 1000))),
        (_IDEMPOTENCY_HEADER, question.idempotency_key.encode("ascii")),
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


def _problem(answer: HttpAnswer) -> str:
    return printable(f"{answer.status} {answer.body[:200].decode('utf-8', 'surrogateescape')}")


def _retry_after(answer: HttpAnswer) -> float | None:
    value = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
    return float(value) if value.isdigit() and len(value) < 6 else None
