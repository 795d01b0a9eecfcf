"""7-Zip, the real one, in its cage."""

import asyncio
import io
import os
import random
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from scanner_service.clients.decoder_protocol import SevenZipAnswer, SevenZipRequest
from scanner_service.clients.seven_zip import NOT_INSTALLED, SevenZip
from tests.fakes.descriptors import children_of_this_process, open_descriptors

if SevenZip().program is None:
    pytest.skip("7-Zip is not installed", allow_module_level=True)

EXTRACT = ("x", "-so", "--", "{archive}")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    uvloop.run(asyncio.sleep(0))  # the first time it keeps two descriptors for the rest of the process
    before = (len(open_descriptors()), children_of_this_process())

    yield

    assert (len(open_descriptors()), children_of_this_process()) == before


def zip_of(name: str, body: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as writer:
        writer.writestr(name, body)
    return archive.getvalue()


def run(
    arguments: tuple[str, ...],
    data: bytes,
    *,
    output_limit_bytes: int = 2**20,
    seconds: float = 10.0,
    program: str | None = None,
) -> SevenZipAnswer:
    async def story() -> SevenZipAnswer:
        until = asyncio.get_running_loop().time() + seconds
        return await SevenZip(program).run(SevenZipRequest(arguments, data, output_limit_bytes), until)

    return uvloop.run(story())


def test_it_extracts_to_memory() -> None:
    assert run(EXTRACT, zip_of("a.txt", b"text" * 100)) == SevenZipAnswer(b"text" * 100)


def test_it_extracts_what_was_packed_with_threads_and_a_dictionary() -> None:
    body = random.Random(1).randbytes(500_000)

    assert run(EXTRACT, zip_of("a.bin", body, zipfile.ZIP_LZMA)) == SevenZipAnswer(body)
    assert run(EXTRACT, zip_of("a.bin", body, zipfile.ZIP_BZIP2)) == SevenZipAnswer(body)


def test_it_lists() -> None:
    answer = run(("l", "-slt", "--", "{archive}"), zip_of("réport.txt", b"text"))

    assert "Path = réport.txt\nFolder = -\nSize = 4\n" in answer.output.decode()


def test_what_it_says_of_a_damaged_archive_is_an_output_like_any() -> None:
    answer = run(("l", "--", "{archive}"), b"this is no archive")

    assert answer.failure is None
    assert b"Errors: 1" in answer.output


def test_more_output_than_is_allowed_is_over_limits() -> None:
    answer = run(EXTRACT, zip_of("zeros", bytes(2**22)))

    assert answer.is_over_limits
    assert answer.output == b""


def test_as_much_output_as_is_allowed_is_given() -> None:
    assert run(EXTRACT, zip_of("zeros", bytes(2**20))) == SevenZipAnswer(bytes(2**20))


def test_longer_than_is_allowed_is_over_limits() -> None:
    started = time.monotonic()

    answer = run(EXTRACT, zip_of("a.txt", b"text"), seconds=0.001)

    assert answer.is_over_limits
    assert time.monotonic() - started < 5


def test_it_writes_no_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    answer = run(("x", f"-o{tmp_path}", "-y", "--", "{archive}"), zip_of("a.txt", b"text"))

    assert answer.failure is None
    assert list(tmp_path.iterdir()) == []


def test_it_opens_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.zip").write_bytes(zip_of("a.txt", b"secret"))

    answer = run(("x", "-so", "--", str(tmp_path / "secret.zip")), b"")

    assert b"secret" not in answer.output.replace(b"secret.zip", b"")


def test_a_program_that_cannot_be_executed_is_told_from_a_damaged_archive() -> None:
    answer = run(EXTRACT, b"", program="/no/such/program")

    assert answer.failure == "7-Zip has no cage: [Errno 2] No such file or directory: '/no/such/program'"
    assert not answer.is_over_limits


def test_a_program_that_dies_is_told_from_a_damaged_archive() -> None:
    shell = os.path.realpath("/bin/sh")

    answer = run(("-c", "(" * 120_000), b"", program=shell)  # deeper than the shell's stack

    assert answer.failure == f"7-Zip was killed by signal {signal.SIGSEGV}"


def test_a_program_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert run(EXTRACT, b"").failure == NOT_INSTALLED
