"""Shim and service together: what a score does to the file of a message that Courier delivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.courier_queue import MESSAGE, control_file
from tests.fakes.shim_program import MailHost, ShimProgram
from tests.fakes.spam_daemons import FakeSpamd
from tests.fakes.submit import submit
from tests.scanner_service.scanner_program import running_scanner

HONEST = MESSAGE.replace(b"From:", b"Date: Sat, 08 Jun 2024 10:00:00 +0000\nFrom:")
FORGED = b"X-Spam-Flag: NO\nX-Couriergate-Id: b7kQ2sX9aLmP\n"
STRANGER = control_file()
OWN_USER = STRANGER.replace(b"usmtp\n", b"ianna\nuauthsmtp\n")


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailHost]:
    """A mail host whose spamd gives each message 7.5 points."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "service").mkdir()
    with (
        FakeSpamd("7.5", "BAYES_99,URIBL") as spamd,
        running_scanner(folder / "service", settings=spamd.settings) as service,
    ):
        mail_host = MailHost(folder)
        mail_host.set_up([f"unix:{service.path}"])
        with ShimProgram(mail_host):
            yield mail_host


def delivered(host: MailHost, message: bytes, control: bytes) -> bytes:
    """Return the file of a message that the filter let pass."""
    request = host.queue.put(message, control)
    assert submit(host.filter_socket, request).startswith(b"200 2.0.0 Ok")
    return Path(request.split(b"\n")[0].decode()).read_bytes()


@pytest.mark.parametrize("written", [b"", FORGED], ids=["honest", "forged"])
def test_spammy_mail_of_a_stranger_is_tagged_on_top_of_its_own_bytes(host: MailHost, written: bytes) -> None:
    tagged = delivered(host, written + HONEST, STRANGER)

    assert tagged.endswith(
        b"X-Spam-Flag: YES\nX-Spam-Score: 7.5\nX-Spam-Level: *******\n"
        b"X-Spam-Status: Yes, score=7.5 required=5 tests=[BAYES_99, URIBL]\n" + HONEST
    )
    assert tagged.startswith(b"X-Couriergate-Id: ")
    assert tagged.count(b"X-Spam-Flag") == tagged.count(b"X-Couriergate-Id") == 1


def test_mail_of_an_own_user_stays_as_it_is(host: MailHost) -> None:
    assert delivered(host, FORGED + HONEST, OWN_USER) == FORGED + HONEST
