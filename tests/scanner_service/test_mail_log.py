"""One log line for each message, whatever strangers put into it."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.clamd import FakeClamd, answer
from tests.fakes.spam_daemons import FakeSpamd
from tests.scanner_service.live_service import post_form
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, ENVELOPE
from tests.scanner_service.scanner_program import ScannerProgram, running_scanner
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.json_codec import decode_verdict

ROOT = Path(__file__).parents[2]
LINE_LIMIT_CHARACTERS = (
    48 * 1024
)  # journald breaks longer ones (journald.conf, LineMax), and the rest looks like ours
HOSTILE_TEXTS = [
    "new\r\nline event=verdict mail_id=forged",
    "\x1b[2J\x00\x7f\x9b",
    '" quoted\\" = "',
    "Grüße \N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}",
    "\udcff\udc80 latin-1",
    "x" * 100_000,
]
_OBSERVED = """
from dataclasses import replace
from scanner_service.mail_log import LogFormat, log_verdict, set_up_logging
from scanner_service.model.message import Message
from tests.fakes.verdicts import verdict_on
from tests.scanner_service.messages import CLEAN, ENVELOPE
from verdict_api.verdict import Destiny, QuarantineReport
set_up_logging(LogFormat.LOGFMT)
verdict = verdict_on(ENVELOPE)
observed = replace(verdict, would_be=verdict_on(ENVELOPE, Destiny.REJECT), quarantine=QuarantineReport(stored=True))
log_verdict(Message("b7kQ2sX9aLmP", ENVELOPE, CLEAN, ""), observed)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScannerProgram]:
    with running_scanner(tmp_path_factory.mktemp("logfmt")) as running:
        yield running


def judge(program: ScannerProgram, message: bytes, envelope: Envelope) -> str:
    """Return the log line of a message that was judged."""
    with program.client() as client:
        response = post_form(client, message, envelope)
    lines = program.log_lines(f"mail_id={decode_verdict(response.content).mail_id}")
    assert len(lines) == 1
    return lines[0]


def fields_of(line: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(line))


def test_the_line_of_a_clean_message_has_what_an_operator_looks_for(program: ScannerProgram) -> None:
    envelope = Envelope(
        sender="alice@example.net",
        recipients=(Recipient("bob@example.com"), Recipient("carol@example.com")),
        host="mx.example.com",
        queue_id="0012.4F.0001",
        client=Client("192.0.2.25"),
    )

    fields = fields_of(judge(program, CLEAN, envelope))

    assert fields["level"] == "info"
    assert fields["event"] == "verdict"
    assert fields["queue_id"] == "0012.4F.0001"
    assert fields["host"] == "mx.example.com"
    assert fields["sender"] == "<alice@example.net>"
    assert fields["recipients"] == "<bob@example.com>,<carol@example.com>"
    assert fields["client"] == "192.0.2.25"
    assert fields["size"] == str(len(CLEAN))
    assert fields["destiny"] == "pass"
    assert fields["category"] == "clean"
    assert fields["complete"] == "true"
    assert fields["message_id"] == "<clean@example.net>"
    assert fields["reply"] == f"200 2.0.0 Ok, id={fields['mail_id']}"
    assert float(fields["ms"]) >= 0


def test_the_line_of_a_probe_says_so(program: ScannerProgram) -> None:
    ordinary = fields_of(judge(program, CLEAN, ENVELOPE))
    probe = fields_of(judge(program, CLEAN, replace(ENVELOPE, probe=True)))

    assert "probe" not in ordinary
    assert probe["probe"] == "yes"


def test_the_line_of_an_infected_message_names_the_virus(program: ScannerProgram) -> None:
    fields = fields_of(judge(program, EICAR_IN_BODY, ENVELOPE))

    assert fields["destiny"] == "reject"
    assert fields["category"] == "virus"
    assert fields["found"] == "Eicar-Test-File"


def test_the_line_has_the_score_and_its_tests_where_there_is_one(program: ScannerProgram, tmp_path: Path) -> None:
    ordinary = fields_of(judge(program, CLEAN, ENVELOPE))
    with FakeSpamd("7.5", "A,B") as spamd, running_scanner(tmp_path, settings=spamd.settings) as scoring:
        scored = fields_of(judge(scoring, CLEAN, ENVELOPE))

    assert not {"spam_score", "spam_tests"} & set(ordinary)
    assert (scored["spam_score"], scored["spam_tests"]) == ("7.5", "A,B")


def test_many_recipients_are_counted_and_not_all_listed(program: ScannerProgram) -> None:
    recipients = tuple(Recipient(f"r{number}@example.com") for number in range(25))

    fields = fields_of(judge(program, CLEAN, Envelope("", recipients)))

    assert fields["sender"] == "<>"
    assert fields["recipients"].startswith("<r0@example.com>,<r1@example.com>,")
    assert fields["recipients"].endswith("<r9@example.com>,+15")


def hostile_envelope(text: str) -> Envelope:
    recipients = (Recipient(text), Recipient("b@example.com"))
    return Envelope(text, recipients, host=text, queue_id=f"0012.{text}", client=Client(text))


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text)[:30])
def test_no_text_of_a_stranger_breaks_the_line(program: ScannerProgram, text: str) -> None:
    message_id = text.replace("\r\n", "\r").encode("utf-8", "surrogateescape")

    line = judge(program, b"Message-ID: " + message_id + b"\n\nbody", hostile_envelope(text))

    assert line.isascii()
    assert line.isprintable()
    assert len(line) < LINE_LIMIT_CHARACTERS
    assert fields_of(line)["event"] == "verdict"
    assert fields_of(line)["destiny"] == "pass"
    assert fields_of(line)["queue_id"].startswith("0012.")


def test_bytes_that_are_not_utf_8_are_shown_as_the_bytes_they_were(program: ScannerProgram) -> None:
    line = judge(program, b"Message-ID: <\xfc>\n\n", Envelope("\udcfc\\xfc", (Recipient("ü"),)))

    assert r"sender=<\xfc\x5cxfc>" in line
    assert r"recipients=<\xc3\xbc>" in line
    assert r"message_id=<\xfc>" in line


def test_a_hostile_virus_name_breaks_no_line(tmp_path: Path) -> None:
    name = b"\x1b[2J\r\nlevel=info event=verdict " + b"x" * 60_000
    with (
        FakeClamd(answer(b"stream: " + name + b" FOUND\0")) as clamd,
        running_scanner(
            tmp_path, settings=f'[virus]\nengines = [{{kind = "clamd", address = "{clamd.address}"}}]\n'
        ) as program,
    ):
        line = judge(program, CLEAN, ENVELOPE)

    assert line.isascii()
    assert line.isprintable()
    assert len(line) < LINE_LIMIT_CHARACTERS
    assert fields_of(line)["destiny"] == "reject"


def test_as_json_a_line_is_an_object(tmp_path: Path) -> None:
    with running_scanner(tmp_path, settings='[log]\nformat = "json"\n') as program:
        with program.client() as client:
            post_form(client, EICAR_IN_BODY, hostile_envelope(HOSTILE_TEXTS[0]))
        lines = program.log_lines('"event": "verdict"')

    assert len(lines) == 1
    logged = json.loads(lines[0])
    assert logged["found"] == "Eicar-Test-File"
    assert logged["complete"] is True
    assert logged["sender"] == r"<new\x0d\x0aline event=verdict mail_id=forged>"


def test_as_json_the_line_has_what_people_search_by(tmp_path: Path) -> None:
    raw = EICAR_IN_BODY.replace(b"Subject: infected", b"Subject: =?utf-8?q?in=0Afected?=")
    envelope = replace(ENVELOPE, client=Client("192.0.2.25", "mx.example.net", "helo"), authenticated_user="bob")
    with running_scanner(tmp_path, settings='[log]\nformat = "json"\n') as program:
        with program.client() as client:
            post_form(client, raw, envelope)
        logged = json.loads(program.log_lines('"event": "verdict"')[0])

    assert logged["recipients"] == [{"address": "b@example.com", "destiny": "reject", "categories": ["virus"]}]
    assert logged["findings"] == [
        {"category": "virus", "sub_category": None, "name": "Eicar-Test-File", "part": "1"},
    ]
    assert (logged["from"], logged["subject"]) == ("a@example.net", r"in\x0afected")
    assert (logged["client_name"], logged["helo"], logged["user"]) == ("mx.example.net", "helo", "bob")
    assert logged["steps"]["total"] == logged["ms"]
    assert "yara" in logged["inspectors"]
    assert {"sha256", "rule", "policy_version"} <= set(logged)


def test_in_observe_mode_the_line_says_what_would_have_been() -> None:
    # A process of its own: logging is set up once in each.
    done = subprocess.run(
        [sys.executable, "-c", _OBSERVED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    fields = fields_of(done.stderr)
    assert (fields["destiny"], fields["would_be"], fields["quarantine"]) == ("pass", "reject", "yes")


def test_the_line_names_the_policy_and_leaves_out_what_there_is_not(program: ScannerProgram) -> None:
    fields = fields_of(judge(program, CLEAN, ENVELOPE))

    assert fields["policy"] == "default"
    assert not {"would_be", "quarantine", "findings", "subject"} & set(fields)
