"""A verdict is on disk before anybody is told, and what the disk refuses ends in a 4xx: seen from the kernel."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.fakes.courier_queue import MESSAGE, control_file
from tests.fakes.scanner import FakeScanner, give_verdict
from tests.fakes.shim_program import MailHost, ShimProgram
from tests.fakes.strace import Strace
from tests.fakes.submit import submit
from tests.fakes.verdicts import VIRUS_REPLY
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit, Verdict

NOT_CHECKED = b"451 4.3.0 Message could not be checked, try again later\n"
FIELD = b"X-Couriergate: checked\n"
FIRST = control_file(recipients=[b"alice@test.example", b"bob@test.example"])
SECOND = control_file(recipients=[b"carol@test.example"])


def _tag_discard_and_bounce(verdict: Verdict) -> Verdict:
    alice, bob, carol = verdict.recipients
    return replace(
        verdict,
        recipients=(
            alice,
            replace(bob, destiny=Destiny.DISCARD),
            replace(carol, destiny=Destiny.BOUNCE, reply=VIRUS_REPLY),
        ),
        header_edits=(HeaderEdit(HeaderAction.ADD, "X-Couriergate", "checked"),),
    )


@dataclass(frozen=True, slots=True)
class TracedShim:
    """A running shim and its one worker; it makes new files of all that it gets."""

    host: MailHost
    worker: int

    def answer(self, request: bytes) -> bytes:
        return submit(self.host.filter_socket, request)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracedShim]:
    if os.geteuid() != 0 or shutil.which("strace") is None:
        pytest.skip("needs root and strace, to look at the calls of a running process")
    host = MailHost(tmp_path_factory.mktemp("host"))
    with FakeScanner(usual=give_verdict(_tag_discard_and_bounce)) as scanner:
        host.set_up([scanner.endpoint])
        with ShimProgram(host) as program:
            parent = program.process.pid
            (worker,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            yield TracedShim(host, int(worker))


def test_everything_is_on_disk_before_the_reply(shim: TracedShim, tmp_path: Path) -> None:
    request = shim.host.queue.put(MESSAGE, FIRST, SECOND)
    message, first, second = request.decode().split()

    with Strace(shim.worker, tmp_path / "trace", "-e", "trace=write,copy_file_range,fsync,/^rename,sendto") as strace:
        reply = shim.answer(request)

    folder = str(Path(message).parent)
    assert [call for call in strace.calls() if call[1].startswith(folder)] == [
        ("write", f"{message}.couriergate"),
        ("copy_file_range", f"{message}.couriergate"),
        ("fsync", f"{message}.couriergate"),
        ("rename", message),
        ("fsync", folder),
        ("write", first),
        ("fsync", first),
        ("write", second),
        ("fsync", second),
    ]
    assert reply == b"200 2.0.0 Ok\n"
    assert strace.calls()[-1] == ("sendto", r"200 2.0.0 Ok\n")


NEW, FOLDER, ONE, OTHER = "{message}.couriergate", "{folder}", "{first}", "{second}"


@pytest.mark.parametrize(
    ("call", "error", "of"),
    [
        ("openat", "ENOSPC", NEW),
        ("fchown", "EPERM", NEW),
        ("fchmod", "EPERM", NEW),
        ("write", "ENOSPC", NEW),
        ("copy_file_range", "EIO", NEW),
        ("fsync", "EIO", NEW),
        ("rename", "EIO", NEW),
        ("fsync", "EIO", FOLDER),
        ("write", "ENOSPC", ONE),
        ("fsync", "EIO", ONE),
        ("write", "ENOSPC", OTHER),
        ("fsync", "EIO", OTHER),
    ],
)
def test_what_the_disk_refuses_is_answered_4xx(
    shim: TracedShim, tmp_path: Path, *, call: str, error: str, of: str
) -> None:
    request = shim.host.queue.put(MESSAGE, FIRST, SECOND)
    message, first, second = request.decode().split()
    path = of.format(message=message, folder=Path(message).parent, first=first, second=second)
    inject = ("-P", path, "-e", f"trace={call}", "-e", f"inject={call}:error={error}")

    with Strace(shim.worker, tmp_path / "trace", *inject):
        reply = shim.answer(request)

    assert "INJECTED" in (tmp_path / "trace").read_text()
    assert reply == NOT_CHECKED
    assert Path(message).read_bytes() == (MESSAGE if of == NEW else FIELD + MESSAGE)
    assert not Path(f"{message}.couriergate").exists()
    assert (Path(first).read_bytes() == FIRST) is (of in {NEW, FOLDER} or (call, of) == ("write", ONE))
    assert (Path(second).read_bytes() == SECOND) is ((call, of) != ("fsync", OTHER))
    assert shim.answer(shim.host.queue.put(MESSAGE, FIRST, SECOND)) == b"200 2.0.0 Ok\n"
