"""The client of clamd, against the clamd of Debian."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from scanner_service.clients.clamd import ClamdClient, ClamdSizeLimitError
from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.inspectors.clamd import FINDS_NOTHING, ClamdEngine
from scanner_service.inspectors.engine import EngineUnavailableError
from tests.fakes.clamd import EICAR
from tests.scanner_service.messages import message_of
from tests.scanner_service.real_clamd import (
    FOREIGN_SIGNATURES,
    STREAM_LIMIT_BYTES,
    running_clamd,
    skip_without_clamd,
)

MESSAGES = Path(__file__).parents[2] / "contract/messages"


@pytest.fixture
def client(real_clamd: Path) -> ClamdClient:
    return ClamdClient(DaemonAddress(path=str(real_clamd)))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"", ()),
        (b"Subject: clean\n\nbody\n", ()),
        (EICAR, ("Bench.Eicar.Body.UNOFFICIAL",)),
        ((MESSAGES / "clean-attachment.eml").read_bytes(), ()),
        ((MESSAGES / "virus-body.eml").read_bytes(), ("Bench.Eicar.Body.UNOFFICIAL",)),
        ((MESSAGES / "virus-zip-zip.eml").read_bytes(), ("Bench.Eicar.Body.UNOFFICIAL",)),
    ],
    ids=["empty", "clean", "eicar", "clean-attachment", "virus-body", "virus-zip-zip"],
)
def test_viruses_are_named(client: ClamdClient, data: bytes, names: tuple[str, ...]) -> None:
    found = asyncio.run(client.look(data)).names

    assert found == names


def test_what_is_longer_than_the_limit_is_told_so_every_time(client: ClamdClient) -> None:
    data = os.urandom(3 * STREAM_LIMIT_BYTES)

    async def scan_twenty_times() -> None:
        for _ in range(20):
            with pytest.raises(ClamdSizeLimitError, match="INSTREAM size limit exceeded"):
                await client.look(data)

    asyncio.run(scan_twenty_times())


def test_the_limit_itself_is_still_scanned(client: ClamdClient) -> None:
    data = EICAR.rjust(STREAM_LIMIT_BYTES, b"\n")

    found = asyncio.run(client.look(data)).names

    assert found == ("Bench.Eicar.Body.UNOFFICIAL",)


def test_the_version_names_the_program(client: ClamdClient) -> None:
    version = asyncio.run(client.version())

    assert version.startswith("ClamAV 1.")


def test_one_whose_database_holds_something_else_is_found_out(tmp_path: Path) -> None:
    skip_without_clamd()
    with running_clamd(tmp_path, FOREIGN_SIGNATURES) as path:
        foreign = ClamdClient(DaemonAddress(path=str(path)))
        engine = ClamdEngine("clamd", foreign)

        says = asyncio.run(foreign.look(EICAR)).names
        asyncio.run(engine.refresh())
        with pytest.raises(EngineUnavailableError, match=FINDS_NOTHING):
            asyncio.run(engine.scan(message_of(b"\n" + EICAR), None))

    assert says == ()
    assert not engine.protects


def test_one_that_comes_back_without_its_signatures_between_two_messages_has_not_looked(tmp_path: Path) -> None:
    skip_without_clamd()
    engine = ClamdEngine("clamd", ClamdClient(DaemonAddress(path=str(tmp_path / "clamd.ctl"))))
    with running_clamd(tmp_path):
        before = asyncio.run(engine.scan(message_of(b"\n" + EICAR), None))
    shutil.rmtree(tmp_path / "signatures")

    with running_clamd(tmp_path, FOREIGN_SIGNATURES), pytest.raises(EngineUnavailableError, match=FINDS_NOTHING):
        asyncio.run(engine.scan(message_of(b"\n" + EICAR), None))

    assert before


def test_one_with_its_signatures_protects(real_clamd: Path) -> None:
    engine = ClamdEngine("clamd", ClamdClient(DaemonAddress(path=str(real_clamd))))

    asyncio.run(engine.refresh())

    assert (engine.problem, engine.signature_days) == (None, None)  # of our own signatures, clamd tells no age


def test_no_connection_is_left_open(client: ClamdClient) -> None:
    before = open_descriptors()

    async def scan_many() -> None:
        await asyncio.gather(*(client.look(EICAR if number % 2 else b"clean") for number in range(100)))

    asyncio.run(scan_many())

    assert open_descriptors() == before
