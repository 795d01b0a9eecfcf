"""Run the inspectors: those that need no parts at once, the others when the message is decoded.

Only one that waits gets a task of its own: for the others a task would cost as much as they do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from scanner_service.inspectors.inspector import ForeignInspector, Inspection, WaitsForNothing
from scanner_service.model.message import DecodedMessage, Message

HEAD_START_SECONDS_A_MEGABYTE = 0.01
HEAD_START_ABOVE_MEGABYTES = 0.125


async def run_inspectors(
    inspectors: Sequence[ForeignInspector],
    message: Message,
    decode: Callable[[], Awaitable[DecodedMessage]],
    until: float,
) -> tuple[DecodedMessage, Inspection]:
    """Return the decoded message and all that was seen, in the order of the inspectors."""
    in_place: dict[ForeignInspector, Inspection] = {}
    async with asyncio.TaskGroup() as group:
        tasks = {
            one: group.create_task(one.inspect(message, None, until))
            for one in inspectors
            if not (one.needs_parts or isinstance(one, WaitsForNothing))
        }
        if tasks:
            await _let_go_ahead(message)
        decoded = await decode()
        tasks |= {
            one: group.create_task(one.inspect(message, decoded, until))
            for one in inspectors
            if one.needs_parts and (not isinstance(one, WaitsForNothing) or one.waits_for(decoded))
        }
        for one in inspectors:
            if one not in tasks:
                in_place[one] = await one.inspect(message, decoded if one.needs_parts else None, until)
    return decoded, Inspection.joined(tasks[one].result() if one in tasks else in_place[one] for one in inspectors)


async def _let_go_ahead(message: Message) -> None:
    """Let the tasks send the message on its way before decoding takes the processor.

    clamd takes 50 ms for a megabyte, so what the end of decoding loses by this is not on anybody's way. What is short
    goes out in one turn of the event loop, without a timer.
    """
    megabytes = len(message.raw) / 2**20
    await asyncio.sleep(megabytes * HEAD_START_SECONDS_A_MEGABYTE if megabytes > HEAD_START_ABOVE_MEGABYTES else 0)
