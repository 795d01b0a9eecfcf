"""What the tests of the shim share."""

import pytest

from tests.fakes.shim_program import MailHost


@pytest.fixture
def mail_host(tmp_path_factory: pytest.TempPathFactory) -> MailHost:
    """A mail host in a directory whose name is short: a socket's path has at most 107 bytes."""
    return MailHost(tmp_path_factory.mktemp("host"))
