"""Run the inspectors: those that need no parts at once, the others when the message is decoded."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import reduce

from scanner_service.inspectors.inspector import Inspection, Inspector
from scanner_service.model.message import DecodedMessage, Message

HEAD_START_SECONDS_A_MEGABYTE = 0.01


async def run_inspectors(
    inspectors: Sequence[Inspector],
    message: Message,
    decode: Callable[[], Awaitable[DecodedMessage]],
    until: float,
) -> tuple[DecodedMessage, Inspection]:
    """Return the decoded message and all that was seen, in the order of the inspectors."""
    running: dict[Inspector, asyncio.Task[Inspection]] = {}
    async with asyncio.TaskGroup() as group:
        for inspector in inspectors:
            if not inspector.needs_parts:
                running[inspector] = group.create_task(inspector.inspect(message, None, until))
        await asyncio.sleep(_head_start_seconds(message) if running else 0)
        decoded = await decode()
        for inspector in inspectors:
            if inspector.needs_parts:
                running[inspector] = group.create_task(inspector.inspect(message, decoded, until))
    return decoded, reduce(Inspection.joined, (running[one].result() for one in inspectors), Inspection())


def _head_start_seconds(message: Message) -> float:
    """Let them send the message on its way before decoding takes the processor.

    clamd takes 50 ms for a megabyte, so what the end of decoding loses by this is not on anybody's way.
    """
    return len(message.raw) * HEAD_START_SECONDS_A_MEGABYTE / 2**20
