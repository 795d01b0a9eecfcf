"""What the contract tests share."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scanner_service.settings import Spam, SpamdSetting
from tests.contract.golden_policy import GOLDEN_POLICY
from tests.scanner_service.live_service import live_service
from tests.scanner_service.real_clamd import running_clamd, skip_without_clamd
from tests.scanner_service.real_spam_engines import SPAMD, running_spamd, skip_without


@pytest.fixture(scope="session")
def real_clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a clamd that knows EICAR."""
    skip_without_clamd()
    with running_clamd(tmp_path_factory.mktemp("clamd")) as path:
        yield path


@pytest.fixture(scope="package")
def golden_client() -> Iterator[httpx.Client]:
    """Whoever asks a service with the policy under which amavisd-new was observed."""
    with live_service(policy=GOLDEN_POLICY) as service, service.client() as client:
        yield client


@pytest.fixture(scope="package")
def golden_client_with_spamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same, with a real spamd."""
    skip_without(SPAMD, "spamd")
    with running_spamd(tmp_path_factory.mktemp("spamd")) as path:
        spam = Spam(engine=SpamdSetting(kind="spamd", address=f"unix:{path}"))
        with live_service(policy=GOLDEN_POLICY, spam=spam) as service, service.client() as client:
            yield client
