"""One log line for each message, with Courier's queue id first; structlog writes it as logfmt or JSON."""

import logging
import sys
from enum import StrEnum

import structlog

from scanner_service.model.message import Message
from verdict_api.printable import printable
from verdict_api.verdict import Verdict

LISTED_RECIPIENTS = 10
VALUE_LIMIT_CHARACTERS = 4096

_LOG = structlog.get_logger()


class LogFormat(StrEnum):
    """How a line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


def set_up_logging(log_format: LogFormat) -> None:
    """Write our lines, and the warnings of the libraries, to standard error."""
    renderer = structlog.processors.JSONRenderer() if log_format is LogFormat.JSON else _render_logfmt
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _make_printable,
            renderer,
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def log_verdict(message: Message, verdict: Verdict) -> None:
    """Write the line of one judged message."""
    envelope = message.envelope
    _LOG.info(
        "verdict",
        queue_id=envelope.queue_id,
        mail_id=verdict.mail_id,
        host=envelope.host,
        sender=f"<{envelope.sender}>",
        recipients=_list_recipients([recipient.address for recipient in envelope.recipients]),
        client=envelope.client.ip or "",
        size=verdict.message.size,
        destiny=verdict.destiny.value,
        category=verdict.decided_by.category,
        found=",".join(dict.fromkeys(finding.name for finding in verdict.findings)),
        spam_score="" if verdict.spam.score is None else verdict.spam.score,
        spam_tests=",".join(verdict.spam.tests),
        auth=" ".join(f"{one.method}={one.result}" for one in verdict.authentication),
        reply=str(verdict.reply),
        complete=verdict.complete,
        not_done="; ".join(one.reason for one in verdict.inspectors if one.reason),
        message_id=verdict.message.message_id or "",
        probe="yes" if envelope.probe else "",
        ms=verdict.milliseconds["total"],
    )


def _list_recipients(addresses: list[str]) -> str:
    listed = [f"<{address}>" for address in addresses[:LISTED_RECIPIENTS]]
    rest = len(addresses) - len(listed)
    return ",".join(listed) + (f",+{rest}" if rest else "")


def _make_printable(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method
    return {
        name: _fit(name, printable(value)) if isinstance(value, str) else value
        for name, value in event.items()
        if value != ""
    }


def _fit(name: str, shown: str) -> str:
    """Cut a stranger's megabyte: journald breaks long lines, and what follows would look like a line of ours."""
    if len(shown) <= VALUE_LIMIT_CHARACTERS or name == "exception":
        return shown
    return shown[: VALUE_LIMIT_CHARACTERS - 3] + "..."


def _render_logfmt(logger: object, method: str, event: structlog.typing.EventDict) -> str:
    """Render the event; structlog's own renderer takes three times as long, and quotes less."""
    del logger, method
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return " ".join(f"{name}={_quote(value)}" for name, value in {**first, **event}.items())


def _quote(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if " " in text or "=" in text or '"' in text:
        return '"' + text.replace('"', "\\x22") + '"'
    return text
