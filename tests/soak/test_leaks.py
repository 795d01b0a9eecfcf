"""Short forms of the soak's proofs about the shim alone."""

from collections.abc import Iterator

import pytest

from soak.leaks import prove_many_messages, prove_silent_connections
from soak.life import stop_amid_a_message
from soak.progress import Progress
from soak.shim_alone import ShimAlone, mail_host_with_idle_scanner
from tests.fakes.shim_program import MailHost


@pytest.fixture
def mail_host() -> Iterator[MailHost]:
    with mail_host_with_idle_scanner() as host:
        yield host


def test_messages_leave_no_descriptor_behind(mail_host: MailHost) -> None:
    with ShimAlone(mail_host) as shim:
        row = prove_many_messages(shim, 300, Progress())

    assert row.figures["messages"] == 300
    assert row.figures["descriptors before"] == row.figures["descriptors after"]


def test_silent_connections_hold_up_no_message(mail_host: MailHost) -> None:
    with ShimAlone(mail_host) as shim:
        row = prove_silent_connections(shim, 50)

    assert row.faults == []


def test_a_silent_scanner_does_not_keep_the_shim_from_stopping(mail_host: MailHost) -> None:
    seconds = stop_amid_a_message(mail_host)

    assert seconds < 15
