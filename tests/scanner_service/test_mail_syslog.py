"""The system log beside our own lines: there, dead, full, restarted, and not there at all."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from scanner_service.mail_syslog import MailSyslog
from tests.scanner_service.live_service import post_form
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, ENVELOPE
from tests.scanner_service.scanner_program import run_scanner, running_scanner


@contextlib.contextmanager
def system_log(path: Path) -> Iterator[socket.socket]:
    """Listen as a system log does; who does not read lets it fill up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(5)
        yield listening


@contextlib.contextmanager
def open_log(path: Path) -> Iterator[MailSyslog]:
    log = MailSyslog(path, "amavis")
    yield log
    log.close()


def test_a_line_goes_out_with_facility_tag_and_process(tmp_path: Path) -> None:
    with system_log(tmp_path / "log") as listening, open_log(tmp_path / "log") as log:
        log.write("Passed CLEAN")

        assert listening.recv(9999) == f"<22>amavis[{os.getpid()}]: Passed CLEAN".encode()


def test_without_a_system_log_lines_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_log(tmp_path / "log") as log:
        log.write("Passed CLEAN")

    assert capsys.readouterr().err == "amavis: Passed CLEAN\n"
    assert log.lost == 0


def test_a_system_log_that_is_dead_loses_lines_and_one_warning_says_so(tmp_path: Path) -> None:
    with system_log(tmp_path / "log"):
        pass

    with structlog.testing.capture_logs() as lines, open_log(tmp_path / "log") as log:
        for _ in range(3):
            log.write("Passed CLEAN")

    assert log.lost == 3
    assert [str(line["problem"]).partition(":")[0] for line in lines] == ["lines are lost"]


def test_a_system_log_that_is_full_holds_nobody_up(tmp_path: Path) -> None:
    with system_log(tmp_path / "log") as listening, open_log(tmp_path / "log") as log:
        started = time.monotonic()
        for _ in range(2000):
            log.write("x" * 500)
        elapsed = time.monotonic() - started
        assert log.lost > 0

        while log.lost:
            listening.recv(9999)
            log.write("Passed CLEAN")

    assert elapsed < 5


def test_a_system_log_that_is_restarted_gets_the_next_line(tmp_path: Path) -> None:
    with open_log(tmp_path / "log") as log:
        with system_log(tmp_path / "log") as listening:
            log.write("one")
            listening.recv(9999)
        (tmp_path / "log").unlink()
        with system_log(tmp_path / "log") as listening:
            log.write("two")

            assert listening.recv(9999).endswith(b": two")
            assert log.lost == 0


def test_what_is_no_datagram_socket_loses_lines_and_no_mail(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.bind(str(tmp_path / "log"))
        stream.listen()

        with open_log(tmp_path / "log") as log:
            log.write("Passed CLEAN")

    assert log.lost == 1


def test_the_service_writes_a_line_of_the_form_for_each_message(tmp_path: Path) -> None:
    path = tmp_path / "log"
    settings = f'[log]\namavis = true\nsyslog_tag = "scanner"\nsyslog_socket = "{path}"\n'
    with system_log(path) as listening, running_scanner(tmp_path, settings=settings) as program:
        with program.client() as client:
            for raw in (EICAR_IN_BODY, CLEAN):
                post_form(client, raw, ENVELOPE)

        lines = [listening.recv(9999).decode() for _ in range(2)]

    assert re.match(r"<22>scanner\[\d+\]: Blocked INFECTED \(Eicar-Test-File\) \{RejectedInbound\}, ", lines[0])
    assert re.match(r"<22>scanner\[\d+\]: Passed CLEAN \{AcceptedInbound\}, ", lines[1])


def test_a_dead_system_log_costs_no_mail(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with system_log(path):
        pass

    settings = f'[log]\namavis = true\nsyslog_socket = "{path}"\n'
    with running_scanner(tmp_path, settings=settings) as program, program.client() as client:
        answers = [post_form(client, CLEAN, ENVELOPE).status_code for _ in range(2)]
        warnings = program.log_lines("event=syslog")

    assert answers == [200, 200]
    assert len(warnings) == 1


def test_a_line_of_ones_own_takes_the_place_of_amavis(tmp_path: Path) -> None:
    path = tmp_path / "log"
    settings = (
        f'[log]\namavis = true\nsyslog_socket = "{path}"\n'
        """template = "{% if viruses %}{{ label }} {{ sender }} -> {{ recipient }} {{ subject }}{% endif %}"\n"""
    )
    with system_log(path) as listening, running_scanner(tmp_path, settings=settings) as program:
        with program.client() as client:
            for raw in (CLEAN, EICAR_IN_BODY):
                post_form(client, raw, ENVELOPE)

        line = listening.recv(9999).decode()

    assert line.partition(": ")[2] == "INFECTED a@example.net -> b@example.com infected"


def test_a_template_that_cannot_be_used_is_told_before_the_service_starts(tmp_path: Path) -> None:
    (tmp_path / "scanner.toml").write_text('[log]\ntemplate = "{{ sendr }}"\n')

    done = run_scanner("check", "--no-engines", "--config", tmp_path / "scanner.toml", folder=tmp_path)

    assert done.returncode != 0
    assert "log.template: the template, line 1: there is no variable 'sendr'; did you mean 'sender'?" in done.stderr
