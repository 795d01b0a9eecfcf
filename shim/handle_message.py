"""The story of one message, from Courier's request to the one reply.

Whatever goes wrong here ends in a 4xx and one log line with the queue id; nothing passes unscanned.
"""

import asyncio
import socket
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from shim import filter_reply
from shim.carry_out import ReadControlFile, VerdictNotCarriedOutError, carry_out, changes_nothing
from shim.control_file import ControlFileError, envelope_of, parse_control_file
from shim.courier_config import LocalDomains
from shim.filter_request import FilterRequest, FilterRequestError, FilterRequestParser
from shim.log_line import Level, log
from shim.scanner_client import (
    Answer,
    MessageTooBigError,
    Question,
    QuestionRefusedError,
    ScannerClient,
    ScannerUnavailableError,
)
from shim.settings import TooBig
from shim.spool import SpoolError, SpoolFile, read_control_file
from verdict_api.envelope import Envelope
from verdict_api.smtp_reply import SmtpReply

REQUEST_SECONDS = 5.0  # submit writes its request at once; who does not is no submit
LISTED_RECIPIENTS = 10


class NotServingError(Exception):
    """The settings cannot be used: there is a socket, so that nothing passes unfiltered, and no way to filter."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about every message, and Courier's own: its ``me``, and its local domains."""

    host: str
    local_domains: LocalDomains
    deadline_seconds: float
    max_message_bytes: int
    too_big: TooBig
    problem: str | None = None


@dataclass(slots=True)
class _Line:
    """What the log line of this message will say; filled as the story goes on."""

    level: Level = Level.INFO
    envelope: Envelope | None = None
    size: int | None = None
    answer: Answer | None = None
    problem: str | None = None
    started: float = field(default_factory=time.monotonic)

    def write(self, reply: SmtpReply) -> None:
        envelope, verdict = self.envelope, self.answer and self.answer.verdict
        log(
            self.level,
            queue_id=envelope and envelope.queue_id,
            mail_id=verdict and verdict.mail_id,
            sender=None if envelope is None else f"<{envelope.sender}>",
            recipients=None if envelope is None else _list_recipients(envelope),
            client=envelope and envelope.client.ip,
            size=self.size,
            destiny=verdict and verdict.destiny,
            category=verdict and verdict.decided_by.category,
            reply=reply,
            scanner=self.answer and self.answer.scanner,
            problem=self.problem,
            ms=f"{(time.monotonic() - self.started) * 1000:.1f}",
        )


async def answer_connection(connection: socket.socket, scanners: ScannerClient, rules: Rules) -> None:
    """Read one request, answer it, log it.

    On the bare socket, which submit has filled by now and empties at once: streams would double the cost.
    """
    line = _Line()
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
    line.write(reply)
    try:
        await asyncio.get_running_loop().sock_sendall(connection, filter_reply.render_reply(reply))
    except ConnectionError:
        # esmtpd was stopped, or its client is gone with it: submit drops the message by itself.
        log(Level.INFO, queue_id=line.envelope and line.envelope.queue_id, problem="submit is gone")


async def _receive_request(connection: socket.socket) -> FilterRequest | None:
    parser = FilterRequestParser()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            while True:
                data = await loop.sock_recv(connection, 65536)
                if not data and not parser.has_begun:
                    return None  # opened and closed: somebody looked whether we are there
                request = parser.receive(data)
                if request is not None:
                    return request
    except TimeoutError as error:
        raise FilterRequestError(f"filter request: no whole request in {REQUEST_SECONDS:g} s") from error


async def _reply_to(request: FilterRequest, scanners: ScannerClient, rules: Rules, line: _Line) -> SmtpReply:
    deadline = asyncio.get_running_loop().time() + rules.deadline_seconds
    with SpoolFile(request.data_path) as message:
        line.size = message.size
        control_files = _read_control_files(request.control_paths)
        line.envelope = envelope_of(
            [one.file for one in control_files], rules.host, message.size, rules.local_domains.holds
        )
        if rules.problem is not None:
            raise NotServingError(rules.problem)
        if not line.envelope.recipients:
            return filter_reply.OK
        if message.size > rules.max_message_bytes:
            raise MessageTooBigError(f"want at most {rules.max_message_bytes} bytes")
        line.answer = await scanners.judge(Question(line.envelope, message, deadline))
        if changes_nothing(line.answer.verdict):
            return line.answer.verdict.reply
        return await asyncio.to_thread(carry_out, line.answer.verdict, message, control_files)


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


def _list_recipients(envelope: Envelope) -> str:
    listed = [f"<{recipient.address}>" for recipient in envelope.recipients[:LISTED_RECIPIENTS]]
    rest = len(envelope.recipients) - len(listed)
    return ",".join(listed) + (f",+{rest}" if rest else "")
