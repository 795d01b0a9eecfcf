"""The file system within old documents, against olefile and against what a stranger may bend."""

import io
import time

import olefile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.budget import OverLimitsError
from scanner_service.decode.formats.compound_file import CompoundFile
from scanner_service.decode.formats.content import DamagedError, NotThisFormatError
from tests.scanner_service.decode.formats.compound_file import Storage, compound_file
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES

_NAMES = st.text("abcXYZ_ 123\u4000", min_size=1, max_size=12)
_STORAGES = st.recursive(
    st.dictionaries(_NAMES, st.binary(max_size=1500), max_size=4),
    lambda inner: st.dictionaries(_NAMES, st.one_of(st.binary(max_size=700), inner), max_size=4),
    max_leaves=8,
)


def streams_of(data: bytes) -> dict[tuple[str, ...], bytes]:
    file = CompoundFile(data)
    return {(*entry.storage, entry.name): b"".join(file.blocks(entry)) for entry in file.entries if entry.is_stream}


def streams_by_olefile(data: bytes) -> dict[tuple[str, ...], bytes]:
    with olefile.OleFileIO(io.BytesIO(data)) as file:
        return {tuple(path): file.openstream(path).read() for path in file.listdir()}


@pytest.mark.parametrize("name", ["clam.ole.doc", "clam.ppt"])
def test_real_documents_are_read_as_olefile_reads_them(name: str) -> None:
    data = (CLAMAV_TESTFILES / name).read_bytes()

    assert streams_of(data) == streams_by_olefile(data)


def flat(storage: Storage, above: tuple[str, ...] = ()) -> dict[tuple[str, ...], bytes]:
    found: dict[tuple[str, ...], bytes] = {}
    for name, content in storage.items():
        found |= {(*above, name): content} if isinstance(content, bytes) else flat(content, (*above, name))
    return found


@given(_STORAGES)
def test_every_stream_of_every_storage_comes_out(root: Storage) -> None:
    assert streams_of(compound_file(root)) == flat(root)


def test_a_chain_in_a_circle_ends() -> None:
    # given: the stream's last sector is said to be followed by its first
    data = bytearray(compound_file({"a": bytes(2000)}))
    data[-512 + 3 * 4 : -512 + 4 * 4] = (0).to_bytes(4, "little")

    file = CompoundFile(bytes(data))

    assert len(b"".join(file.blocks(file.entries[0]))) == 2000


def test_siblings_in_a_circle_come_out_once() -> None:
    data = compound_file({"a": b"1", "b": b"2"})
    at = data.index("b\0".encode("utf-16-le")) + 68

    bent = data[:at] + (1).to_bytes(4, "little") * 2 + data[at + 8 :]

    assert [entry.name for entry in CompoundFile(bent).entries] == ["a", "b"]


def test_twenty_thousand_streams_are_listed_in_a_second() -> None:
    data = compound_file({f"s{number}": b"" for number in range(20_000)})

    started = time.monotonic()

    assert len(CompoundFile(data).entries) == 20_000
    assert time.monotonic() - started < 1


def test_an_absurd_number_of_entries_is_over_limits() -> None:
    # given: the table of sectors, and after it nothing but the directory, each sector followed by the next
    table_sectors = 109
    sectors = table_sectors * 128
    header = bytearray(compound_file({})[:512])
    header[48:52] = table_sectors.to_bytes(4, "little")
    header[76:512] = b"".join(number.to_bytes(4, "little") for number in range(table_sectors))
    table = b"".join((number + 1).to_bytes(4, "little") for number in range(sectors))

    with pytest.raises(OverLimitsError):
        CompoundFile(bytes(header) + table + bytes(512 * (sectors - table_sectors)))


def test_a_file_without_its_directory_is_damaged_and_other_bytes_are_something_else() -> None:
    data = compound_file({"a": bytes(2000)})

    with pytest.raises(DamagedError):
        CompoundFile(data[:1024])
    with pytest.raises(NotThisFormatError):
        CompoundFile(data[1:])
    with pytest.raises(NotThisFormatError):
        CompoundFile(data[:100])
