"""What ``couriergate-scanner check`` says of the virus engines: each is asked once, now."""

import asyncio
from collections.abc import Iterator, Sequence

from scanner_service.inspectors.clamd import FINDS_NOTHING
from scanner_service.inspectors.engine import WARNINGS, Protection, VirusEngine, has_old_signatures, protection_of
from verdict_api.printable import printable

SIGNATURES_ADVICE = "look at freshclam and its log, and at DatabaseDirectory in clamd.conf"
AWAY_ADVICE = "look whether it runs, at its address in [virus] engines, and whether we may connect to it"
SPAM_ADVICE = "look whether it runs, at its address in [spam] engine, and whether we may connect to it"


async def ask(engines: Sequence[VirusEngine]) -> None:
    """Have every engine tried with the EICAR test file, all at once."""
    async with asyncio.TaskGroup() as group:
        for engine in engines:
            group.create_task(engine.refresh())


def complaints(engines: Sequence[VirusEngine], oldest_days: int) -> Iterator[str]:
    """Yield a line for each thing that is wrong, with what to do about it."""
    for engine in engines:
        if engine.problem is not None:
            advice = SIGNATURES_ADVICE if FINDS_NOTHING in engine.problem else AWAY_ADVICE
            yield f"engine {engine.name}: {printable(engine.problem)}. Do: {advice}"
        if has_old_signatures(engine, oldest_days):
            yield (
                f"engine {engine.name}: its signatures are {engine.signature_days} days old. "
                "Do: look at freshclam and its log"
            )
    if warning := WARNINGS.get(protection_of(engines)):
        yield f"but {warning}"


def is_well(engines: Sequence[VirusEngine], backups: Sequence[VirusEngine]) -> bool:
    """Tell whether one protects and no primary has a problem; a backup that is away keeps no mail waiting."""
    return protection_of(engines) is Protection.REAL and not any(
        engine.problem for engine in engines if engine not in backups
    )
