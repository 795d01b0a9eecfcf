"""The story of one message, from Courier's request to the one reply.

Whatever goes wrong here ends in a 4xx and one log line with the queue id. Mail passes unscanned only where a
setting or the operator says so, and is marked. In observe mode every mail passes, and the line has what it would be.
"""

import asyncio
import contextlib
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from shim import filter_reply
from shim.carry_out import ReadControlFile, VerdictNotCarriedOutError, carry_out, changes_nothing
from shim.control_file import ControlFileError, envelope_of, parse_control_file
from shim.courier_config import LocalDomains
from shim.filter_request import FilterRequest, FilterRequestError, FilterRequestParser
from shim.log_line import Level, log
from shim.metrics import Metrics
from shim.observe import observed, reason_of
from shim.pause import PauseError, pause_in_force
from shim.probe import Probes, reply_to_probe
from shim.scanner_client import ScannerClient, TooBusyError
from shim.scanner_question import (
    Answer,
    MessageTooBigError,
    Question,
    QuestionRefusedError,
    ScannerUnavailableError,
)
from shim.settings import OnFailure, TooBig
from shim.spool import SpoolError, SpoolFile, read_control_file
from shim.unscanned import Reason, mark_unscanned, may_pass_without_verdict
from verdict_api.envelope import Envelope
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Decision, Destiny

P = ParamSpec("P")
T = TypeVar("T")

REQUEST_SECONDS = 5.0  # submit writes its request at once; who does not is no submit
REQUEST_BYTES = 64 * 2**10  # of one read
LISTED_RECIPIENTS = 10


class NotServingError(Exception):
    """The settings cannot be used: there is a socket, so that nothing passes unfiltered, and no way to filter."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about every message, and Courier's own: its ``me``, and its local domains."""

    host: str
    local_domains: LocalDomains
    pause_path: Path
    deadline_seconds: float
    max_message_bytes: int
    too_big: TooBig
    probes: Probes
    on_failure: OnFailure
    observe: bool = False
    problem: str | None = None


@dataclass(slots=True)
class _Line:
    """What the log line of this message will say; filled as the story goes on."""

    observe: bool = False
    level: Level = Level.INFO
    envelope: Envelope | None = None
    size: int | None = None
    answer: Answer | None = None
    unfiltered: Reason | None = None
    refusal: SmtpReply | None = None
    problem: str | None = None
    started: float = field(default_factory=time.monotonic)
    step_ms: dict[str, float] = field(default_factory=dict)
    _step_started: float = field(default_factory=time.monotonic)

    def end_step(self, name: str) -> None:
        now = time.monotonic()
        self.step_ms[name] = (now - self._step_started) * 1000
        self._step_started = now

    @property
    def would_be(self) -> SmtpReply | None:
        """What the reply would be if nobody observed: the refusal of ours that was not told, or a verdict's."""
        not_done = self.answer.verdict.would_be if self.answer else None
        return self.refusal or (not_done.reply if not_done else None)

    def add_problem(self, problem: str) -> None:
        self.problem = "; ".join(filter(None, (self.problem, problem)))

    def write(self, reply: SmtpReply) -> None:
        envelope = self.envelope
        verdict = self.answer.verdict if self.answer else None
        log(
            self.level,
            queue_id=envelope and envelope.queue_id,
            mail_id=verdict and verdict.mail_id,
            sender=None if envelope is None else f"<{envelope.sender}>",
            recipients=None if envelope is None else _list_recipients(envelope),
            client=envelope and envelope.client.ip,
            size=self.size,
            destiny=verdict and verdict.destiny,
            reply=reply,
            category=verdict and verdict.decided_by.category,
            **({} if self.refusal else _recipients_log(verdict)),
            observe="yes" if self.observe else None,
            would_be=self.would_be,
            unfiltered="yes" if self.unfiltered else None,
            scanner=self.answer and self.answer.scanner,
            problem=self.problem,
            probe="yes" if envelope and envelope.probe else None,
            **self.step_ms,
            ms=(time.monotonic() - self.started) * 1000,
        )

    def count(self, reply: SmtpReply, metrics: Metrics) -> None:
        verdict = self.answer.verdict if self.answer else None
        metrics.count(
            "messages_total",
            destiny=verdict.destiny if verdict else "none",
            category=verdict.decided_by.category if verdict else "none",
        )
        metrics.count("replies_total", code=f"{reply.code // 100}xx")
        metrics.observe("message_seconds", time.monotonic() - self.started)
        if self.unfiltered:
            metrics.count("unfiltered_total", reason=self.unfiltered)
        if self.would_be:
            metrics.count("would_be_total", code=f"{self.would_be.code // 100}xx")


async def answer_connection(
    connection: socket.socket, scanners: ScannerClient, rules: Rules, metrics: Metrics
) -> None:
    """Read one request, answer it, log it, count it.

    On the bare socket, which submit has filled by now and empties at once: streams would double the cost.
    """
    line, request = _Line(rules.observe), None
    try:
        request = await _receive_request(connection)
        if request is None:
            return
        reply = await _reply_to(request, scanners, rules, line)
    except asyncio.CancelledError:
        line.level, line.problem, reply = (
            Level.WARNING,
            "stopped before there was a verdict",
            filter_reply.STOPPING,
        )
    except Exception as error:  # noqa: BLE001 (the one catch-all; it answers 4xx)
        line.level, line.problem, reply = _trouble(error, rules)
    if rules.observe and reply.code >= 300 and not (line.envelope and line.envelope.probe):
        reply = await _pass_instead(reply, request, line)
    if request is not None and _is_gone(connection):
        line.add_problem("submit is gone")
    line.write(reply)
    line.count(reply, metrics)
    with contextlib.suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(connection, filter_reply.render_reply(reply))


def _is_gone(submit: socket.socket) -> bool:
    """Whether submit has hung up: esmtpd was stopped, and submit drops the message by itself."""
    try:
        return submit.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def _receive_request(connection: socket.socket) -> FilterRequest | None:
    parser = FilterRequestParser()
    deadline = asyncio.get_running_loop().time() + REQUEST_SECONDS
    try:
        while True:
            data = await _receive(connection, deadline)
            if not data and not parser.has_begun:
                return None  # opened and closed: somebody looked whether we are there
            request = parser.receive(data)
            if request is not None:
                return request
    except TimeoutError as error:
        raise FilterRequestError(f"filter request: no whole request in {REQUEST_SECONDS:g} s") from error


async def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Return what is there, which most often is the whole request; only who waits for it needs a clock."""
    try:
        return connection.recv(REQUEST_BYTES)
    except BlockingIOError:
        async with asyncio.timeout_at(deadline):
            return await asyncio.get_running_loop().sock_recv(connection, REQUEST_BYTES)


async def _reply_to(request: FilterRequest, scanners: ScannerClient, rules: Rules, line: _Line) -> SmtpReply:
    deadline = asyncio.get_running_loop().time() + rules.deadline_seconds
    with SpoolFile(request.data_path) as message:
        line.size = message.size
        control_files = _read_control_files(request.control_paths)
        line.envelope = rules.probes.mark(
            envelope_of([one.file for one in control_files], rules.host, message.size, rules.local_domains.holds)
        )
        if rules.observe:
            line.envelope = replace(line.envelope, observe=True)
        line.end_step("read_ms")
        if not line.envelope.recipients:
            return filter_reply.OK
        if not line.envelope.probe and _is_paused(rules):
            return await _pass_unscanned(message, Reason.PAUSED, line)
        try:
            line.answer = await _judge(Question(line.envelope, message, deadline), scanners, rules)
        except (MessageTooBigError, ScannerUnavailableError, QuestionRefusedError) as error:
            reason = _why_it_may_pass(error, line.envelope, rules)
            if reason is None or line.envelope.probe:
                raise
            line.problem = _trouble(error, rules)[1]
            return await _pass_unscanned(message, reason, line)
        finally:
            line.end_step("scan_ms")
        if rules.observe and line.answer.verdict.reply.code // 100 != 4:
            line.answer = replace(line.answer, verdict=observed(line.answer.verdict))
        if line.envelope.probe:
            return reply_to_probe(line.answer.verdict)
        if changes_nothing(line.answer.verdict):
            return line.answer.verdict.reply
        if line.answer.verdict.reply.code >= 300:  # nothing is written: there is no disk to wait for in a thread
            reply = carry_out(line.answer.verdict, message, control_files)
        else:
            reply = await _undisturbed(carry_out, line.answer.verdict, message, control_files)
        line.end_step("write_ms")
        return reply


async def _judge(question: Question, scanners: ScannerClient, rules: Rules) -> Answer:
    if rules.problem is not None:
        raise NotServingError(rules.problem)
    if question.message.size > rules.max_message_bytes:
        raise MessageTooBigError(f"want at most {rules.max_message_bytes} bytes")
    return await scanners.judge(question)


def _is_paused(rules: Rules) -> bool:
    try:
        return pause_in_force(rules.pause_path) is not None
    except PauseError as error:
        log(Level.ERROR, event="no pause", problem=error)
        return False


def _why_it_may_pass(error: Exception, envelope: Envelope, rules: Rules) -> Reason | None:
    if isinstance(error, MessageTooBigError):
        return Reason.TOO_BIG if rules.too_big is TooBig.PASS else None
    return Reason.NO_VERDICT if may_pass_without_verdict(envelope, rules.on_failure) else None


async def _pass_unscanned(message: SpoolFile, reason: Reason, line: _Line) -> SmtpReply:
    await _undisturbed(mark_unscanned, message, reason)
    line.end_step("write_ms")
    line.level, line.unfiltered = Level.WARNING, reason
    line.problem = line.problem or reason
    return filter_reply.OK


async def _pass_instead(refusal: SmtpReply, request: FilterRequest | None, line: _Line) -> SmtpReply:
    """Pass in observe mode what we would refuse ourselves: nobody looked, or not to the end. Marked, if that can be.

    Nothing that goes wrong here may refuse the mail: it passes unmarked then.
    """
    line.refusal, line.unfiltered = refusal, reason_of(refusal)
    if request is not None:
        try:
            with SpoolFile(request.data_path) as message:
                await _undisturbed(mark_unscanned, message, line.unfiltered)
        except Exception as error:  # noqa: BLE001 (an edge as above)
            line.level = Level.ERROR
            line.add_problem(f"not marked: {error}")
        line.end_step("write_ms")
    return filter_reply.OK


async def _undisturbed(change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Change Courier's files in a thread, to the end also when we are told to stop.

    A change that goes on after our reply would make files anew that submit has deleted by then.
    """
    changing = asyncio.create_task(asyncio.to_thread(change, *args, **kwargs))
    try:
        return await asyncio.shield(changing)
    except asyncio.CancelledError:
        return await changing


def _read_control_files(paths: Sequence[bytes]) -> list[ReadControlFile]:
    return [
        ReadControlFile(path, parse_control_file(read_control_file(path), path.decode("utf-8", "backslashreplace")))
        for path in paths
    ]


def _trouble(error: Exception, rules: Rules) -> tuple[Level, str, SmtpReply]:
    """Return what to log and what to answer."""
    match error:
        case MessageTooBigError():
            reply = filter_reply.TOO_BIG if rules.too_big is TooBig.REJECT else filter_reply.TOO_BIG_FOR_NOW
            return Level.WARNING, f"too big: {error}", reply
        case TooBusyError():
            return Level.WARNING, str(error), filter_reply.BUSY
        case ScannerUnavailableError():
            return Level.ERROR, f"no verdict: {error}", filter_reply.NOT_CHECKED
        case QuestionRefusedError():
            return Level.ERROR, f"scanner refused the question: {error}", filter_reply.NOT_CHECKED
        case (
            FilterRequestError() | ControlFileError() | SpoolError() | VerdictNotCarriedOutError() | NotServingError()
        ):
            return Level.ERROR, str(error), filter_reply.NOT_CHECKED
        case _:
            trace = "".join(traceback.format_exception(error, limit=-5))
            return Level.ERROR, f"bug: {trace}", filter_reply.NOT_CHECKED


def _recipients_log(verdict: Decision | None) -> dict[str, str]:
    """Return who gets an accepted message or not against its envelope, and who would without observe mode."""
    would_be = _changed_recipients(verdict and verdict.would_be)
    return _changed_recipients(verdict) | {f"would_be_{name}": addresses for name, addresses in would_be.items()}


def _changed_recipients(verdict: Decision | None) -> dict[str, str]:
    """Return who does not get an accepted message, or gets it besides: Courier itself logs none of that."""
    if verdict is None or verdict.reply.code >= 300 or changes_nothing(verdict):
        return {}
    lists = {
        "discarded": [one.address for one in verdict.recipients if one.destiny is Destiny.DISCARD],
        "bounced": [one.address for one in verdict.recipients if one.destiny is Destiny.BOUNCE],
        "replaced": [one.address for one in verdict.recipients if one.replaced_by is not None],
        "added": [
            *(one.replaced_by for one in verdict.recipients if one.replaced_by is not None),
            *verdict.added_recipients,
        ],
    }
    return {name: ",".join(f"<{one}>" for one in addresses) for name, addresses in lists.items() if addresses}


def _list_recipients(envelope: Envelope) -> str:
    listed = [f"<{recipient.address}>" for recipient in envelope.recipients[:LISTED_RECIPIENTS]]
    rest = len(envelope.recipients) - len(listed)
    return ",".join(listed) + (f",+{rest}" if rest else "")
