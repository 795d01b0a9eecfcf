"""The log line that administrators word themselves."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from scanner_service.judge.amavis_log import amavis_lines
from scanner_service.judge.text_template import TextTemplate
from scanner_service.judge.text_variables import message_variables, verdict_variables
from scanner_service.model.message import Message
from verdict_api.verdict import Verdict

LINE_LIMIT_CHARACTERS = 4000  # what system logs take in one line

LinesOf = Callable[[Message, Verdict, float], tuple[str, ...]]


def read_log_template(source: str) -> TextTemplate:
    """Return the template of a log line.

    Raises:
        TextTemplateError: see TextTemplate.parse.
    """
    return TextTemplate.parse("the template", source, LINE_LIMIT_CHARACTERS)


def amavis_lines_of(message: Message, verdict: Verdict, unix_time: float) -> tuple[str, ...]:
    """Return the lines in amavisd-new's form; the system log has the time itself."""
    del unix_time
    return amavis_lines(message, verdict)


def lines_of(source: str) -> LinesOf:
    """Return what makes the lines of a message that came at a Unix time: the template, if there is one."""
    return partial(_own_line, read_log_template(source)) if source else amavis_lines_of


def _own_line(template: TextTemplate, message: Message, verdict: Verdict, unix_time: float) -> tuple[str, ...]:
    """Return the line, none where the template has nothing to say."""
    values = ChainMap(
        cast("dict[str, object]", verdict_variables(verdict)),  # nobody writes to them
        cast("dict[str, object]", message_variables(message, unix_time)),
    )
    line = template.render(cast("Mapping[str, object]", values))
    return (line,) if line else ()
