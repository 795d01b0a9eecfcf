"""Which messages are probes, and what becomes of them: nobody gets one, and nobody else can make one."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shim.pause import begin_pause, end_pause, pause_path
from shim.probe import PREFIX, SECRET_AGE_SECONDS, ProbeError, Probes, probe_file, probe_senders
from tests.fakes.courier_queue import MESSAGE, CourierQueue, control_file
from tests.fakes.scanner import FakeScanner, answer, give_verdict
from tests.fakes.shim_program import MailHost, ShimProgram
from tests.fakes.submit import submit
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import Destiny

PASSED = b"450 4.7.0 Couriergate probe passed, nobody gets it\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return probe_file(tmp_path / "couriergate")


def _is_probe(probes: Probes, sender: str) -> bool:
    return probes.mark(Envelope(sender, (Recipient("postmaster@mx.test.example"),))).probe


def test_the_secret_is_beside_the_socket_under_a_name_that_submit_ignores() -> None:
    assert probe_file(Path("/var/lib/courier/allfilters/a")) == Path("/var/lib/courier/allfilters/.a.probe")


def test_a_probe_is_recognised_once_by_each_worker(file: Path) -> None:
    probes, other_worker = Probes(file), Probes(file)

    with probe_senders(file, "mx.test.example", None) as new_sender:
        sender, second = new_sender(), new_sender()
        seen = [_is_probe(probes, one) for one in (sender, sender, second, second)]
        seen_by_the_other = _is_probe(other_worker, sender)

    assert seen == [True, False, True, False]
    assert seen_by_the_other


def test_the_sender_is_a_legal_address_of_this_host(file: Path) -> None:
    with probe_senders(file, "mx.test.example", None) as new_sender:
        local_part, _, domain = new_sender().rpartition("@")

    assert re.fullmatch(r"[a-z0-9-]{1,64}", local_part)  # RFC 5321 §4.5.3.1.1
    assert domain == "mx.test.example"


def test_the_secret_is_for_root_and_the_group_and_gone_afterwards(file: Path) -> None:
    with probe_senders(file, "mx", os.getegid()):
        status = file.stat()

    assert (status.st_mode & 0o777, status.st_gid) == (0o640, os.getegid())
    assert not file.exists()


def _too_old(file: Path, sender: str) -> str:
    os.utime(file, times=(time.time(), time.time() - SECRET_AGE_SECONDS - 10))
    return sender


def _from_the_future(file: Path, sender: str) -> str:
    os.utime(file, times=(time.time(), time.time() + SECRET_AGE_SECONDS + 10))
    return sender


def _other_secret(file: Path, sender: str) -> str:
    file.write_text("0" * 32)
    return sender


def _no_secret(file: Path, sender: str) -> str:
    file.write_text("")
    return sender


def _through_a_link(file: Path, sender: str) -> str:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))
    return sender


def _other_signature(file: Path, sender: str) -> str:
    return sender.replace(sender[-18:], "0" * 16 + "@m")


def _other_nonce(file: Path, sender: str) -> str:
    return sender.replace(PREFIX + sender[len(PREFIX)], PREFIX + ("1" if sender[len(PREFIX)] == "0" else "0"))


@pytest.mark.parametrize(
    "tamper",
    [_too_old, _from_the_future, _other_secret, _no_secret, _through_a_link, _other_signature, _other_nonce],
)
def test_what_was_tampered_with_is_ordinary_mail(file: Path, tamper: Callable[[Path, str], str]) -> None:
    with probe_senders(file, "m", None) as new_sender:
        sender = tamper(file, new_sender())

        assert not _is_probe(Probes(file), sender)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file of somebody else")
def test_a_secret_that_somebody_else_left_there_is_none(file: Path) -> None:
    with probe_senders(file, "m", None) as new_sender:
        os.chown(file, 65534, -1)

        assert not _is_probe(Probes(file), new_sender())


@pytest.mark.parametrize(
    "sender", ["", "s@remote.example", PREFIX, f"{PREFIX}x@m", f"x{PREFIX}{'0' * 16}-{'0' * 16}@m"]
)
def test_other_senders_are_ordinary_mail(file: Path, sender: str) -> None:
    with probe_senders(file, "m", None):
        assert not _is_probe(Probes(file), sender)


def test_without_a_secret_nothing_is_a_probe(file: Path) -> None:
    assert not _is_probe(Probes(file), f"{PREFIX}{'0' * 16}-{'0' * 16}@m")


def test_two_do_not_probe_at_once(file: Path) -> None:
    with probe_senders(file, "m", None) as new_sender:
        with pytest.raises(ProbeError, match="somebody else is probing"), probe_senders(file, "m", None):
            pass

        assert _is_probe(Probes(file), new_sender())


def test_what_a_killed_doctor_left_there_is_replaced(file: Path) -> None:
    file.write_text("0" * 32)

    with probe_senders(file, "m", None) as new_sender:
        assert _is_probe(Probes(file), new_sender())


def test_a_link_that_somebody_put_there_is_not_followed(file: Path) -> None:
    target = file.with_name("target")
    target.write_text("precious")
    file.symlink_to(target)

    with pytest.raises(ProbeError, match="cannot be written"), probe_senders(file, "m", None):
        pass

    assert target.read_text() == "precious"


# Through the running shim -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scanner() -> Iterator[FakeScanner]:
    with FakeScanner() as running:
        yield running


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, scanner: FakeScanner) -> Iterator[MailHost]:
    made = MailHost(tmp_path_factory.mktemp("host"))
    made.set_up([scanner.endpoint], retry_seconds=0.3, on_failure={"stranger": "pass"})
    with ShimProgram(made):
        yield made


def _submit_probe(host: MailHost, senders: Callable[[], str]) -> tuple[bytes, bytes]:
    """Return the reply, and the control file after it."""
    directory = host.directory / "probe"
    control = control_file(senders().encode(), [b"postmaster@mx.test.example"])
    reply = submit(host.filter_socket, CourierQueue(directory).put(MESSAGE, control))
    return reply, (directory / "C1.1").read_bytes().removeprefix(control)


def test_a_clean_probe_is_judged_as_a_probe_and_nobody_gets_it(host: MailHost, scanner: FakeScanner) -> None:
    scanner.usual = give_verdict()
    scanner.heard.clear()

    with probe_senders(probe_file(host.filter_socket), "mx.test.example", None) as new_sender:
        reply, record = _submit_probe(host, new_sender)

    (request,) = scanner.heard
    assert request.envelope().probe
    assert (reply, record) == (PASSED, b"")


def test_an_infected_probe_is_refused_as_any_mail(host: MailHost, scanner: FakeScanner) -> None:
    scanner.usual = give_verdict(lambda _: verdict_on(scanner.heard[-1].envelope(), Destiny.REJECT, VIRUS_REPLY))

    with probe_senders(probe_file(host.filter_socket), "mx.test.example", None) as new_sender:
        reply, record = _submit_probe(host, new_sender)

    assert (reply, record) == (f"{VIRUS_REPLY}\n".encode(), b"")


def test_a_replayed_probe_is_ordinary_mail(host: MailHost, scanner: FakeScanner) -> None:
    scanner.usual = give_verdict()

    with probe_senders(probe_file(host.filter_socket), "mx.test.example", None) as new_sender:
        sender = new_sender()
        replies = [_submit_probe(host, lambda: sender) for _ in range(2)]

    assert [reply for reply, _ in replies] == [PASSED, b"200 2.0.0 Ok\n"]
    assert replies[1][1] == b""
    assert not scanner.heard[-1].envelope().probe


def test_a_probe_is_judged_while_all_other_mail_passes_unscanned(host: MailHost, scanner: FakeScanner) -> None:
    scanner.usual = give_verdict()
    begin_pause(pause_path(host.filter_socket), 600)
    try:
        with probe_senders(probe_file(host.filter_socket), "mx.test.example", None) as new_sender:
            reply, _ = _submit_probe(host, new_sender)
    finally:
        end_pause(pause_path(host.filter_socket))

    assert reply == PASSED


def test_a_probe_without_a_verdict_never_passes(host: MailHost, scanner: FakeScanner) -> None:
    scanner.usual = answer(500)

    with probe_senders(probe_file(host.filter_socket), "mx.test.example", None) as new_sender:
        probed, _ = _submit_probe(host, new_sender)
        mailed, _ = _submit_probe(host, lambda: "s@remote.example")

    assert probed == b"451 4.3.0 Message could not be checked, try again later\n"
    assert mailed == b"200 2.0.0 Ok\n"
