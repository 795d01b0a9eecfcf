"""One log line for each message, with Courier's queue id first; structlog writes it as logfmt or JSON."""

import logging
import sys
from collections.abc import Sequence
from enum import StrEnum

import structlog

from scanner_service.model.header_text import header_text
from scanner_service.model.message import Message
from verdict_api.printable import printable
from verdict_api.verdict import RecipientVerdict, Verdict

LISTED_RECIPIENTS = 10
LISTED_IN_JSON = 100  # of recipients and of findings, in the line as JSON
VALUE_LIMIT_CHARACTERS = 4096

_PROCESSORS: list[structlog.typing.Processor] = []  # one for ever: loggers that are cached go on with it
_LOG = structlog.get_logger()


class LogFormat(StrEnum):
    """How a line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


def set_up_logging(log_format: LogFormat) -> None:
    """Write our lines, and the warnings of the libraries, to standard error."""
    renderer = structlog.processors.JSONRenderer() if log_format is LogFormat.JSON else _render_logfmt
    _PROCESSORS[:] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _make_printable,
        renderer,
    ]
    structlog.configure(
        processors=_PROCESSORS,
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
        recipients=_list_verdicts(verdict.recipients)
        if _writes_json()
        else _list_recipients([recipient.address for recipient in envelope.recipients]),
        client=envelope.client.ip or "",
        size=verdict.message.size,
        destiny=verdict.destiny.value,
        category=verdict.decided_by.category,
        policy=verdict.decided_by.policy,
        would_be="" if verdict.would_be is None else verdict.would_be.destiny.value,
        quarantine="yes" if verdict.quarantine.stored else "",
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
        **(_details(message, verdict) if _writes_json() else {}),
    )


def _writes_json() -> bool:
    return structlog.get_config()["processors"][-1] is not _render_logfmt


def _details(message: Message, verdict: Verdict) -> dict[str, object]:
    """Return what only a line as JSON has room for."""
    return {
        "from": header_text(message.raw, "From"),
        "subject": header_text(message.raw, "Subject"),
        "helo": message.envelope.client.helo or "",
        "client_name": message.envelope.client.name or "",
        "user": message.envelope.authenticated_user or "",
        "sha256": verdict.message.sha256,
        "rule": verdict.decided_by.rule,
        "policy_version": verdict.policy_version,
        "findings": [
            {"category": one.category, "sub_category": one.sub_category, "name": one.name, "part": one.part}
            for one in verdict.findings[:LISTED_IN_JSON]
        ],
        "inspectors": {one.name: one.milliseconds for one in verdict.inspectors},
        "steps": verdict.milliseconds,
    }


def _list_verdicts(recipients: Sequence[RecipientVerdict]) -> list[dict[str, object]]:
    return [
        {"address": one.address, "destiny": one.destiny.value, "categories": list(one.categories)}
        for one in recipients[:LISTED_IN_JSON]
    ]


def _list_recipients(addresses: list[str]) -> str:
    listed = [f"<{address}>" for address in addresses[:LISTED_RECIPIENTS]]
    rest = len(addresses) - len(listed)
    return ",".join(listed) + (f",+{rest}" if rest else "")


def _make_printable(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method
    return {name: _printable_in(name, value) for name, value in event.items() if value != ""}


def _printable_in(name: str, value: object) -> object:
    """Return the value with all text in it made printable."""
    if isinstance(value, str):
        return _fit(name, printable(value))
    if isinstance(value, list):
        return [_printable_in(name, one) for one in value]
    if isinstance(value, dict):
        return {key: _printable_in(name, one) for key, one in value.items()}
    return value


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
