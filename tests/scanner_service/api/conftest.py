"""A service that all tests of the interface may ask, in its embedded settings but for a small size limit."""

from collections.abc import Iterator

import httpx
import pytest

from scanner_service.settings import Limits
from tests.scanner_service.live_service import LiveService, live_service

LIMIT_BYTES = 1_000_000


@pytest.fixture(scope="session")
def service() -> Iterator[LiveService]:
    with live_service(limits=Limits(max_message_bytes=LIMIT_BYTES)) as running:
        yield running


@pytest.fixture
def client(service: LiveService) -> Iterator[httpx.Client]:
    with service.client() as made:
        yield made


@pytest.fixture(params=[False, True], ids=["tcp", "unix"])
def local_client(service: LiveService, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """One for each way in which a client of this machine may come."""
    with service.client(by_unix_socket=request.param) as made:
        yield made
