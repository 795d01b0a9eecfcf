"""Start processes that may go wrong in any way, and end them for certain."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence


def start_process(
    command: Sequence[str],
    *,
    standard_input: int,
    standard_output: int = subprocess.DEVNULL,
    standard_error: int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that inherits these descriptors and nothing else of the service.

    It blocks for the millisecond that it takes: asyncio's own way may lose a process when it is cancelled. And it has
    to be called by the event loop's thread, whose end would be the end of the process (PR_SET_PDEATHSIG).

    Raises:
        OSError: there is no such program, or no process can be had.
    """
    return subprocess.Popen(  # noqa: S603  # the command is ours
        command,
        stdin=standard_input,
        stdout=standard_output,
        stderr=standard_error,
        cwd="/",
        env=environment or {},
    )


async def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill it if it lives, and wait for it; also if we are cancelled while we wait, no zombie stays."""
    if process.poll() is None:
        process.kill()
        await asyncio.to_thread(process.wait)
