"""The log line that administrators word themselves, in place of those in amavisd-new's form."""

import pytest

from scanner_service.judge.own_log_line import lines_of, read_log_template
from scanner_service.judge.text_template import TextTemplateError
from scanner_service.model.message import Message
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import Destiny

ENVELOPE = Envelope("ann@example.net", (Recipient("bob@example.com", local=True),))
MESSAGE = Message("b7kQ2sX9aLmP", ENVELOPE, b"Subject: Minutes\r\n\r\n", "")
REFUSED = verdict_on(ENVELOPE, Destiny.REJECT, VIRUS_REPLY)
TEN_O_CLOCK = 1772445600.0  # of 2 March 2026, UTC


@pytest.mark.parametrize(
    ("template", "lines"),
    [
        ("{{ sender }}: {{ subject }}, {{ label }}", ("ann@example.net: Minutes, INFECTED",)),
        ("{{ date_utc }} {{ ms }} ms", ("2026-03-02T10:00:00Z 1 ms",)),
        ("{% if viruses %}{{ label }}{% endif %}", ()),
        (
            "",
            (
                (
                    "Blocked INFECTED () {RejectedInbound}, default <ann@example.net> -> <bob@example.com>, "
                    "mail_id: b7kQ2sX9aLmP, Hits: -, size: 0, 1 ms"
                ),
            ),
        ),
    ],
)
def test_the_template_makes_the_line_if_there_is_one(template: str, lines: tuple[str, ...]) -> None:
    assert lines_of(template)(MESSAGE, REFUSED, TEN_O_CLOCK) == lines


@pytest.mark.parametrize(("length", "shown"), [(4000, "x" * 4000), (4001, "x" * 3997 + "...")])
def test_a_line_has_4000_characters_at_the_most(length: int, shown: str) -> None:
    assert lines_of("x" * length)(MESSAGE, REFUSED, TEN_O_CLOCK) == (shown,)


def test_a_template_that_cannot_be_used_is_refused_with_its_place() -> None:
    with pytest.raises(TextTemplateError, match=r"^the template, line 1: there is no variable 'sendr'"):
        lines_of("{{ sendr }}")
    with pytest.raises(TextTemplateError, match=r"^the template, line 2: "):
        read_log_template("a\n{{ b")
