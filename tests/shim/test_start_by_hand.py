"""The program started by a person, with whatever descriptors that person's shell gives it."""

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.fakes.scanner import FakeScanner
from tests.fakes.shim_program import PROGRAM, MailHost, ShimProgram, parse_log_line
from tests.fakes.submit import submit

CLEAN = b"200 2.0.0 Ok\n"
PATIENCE_SECONDS = 30


class ShimWithout(ShimProgram):
    """The shim started by a shell that closed some of its descriptors."""

    def __init__(self, host: MailHost, closed: str) -> None:
        super().__init__(host, prefix=("/bin/sh", "-c", f'exec "$@" {closed}', "sh"))


@contextmanager
def _a_file() -> Iterator[tuple[int, str]]:
    with Path("/etc/passwd").open("rb") as file:
        yield file.fileno(), "/etc/passwd"


@contextmanager
def _nothing() -> Iterator[tuple[int, str]]:
    with Path(os.devnull).open("rb") as file:
        yield file.fileno(), os.devnull


@contextmanager
def _a_terminal() -> Iterator[tuple[int, str]]:
    controlling, terminal = pty.openpty()
    try:
        yield terminal, os.ttyname(terminal)
    finally:
        os.close(controlling)
        os.close(terminal)


@pytest.mark.parametrize("given", [_a_file, _nothing, _a_terminal])
def test_courierfilter_mode_wants_a_pipe_whose_end_can_stop_it(
    mail_host: MailHost, given: Callable[[], AbstractContextManager[tuple[int, str]]]
) -> None:
    mail_host.set_up(["http://127.0.0.1:8025"])

    with given() as (descriptor, name):
        ended = subprocess.run(
            [*PROGRAM, "run", "--mode", "courierfilter", "--config", mail_host.settings_file],
            stdin=descriptor,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert parse_log_line(line).fields == {
        "event": "not started",
        "problem": f"--mode courierfilter: want a pipe as standard input, got {name}",
    }
    assert not mail_host.filter_socket.exists()


def test_courierfilter_mode_does_without_descriptor_3(mail_host: MailHost) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with subprocess.Popen(
            [*PROGRAM, "run", "--mode", "courierfilter", "--config", mail_host.settings_file],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            started = process.stderr.readline()
            reply = submit(mail_host.filter_socket, mail_host.queue.put())
            process.communicate(timeout=PATIENCE_SECONDS)

    assert b"event=started mode=courierfilter" in started
    assert reply == CLEAN
    assert process.returncode == 0


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-"])
def test_closed_standard_descriptors_do_not_cost_it_its_socket(mail_host: MailHost, closed: str) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint])
        with ShimWithout(mail_host, closed):
            reply = submit(mail_host.filter_socket, mail_host.queue.put())

    assert reply == CLEAN
