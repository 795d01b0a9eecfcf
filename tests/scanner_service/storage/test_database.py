"""Opening a database: what failed leaves nothing behind."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from scanner_service.storage.ask import DatabaseUnavailableError, ask, close
from scanner_service.storage.database import database_url, open_database, open_database_to_read


@pytest.mark.parametrize("opened", [open_database, open_database_to_read])
def test_a_file_that_cannot_be_opened_leaves_no_thread_behind(
    tmp_path: Path, opened: Callable[[URL], AsyncEngine]
) -> None:
    """Such a thread would answer to the loop that asked it, which is closed by then."""

    async def nothing(connection: AsyncConnection) -> None:
        del connection

    async def open_a_folder() -> None:
        engine = opened(database_url(f"sqlite:///{tmp_path}"))
        with pytest.raises(DatabaseUnavailableError, match=r"unable to open|disk I/O error"):
            await ask(engine, nothing, 5)
        left.append([one for one in threading.enumerate() if one not in before and "_connection_worker" in one.name])
        await close(engine)

    left: list[list[threading.Thread]] = []
    before = threading.enumerate()
    for _ in range(20):
        asyncio.run(open_a_folder())

    assert left == [[]] * 20
