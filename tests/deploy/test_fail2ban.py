"""Debian's fail2ban finds with our filter who sent what was refused, and nobody whom a stranger names."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from shim.log_line import Level, LogForm, Reader, render_line
from tests.scanner_service.live_service import post_form
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, ENVELOPE
from tests.scanner_service.real_spam_engines import skip_without
from tests.scanner_service.scanner_program import ScannerProgram, running_scanner
from verdict_api.envelope import Client, Recipient

FAIL2BAN_REGEX = shutil.which("fail2ban-regex", path="/usr/bin")
FOLDER = Path(__file__).parents[2] / "deploy/fail2ban"
FILTER = FOLDER / "filter.d/couriergate.conf"
PAGE = Path(__file__).parents[2] / "docs/how_to/ban_senders_with_fail2ban.md"

HOSTILE_TEXTS = (
    "client=203.0.113.9 size=1 destiny=reject category=virus ",
    '" client=203.0.113.9 size=1 destiny=reject category=virus x="',
    "x\nlevel=info event=verdict client=203.0.113.9 size=1 destiny=reject category=virus",
    'a" INFO:couriergate: client=203.0.113.9 size=1 destiny=reject reply=x category=virus ',
    "client=203.0.113.9",
    "=",
    '"',
    "\\",
    "Nov 23 06:00:00 m courierd: INFO:couriergate: client=203.0.113.9 size=1 destiny=reject reply=x category=spam",
)


def found_in(log: Path, the_filter: Path = FILTER) -> list[str]:
    """Return the addresses that fail2ban finds in a log, one for each line that fits."""
    skip_without(FAIL2BAN_REGEX, "fail2ban")
    assert FAIL2BAN_REGEX is not None
    done = subprocess.run(
        [FAIL2BAN_REGEX, "--out", "ip", log, the_filter], capture_output=True, text=True, timeout=60, check=False
    )
    assert "ERROR" not in done.stdout + done.stderr
    return done.stdout.split()


def judge(program: ScannerProgram, raw: bytes, client_ip: str | None, text: str = "a@example.net") -> None:
    client = Client(client_ip, text, text)
    envelope = replace(ENVELOPE, sender=text, recipients=(Recipient(text),), client=client, host="mail")
    with program.client() as asking:
        assert post_form(asking, raw, envelope).is_success


def shim_line(client: str, destiny: str, category: str, text: str = "a@example.net", **more: str) -> str:
    values = {
        "queue_id": "0012.4F.0001",
        "mail_id": "b7kQ2sX9aLmP",
        "sender": f"<{text}>",
        "recipients": f"<{text}>",
        "client": client,
        "size": 606,
        "destiny": destiny,
        "reply": f"550 5.7.1 Message content rejected, id=b7kQ2sX9aLmP - INFECTED: {text}",
        "category": category,
    }
    form = LogForm(reader=Reader.COURIER)
    return render_line(Level.INFO, {**values, **more}, form).decode().rstrip("\n")


def in_mail_log(folder: Path, lines: Sequence[str]) -> Path:
    log = folder / "mail.log"
    log.write_text("".join(f"Nov 23 06:00:00 mail courierfilter: {line}\n" for line in lines))
    return log


def test_the_service_names_who_sent_what_it_refused(tmp_path: Path) -> None:
    with running_scanner(tmp_path) as program:
        judge(program, EICAR_IN_BODY, "192.0.2.25")
        judge(program, CLEAN, "192.0.2.26")
        judge(program, EICAR_IN_BODY, "2001:db8::7")
        judge(program, EICAR_IN_BODY, None)

        found = found_in(program.log)

    assert found == ["192.0.2.25", "2001:db8::7"]


def test_no_text_of_a_stranger_names_another_host_in_the_services_line(tmp_path: Path) -> None:
    with running_scanner(tmp_path) as program:
        for text in HOSTILE_TEXTS:
            judge(program, EICAR_IN_BODY, "192.0.2.25", text)
            judge(program, b"Message-ID: " + text.replace("\n", " ").encode() + b"\n" + CLEAN, "192.0.2.26", text)
            judge(program, EICAR_IN_BODY, None, text)

        found = found_in(program.log)

    assert found == ["192.0.2.25"] * len(HOSTILE_TEXTS)


def test_the_shim_names_who_sent_what_was_refused(tmp_path: Path) -> None:
    log = in_mail_log(
        tmp_path,
        [
            shim_line("192.0.2.1", "reject", "virus"),
            shim_line("192.0.2.2", "reject", "spam"),
            shim_line("192.0.2.3", "reject", "banned"),
            shim_line("192.0.2.4", "pass", "clean"),
            shim_line("192.0.2.5", "tempfail", "unchecked.not_done"),
            shim_line("192.0.2.6", "reject", "oversized"),
            shim_line("192.0.2.7", "reject", "unchecked.over_limits"),
        ],
    )

    assert found_in(log) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_text_of_a_stranger_names_another_host_in_the_shims_line(tmp_path: Path, text: str) -> None:
    hostile = [
        shim_line("192.0.2.1", "reject", "virus", text),
        shim_line("192.0.2.2", "pass", "clean", text),
        shim_line("", "reject", "virus", text),
        shim_line(text, "reject", "virus", text),
        shim_line("192.0.2.2", "pass", "clean", text, problem=text),
    ]

    assert found_in(in_mail_log(tmp_path, hostile)) == ["192.0.2.1"]


def test_what_counts_is_chosen_in_a_local_file(tmp_path: Path) -> None:
    shutil.copy(FILTER, tmp_path)
    (tmp_path / "couriergate.local").write_text("[Definition]\ncategories = virus|banned\n")
    lines = [shim_line("192.0.2.1", "reject", "virus"), shim_line("192.0.2.2", "reject", "spam")]

    found = found_in(in_mail_log(tmp_path, lines), tmp_path / "couriergate.conf")

    assert found == ["192.0.2.1"]


def test_lines_of_the_service_are_found_in_a_system_log_too(tmp_path: Path) -> None:
    with running_scanner(tmp_path) as program:
        judge(program, EICAR_IN_BODY, "192.0.2.25")
        lines = program.log_lines("event=verdict")
    log = tmp_path / "syslog"
    log.write_text("".join(f"Nov 23 06:00:00 mail couriergate-scanner[12]: {line}\n" for line in lines))

    assert found_in(log) == ["192.0.2.25"]


def test_lines_of_other_programs_are_not_taken_for_ours(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    line = shim_line("192.0.2.1", "reject", "virus")
    log.write_text(
        f"Nov 23 06:00:00 mail courieresmtpd: {line}\nNov 23 06:00:00 mail courierd: newmsg,id=1: {line}\n"
    )

    assert found_in(log) == []


def test_the_page_shows_the_jail_that_is_there() -> None:
    jail = (FOLDER / "jail.d/couriergate.conf").read_text()

    shown = re.findall(r"^```ini\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    assert jail.partition("\n\n")[2] in shown
