"""Asking scanners one question, as a test wants it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from shim.scanner_client import ScannerClient
from shim.scanner_endpoint import Asking
from shim.scanner_question import Answer, Question
from shim.spool import SpoolFile
from verdict_api.envelope import Envelope, Recipient
from verdict_api.json_codec import encode_envelope

ENVELOPE = Envelope(
    sender="caf\udce9@remote.example",
    recipients=(Recipient("alice@test.example"), Recipient("bob@test.example")),
    host="mx.test.example",
    queue_id="000000000016652A.000000006B0305D3.00004F36",
)
MESSAGE = b"Subject: hello\n\nHello.\n"


def envelope_of_bytes(size: int) -> Envelope:
    """Return an envelope whose JSON is so many bytes long."""
    without = len(encode_envelope(Envelope("", ENVELOPE.recipients)))
    return Envelope("s" * (size - without), ENVELOPE.recipients)


PLAINLY = Asking()
LONG_ENVELOPE = envelope_of_bytes(20_000)  # for a header too long, so it goes as a form


@contextmanager
def spooled(message: bytes) -> Iterator[SpoolFile]:
    with tempfile.NamedTemporaryFile() as stored:
        stored.write(message)
        stored.flush()
        with SpoolFile(bytes(Path(stored.name))) as file:
            yield file


@asynccontextmanager
async def client_of(
    *scanners: str, asking: Asking = PLAINLY, retry_seconds: float = 0.3
) -> AsyncIterator[ScannerClient]:
    client = ScannerClient(scanners, asking, retry_seconds)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(
    client: ScannerClient, message: bytes = MESSAGE, envelope: Envelope = ENVELOPE, deadline_seconds: float = 10.0
) -> Answer:
    with spooled(message) as file:
        deadline = asyncio.get_running_loop().time() + deadline_seconds
        return await client.judge(Question(envelope, file, deadline))


def judge(
    *scanners: str,
    message: bytes = MESSAGE,
    envelope: Envelope = ENVELOPE,
    deadline_seconds: float = 10.0,
    asking: Asking = PLAINLY,
    retry_seconds: float = 0.3,
) -> Answer:
    """Ask one question with a client of its own."""

    async def run() -> Answer:
        async with client_of(*scanners, asking=asking, retry_seconds=retry_seconds) as client:
            return await ask(client, message, envelope, deadline_seconds)

    return asyncio.run(run())


def judge_in_turn(*scanners: str, messages: Sequence[bytes]) -> list[Answer]:
    """Ask one question after another with the same client."""

    async def run() -> list[Answer]:
        async with client_of(*scanners) as client:
            return [await ask(client, message) for message in messages]

    return asyncio.run(run())
