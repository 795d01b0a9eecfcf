"""The shim's HTTP transport beside the one that httpx brings, both against the same scanning service."""

import asyncio
import collections
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.load import REPLY_LIMIT_SECONDS, Load, WrongReplyError
from shim.http_transport import LeanTransport
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.http_interface import ENVELOPE_HEADER, MESSAGE_TYPE, VERDICT_LIMIT_BYTES, VERDICTS_PATH
from verdict_api.json_codec import encode_envelope_header

LEAN = "lean transport"
STOCK = "httpx transport"
ENVELOPE = Envelope(
    sender="anna@remote.example",
    recipients=(Recipient("bernd@mx.example"),),
    host="mx.example",
    queue_id="000000000016652A.000000006B0305D3.00004F36",
    queue_ids=("000000000016652A.000000006B0305D3.00004F36",),
    client=Client(ip="192.0.2.7", name="client.example", helo="client.example"),
    source="smtp",
)


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """The scanning service, asked by httpx over one of the transports."""

    name: str
    make_transport: Callable[[], httpx.AsyncBaseTransport]

    def prepare(self, messages: Iterable[bytes]) -> list[bytes]:
        return list(messages)

    def drive(self, requests: Sequence[bytes], clients: int, limit_seconds: float) -> Load:
        try:
            return asyncio.run(self._drive(requests, clients, limit_seconds))
        except ExceptionGroup as failures:  # the group's other clients were cancelled
            raise failures.exceptions[0] from failures

    def clear(self) -> None:
        pass

    async def _drive(self, requests: Sequence[bytes], clients: int, limit_seconds: float) -> Load:
        waiting = collections.deque(requests)
        async with httpx.AsyncClient(
            base_url="http://localhost",
            transport=self.make_transport(),
            headers={"Content-Type": MESSAGE_TYPE, ENVELOPE_HEADER: encode_envelope_header(ENVELOPE)},
            timeout=REPLY_LIMIT_SECONDS,
            trust_env=False,
        ) as client:
            cpu_before, started = time.process_time(), time.perf_counter()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._ask_in_turn(client, waiting, started + limit_seconds))
                    for _ in range(clients)
                ]
            elapsed, cpu_after = time.perf_counter() - started, time.process_time()
        return Load([one for task in tasks for one in task.result()], elapsed, cpu_after - cpu_before)

    async def _ask_in_turn(
        self, client: httpx.AsyncClient, waiting: collections.deque[bytes], deadline: float
    ) -> list[float]:
        latencies = []
        while waiting and time.perf_counter() < deadline:
            message = waiting.popleft()
            began = time.perf_counter()
            response = await client.post(VERDICTS_PATH, content=message)
            latencies.append((time.perf_counter() - began) * 1000)
            if response.status_code != httpx.codes.OK or response.json()["destiny"] != "pass":
                raise WrongReplyError(f"{self.name}: {response.status_code} {response.text[:200]}")
        return latencies


def both_transports(scanner_socket: Path) -> tuple[HttpTarget, HttpTarget]:
    return (
        HttpTarget(STOCK, functools.partial(httpx.AsyncHTTPTransport, uds=str(scanner_socket))),
        HttpTarget(LEAN, functools.partial(LeanTransport, f"unix:{scanner_socket}", VERDICT_LIMIT_BYTES)),
    )
