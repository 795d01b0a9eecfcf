"""Strange bytes for every parser, made of a kept corpus: the same ones in each run, as far as the time goes."""

import hashlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from soak.parsers import PARSERS
from soak.plan import Plan
from soak.progress import Progress
from soak.report import ROOT
from soak.row import Row

CORPUS = ROOT / "tests/corpus"
SEED = 20
_HANG_SECONDS = 10
_LONGEST_INPUT_BYTES = 16 * 2**10
_MOST_REPETITIONS = 200
_TOKENS = (
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b"=",
    b'"',
    b"\\",
    b"-",
    b"\xff",
    b"\xc3",
    b"9" * 20,
)


class HangError(BaseException):
    """A parser took longer than any input may take; no `except Exception` on its way may swallow this."""


def prove_parsers(plan: Plan, progress: Progress) -> Iterator[Row]:
    progress.say(f"fuzz: {plan.fuzz_seconds:g} s a parser, random seed {SEED}")
    for name, check in PARSERS.items():
        yield fuzz(name, check, CORPUS / name, plan.fuzz_seconds)


def fuzz(name: str, check: Callable[[bytes], None], corpus: Path, seconds: float) -> Row:
    """Check one parser with its corpus, then with what becomes of it; the first failure ends it, and is kept."""
    chance = random.Random(f"{SEED} {name}")
    seeds = [file.read_bytes() for file in sorted(corpus.iterdir())]
    faults: list[str] = []
    inputs = 0
    end = time.monotonic() + seconds
    while not faults and (inputs < len(seeds) or time.monotonic() < end):
        data = seeds[inputs] if inputs < len(seeds) else mutate(chance, seeds)
        inputs += 1
        try:
            with _time_limit():
                check(data)
        except (Exception, HangError) as error:  # noqa: BLE001 - whatever it is, it is what we look for
            faults.append(f"{_keep(corpus, data).name}: {error!r}")
    return Row(name, {"seeds": len(seeds), "inputs": inputs, "failures": len(faults)}, faults)


def mutate(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Change one seed in one to eight places."""
    data = chance.choice(seeds)
    for _ in range(chance.randint(1, 8)):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.randint(0, chance.choice((1, 4, 64))))
        other = chance.choice(seeds)
        middle = chance.choice(
            (
                b"",
                chance.randbytes(chance.randint(1, 4)),
                chance.choice(_TOKENS),
                data[start:end] * chance.randint(2, _MOST_REPETITIONS),
                other[chance.randint(0, len(other)) :],
            )
        )
        data = (data[:start] + middle + data[end:])[:_LONGEST_INPUT_BYTES]
    return data


def _keep(corpus: Path, data: bytes) -> Path:
    """Write a failing input beside the others: from now on each run begins with it."""
    file = corpus / f"found_{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    return file


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise HangError(f"no end after {_HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
