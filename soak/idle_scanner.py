"""A scanning service that looks at nothing: `python -m soak.idle_scanner SOCKET`, in a process of its own.

It reads a message and drops it, and says that it is clean; the sender tells it to do otherwise.
"""

import asyncio
import sys
from dataclasses import replace
from functools import partial

from tests.fakes.scanner import http_answer
from tests.fakes.verdicts import verdict_on
from verdict_api.envelope import Envelope
from verdict_api.http_interface import ENVELOPE_HEADER
from verdict_api.json_codec import decode_envelope_header, encode_verdict
from verdict_api.verdict import HeaderAction, HeaderEdit, Verdict

CLIENTS = 8
TOGETHER = "together@remote.example"  # answered when CLIENTS of them are in hand at once
NEVER = "never@remote.example"  # not answered
EDITED = "edited@remote.example"  # gets a header field
_HEAD_LIMIT_BYTES = 2**20
_PIECE_BYTES = 2**18


async def _serve(path: str) -> None:
    converse = partial(_converse, asyncio.Barrier(CLIENTS))
    server = await asyncio.start_unix_server(converse, path, limit=_HEAD_LIMIT_BYTES)
    await server.serve_forever()


async def _converse(together: asyncio.Barrier, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await _answer(together, reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the shim is gone, or has no more
    finally:
        writer.close()


async def _answer(together: asyncio.Barrier, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    fields = _fields(await reader.readuntil(b"\r\n\r\n"))
    if "expect" in fields:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    left = int(fields["content-length"])
    while left:
        piece = await reader.read(min(left, _PIECE_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
    envelope = decode_envelope_header(fields[ENVELOPE_HEADER.lower()])
    if envelope.sender == NEVER:
        await reader.read()  # until the shim gives up
        raise ConnectionAbortedError
    if envelope.sender == TOGETHER:
        await together.wait()
    writer.write(http_answer(200, encode_verdict(_verdict(envelope))))
    await writer.drain()


def _verdict(envelope: Envelope) -> Verdict:
    verdict = verdict_on(envelope)
    if envelope.sender != EDITED:
        return verdict
    return replace(verdict, header_edits=(HeaderEdit(HeaderAction.ADD, "X-Soak", "looked at"),))


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("ascii").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
