"""What the tests of the scanning service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scanner_service.real_clamd import running_clamd, skip_without_clamd


@pytest.fixture(scope="session")
def real_clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a clamd that knows EICAR and takes 1 MiB."""
    skip_without_clamd()
    with running_clamd(tmp_path_factory.mktemp("clamd")) as path:
        yield path
