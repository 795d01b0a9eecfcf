"""`python -m bench inspectors`: what each inspector costs by itself, and decoding, in the process of the service."""

import argparse
import asyncio
import contextlib
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.inspectors_report import RESULTS, Cost, InspectorsReport
from bench.machine import current_commit, describe_machine
from bench.messages import MessageSize, fresh_message
from bench.performance_page import PAGE
from bench.processes import ProgramFailedError
from bench.spam_stage import rspamd, spamd
from bench.stage import PROJECT, ProgramMissingError, clamd
from bench.transports import ENVELOPE
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import Decoder
from scanner_service.inspector_choice import choose_inspectors
from scanner_service.inspectors.inspector import Inspection, Inspector
from scanner_service.inspectors.third_party import ThirdPartyInspector
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.settings import (
    ClamdSetting,
    MailAuth,
    RspamdSetting,
    Settings,
    Spam,
    SpamdSetting,
    Virus,
    YaraSetting,
)
from tests.fakes.dns_server import DnsServer
from verdict_api.verdict import InspectorStatus

RULES = 500
ONE_READING = "readings, of a message with one"
ZONE = "remote.example TXT v=spf1 ip4:192.0.2.1 -all\n_dmarc.remote.example TXT v=DMARC1; p=none"
LONGEST_SECONDS = 300.0
ENOUGH_SECONDS = 3.0  # for one inspector and size in a round: SpamAssassin takes seconds for a message
RULE = """\
rule r{number} {{
  strings: $text = "marker-{number:04d}-of-a-family" $code = {{ {code} ?? {code} }}
  condition: any of them
}}
"""

Step = Callable[[Message, DecodedMessage], Awaitable[None]]
Subject = tuple[str, Step]


@dataclass(frozen=True, slots=True)
class InspectorsPlan:
    """How many rounds over everything, and how many messages of each size in a round."""

    rounds: int = 5
    messages: dict[MessageSize, int] = dataclasses.field(
        default_factory=lambda: {MessageSize.SMALL: 40, MessageSize.MEDIUM: 12, MessageSize.LARGE: 4}
    )


QUICK_PLAN = InspectorsPlan(1, dict.fromkeys(MessageSize, 1))


class NotInspectedError(Exception):
    """An inspector could not look, so that its time says nothing."""


class Nothing:
    """Another's inspector that finds nothing: what remains is the cost of taking it on."""

    needs_parts = False

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        del message, decoded, until
        return Inspection()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench inspectors", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one message of each size, and nothing is written")
    given = parser.parse_args(arguments)
    left_out: list[str] = []
    costs = uvloop.run(measure(QUICK_PLAN if given.quick else InspectorsPlan(), left_out))
    report = InspectorsReport(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=current_commit(PROJECT),
        machine=dataclasses.asdict(describe_machine("")),
        costs=tuple(costs),
        left_out=tuple(left_out),
    )
    print(report.as_markdown())
    if not given.quick:
        RESULTS.write_text(report.as_json())
        PAGE.write_text(report.on_page(PAGE.read_text()))
    return 0


async def measure(plan: InspectorsPlan, left_out: list[str]) -> list[Cost]:
    """Measure everything in each round; return the medians. What is not installed is noted, and left out."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        decoders = DecoderPool()
        await decoders.warm_up()
        decoder = Decoder(DecodeLimits(), decoders)
        try:
            subjects = [_of_decoding(decoder), *await _subjects(stack, folder, decoder, left_out)]
            return await _measure_rounds(plan, subjects, decoder)
        finally:
            await decoders.aclose()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="couriergate-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # spamd and rspamd work as other users
        yield folder


async def _measure_rounds(plan: InspectorsPlan, subjects: Sequence[Subject], decoder: Decoder) -> list[Cost]:
    times: dict[tuple[str, MessageSize], list[tuple[float, float]]] = {}
    for number in range(plan.rounds):
        print(f"round {number + 1}/{plan.rounds}", file=sys.stderr, flush=True)
        for size in MessageSize:
            for name, step in subjects:
                taken = times.setdefault((name, size), [])
                end = time.monotonic() + ENOUGH_SECONDS
                for _ in range(plan.messages[size]):
                    taken.append(await _timed(step, _message(size), decoder))
                    if time.monotonic() > end:
                        break
    return [
        Cost(
            name,
            size,
            round(statistics.median(wall for wall, _ in both), 3),
            round(statistics.median(cpu for _, cpu in both), 3),
        )
        for (name, size), both in times.items()
    ]


async def _timed(step: Step, message: Message, decoder: Decoder) -> tuple[float, float]:
    """Return the milliseconds of one step, by the clock and of our processor time, all threads of ours included."""
    decoded = await decoder.decode(message.raw, _until())
    wall, cpu = time.perf_counter(), time.process_time()
    await step(message, decoded)
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def _message(size: MessageSize) -> Message:
    return Message("a", ENVELOPE, fresh_message(size), "")


def _of_decoding(decoder: Decoder) -> Subject:
    async def decode(message: Message, decoded: DecodedMessage) -> None:
        del decoded
        if (await decoder.decode(message.raw, _until())).not_done:
            raise NotInspectedError("decoding was not done")

    return "decode", decode


async def _subjects(stack: ExitStack, folder: Path, decoder: Decoder, left_out: list[str]) -> list[Subject]:
    """Return all inspectors that the settings can choose, each once, by the names in their reports."""
    message = _message(MessageSize.SMALL)
    decoded = await decoder.decode(message.raw, _until())
    found: dict[str, Inspector] = {}
    for settings in _choices(stack, folder, left_out):
        for inspector in choose_inspectors(settings).inspectors:
            reports = (await _inspect(inspector, message, decoded)).reports
            found.setdefault(", ".join(report.name for report in reports) or ONE_READING, inspector)
    found["another's, which does nothing"] = ThirdPartyInspector("nothing", Nothing(), LONGEST_SECONDS, required=True)
    return [(name, _of_inspector(inspector)) for name, inspector in found.items()]


def _of_inspector(inspector: Inspector) -> Step:
    async def inspect(message: Message, decoded: DecodedMessage) -> None:
        await _inspect(inspector, message, decoded)

    return inspect


async def _inspect(inspector: Inspector, message: Message, decoded: DecodedMessage) -> Inspection:
    inspection = await inspector.inspect(message, decoded if inspector.needs_parts else None, _until())
    for report in inspection.reports:
        if report.status is InspectorStatus.NOT_DONE:
            raise NotInspectedError(f"{report.name}: {report.reason}")
    return inspection


def _choices(stack: ExitStack, folder: Path, left_out: list[str]) -> Iterator[Settings]:
    """Yield settings that between them choose every inspector that can be had here."""
    rules = folder / "rules"
    rules.mkdir()
    rules.joinpath("many.yar").write_text("".join(_rule(number) for number in range(RULES)))
    built_in = YaraSetting(kind="yara", name="yara, its built-in rule")
    many = YaraSetting(kind="yara", name=f"yara, {RULES} rules", rules=(rules,))
    with _unless_missing(left_out):
        _, path = stack.enter_context(clamd(folder / "clamd"))
        yield Settings(virus=Virus(engines=(ClamdSetting(kind="clamd", address=f"unix:{path}"),)))
    yield Settings(virus=Virus(engines=(built_in,)), policy={"message_size_limit": {".": 2**40}})
    nameserver = stack.enter_context(DnsServer(ZONE)).address
    yield Settings(virus=Virus(engines=(built_in,)), mail_auth=MailAuth(enabled=True, nameservers=(nameserver,)))
    yield Settings(virus=Virus(engines=(many,)))
    with _unless_missing(left_out):
        path = stack.enter_context(spamd(folder / "spamd"))
        yield Settings(
            virus=Virus(engines=(built_in,)),
            spam=Spam(engine=SpamdSetting(kind="spamd", address=f"unix:{path}"), engine_seconds=LONGEST_SECONDS),
        )
    with _unless_missing(left_out):
        path = stack.enter_context(rspamd(folder / "rspamd"))
        yield Settings(
            virus=Virus(engines=(built_in,)), spam=Spam(engine=RspamdSetting(kind="rspamd", url=f"unix:{path}"))
        )


def _rule(number: int) -> str:
    return RULE.format(number=number, code=" ".join(f"{byte:02X}" for byte in number.to_bytes(4, "big")))


@contextlib.contextmanager
def _unless_missing(left_out: list[str]) -> Iterator[None]:
    try:
        yield
    except (ProgramMissingError, ProgramFailedError) as error:
        left_out.append(str(error))


def _until() -> float:
    return asyncio.get_running_loop().time() + LONGEST_SECONDS
