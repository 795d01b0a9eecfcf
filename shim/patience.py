"""Tell a scanner that works long from one that hangs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

PATIENCE_SECONDS = 2.0
LIFE_SIGN_SECONDS = 1.0
LIFE_SIGNS_MISSED = 2  # a service that is busy with a big message may miss one


@contextlib.asynccontextmanager
async def given_up_when_dead(lives: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """Wait for the block as long as ``lives`` says yes now and then; most blocks end before it is asked at all.

    Raises:
        TimeoutError: it said no, or nothing, LIFE_SIGNS_MISSED times in a row.
    """
    watching: list[asyncio.Task[None]] = []
    async with asyncio.timeout(None) as limit:
        starting = asyncio.get_running_loop().call_later(
            PATIENCE_SECONDS, lambda: watching.append(asyncio.create_task(_watch(lives, limit)))
        )
        try:
            yield
        finally:
            starting.cancel()
            for task in watching:
                task.cancel()


async def _watch(lives: Callable[[], Awaitable[bool]], limit: asyncio.Timeout) -> None:
    missed = 0
    while True:
        missed = 0 if await _gives_a_sign(lives) else missed + 1
        if missed == LIFE_SIGNS_MISSED:
            limit.reschedule(asyncio.get_running_loop().time())
            return
        await asyncio.sleep(PATIENCE_SECONDS if not missed else 0.0)


async def _gives_a_sign(lives: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(LIFE_SIGN_SECONDS):
            return await lives()
    except TimeoutError:
        return False
