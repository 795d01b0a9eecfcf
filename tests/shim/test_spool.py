"""Courier's files: only regular ones, only what was there, each as often as needed."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from shim.spool import CHUNK_BYTES, CONTROL_FILE_LIMIT_BYTES, SpoolError, SpoolFile, read_control_file
from tests.fakes.descriptors import open_descriptors

SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7]


def _make(directory: Path, size: int) -> bytes:
    path = directory / "D1"
    path.write_bytes(os.urandom(size))
    return bytes(path)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_read_whole_in_chunks_and_as_a_file_and_again(tmp_path: Path, size: int) -> None:
    path = _make(tmp_path, size)
    content = Path(os.fsdecode(path)).read_bytes()

    with SpoolFile(path) as file:
        for _ in range(2):
            assert file.size == size
            assert file.read() == content
            assert b"".join(asyncio.run(_chunks(file))) == content
            with file.as_file() as other:
                assert other.read() == content


def test_a_chunk_is_never_longer_than_the_limit(tmp_path: Path) -> None:
    with SpoolFile(_make(tmp_path, 3 * CHUNK_BYTES + 7)) as file:
        chunks = asyncio.run(_chunks(file))

    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES] * 3 + [7]


def test_a_file_is_the_one_that_was_opened_whatever_takes_its_name(tmp_path: Path) -> None:
    path = _make(tmp_path, 10)
    content = Path(os.fsdecode(path)).read_bytes()

    with SpoolFile(path) as file:
        (tmp_path / "D1.new").write_bytes(b"another")
        (tmp_path / "D1.new").rename(tmp_path / "D1")

        assert file.read() == content
        with file.as_file() as other:
            assert other.read() == content


def test_a_file_that_shrinks_is_an_error_and_no_short_message(tmp_path: Path) -> None:
    path = _make(tmp_path, 2 * CHUNK_BYTES)

    with SpoolFile(path) as file:
        os.truncate(path, CHUNK_BYTES + 5)

        with pytest.raises(SpoolError, match=f"D1: ends at byte {CHUNK_BYTES + 5}, had {2 * CHUNK_BYTES}"):
            file.read()


def test_bytes_that_are_added_later_do_not_belong_to_the_message(tmp_path: Path) -> None:
    path = _make(tmp_path, 10)

    with SpoolFile(path) as file, Path(os.fsdecode(path)).open("ab") as writer:
        writer.write(b"more")
        writer.flush()

        assert len(file.read()) == 10


def _nothing(path: Path) -> None:
    del path


def _loop_of_links(path: Path) -> None:
    path.symlink_to(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_nothing, "No such file"),
        (_loop_of_links, "symbolic links"),
        (Path.mkdir, "want a regular file"),
        (os.mkfifo, "want a regular file"),
        (_socket, "No such device"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path_factory: pytest.TempPathFactory, make: Callable[[Path], None], problem: str
) -> None:
    path = tmp_path_factory.mktemp("spool") / "D1"
    make(path)
    open_before = len(open_descriptors())

    for read in (SpoolFile, read_control_file):
        with pytest.raises(SpoolError, match=f"^{path}: .*{problem}"):
            read(bytes(path))

    assert len(open_descriptors()) == open_before


def test_a_device_is_refused() -> None:
    with pytest.raises(SpoolError, match=r"^/dev/null: want a regular file"):
        SpoolFile(b"/dev/null")


def test_a_control_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "C1").write_bytes(b"ss@x\n")

    assert read_control_file(bytes(tmp_path / "C1")) == b"ss@x\n"


@pytest.mark.parametrize("excess", [0, 1])
def test_a_control_file_beyond_the_limit_is_refused(tmp_path: Path, excess: int) -> None:
    path = tmp_path / "C1"
    with path.open("wb") as file:
        file.truncate(CONTROL_FILE_LIMIT_BYTES + excess)

    if excess:
        with pytest.raises(SpoolError, match=f"at most {CONTROL_FILE_LIMIT_BYTES} bytes, has"):
            read_control_file(bytes(path))
    else:
        assert len(read_control_file(bytes(path))) == CONTROL_FILE_LIMIT_BYTES


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    path = _make(tmp_path, 10)
    before = len(open_descriptors())

    for _ in range(10):
        with SpoolFile(path) as file, file.as_file() as other:
            other.read()

    assert len(open_descriptors()) == before


async def _chunks(file: SpoolFile) -> list[bytes]:
    return [chunk async for chunk in file]
