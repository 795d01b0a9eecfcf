"""A ZIP is read as each program might read it; what no program can read is said."""

import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner_service.decode.budget import Budget, DecodeLimits, OverLimitsError
from scanner_service.decode.formats.content import Content, DamagedError
from scanner_service.decode.formats.zip import open_zip
from tests.corpus.evasion.zip_bytes import Member, zip_of
from tests.scanner_service.decode.unpacking import until_an_error


def contents(data: bytes, limits: DecodeLimits | None = None) -> list[Content]:
    return list(open_zip(data, Budget.of_message(limits or DecodeLimits(), len(data))))


def written_by_python(files: dict[str, bytes], method: int, *, streamed: bool) -> bytes:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return not streamed

    buffer = Pipe()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()


@pytest.mark.parametrize("streamed", [False, True], ids=["seekable", "streamed"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@given(
    files=st.dictionaries(
        st.text("abcdefgh.é", min_size=1, max_size=8),
        st.one_of(st.binary(max_size=300), st.integers(0, 200_000).map(bytes)),
        max_size=5,
    )
)
@settings(max_examples=20, deadline=None)
def test_what_the_standard_library_writes_is_read(method: int, streamed: bool, files: dict[str, bytes]) -> None:
    data = written_by_python(files, method, streamed=streamed)

    found = contents(data)

    assert {one.names[0]: one.body for one in found} == files


@given(data=st.binary(max_size=400), seed=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"PK\x01\x02"]))
@settings(max_examples=200, deadline=None)
def test_whatever_the_bytes_only_the_declared_errors_come_out(data: bytes, seed: bytes) -> None:
    try:
        contents(seed + data + seed + data)
    except (DamagedError, OverLimitsError):
        return


@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    limits=st.builds(DecodeLimits, parts=st.integers(0, 9), unpacked_bytes=st.integers(0, 2000)),
)
@settings(max_examples=300, deadline=None)
def test_however_it_is_changed_only_the_declared_errors_come_out(
    changes: list[tuple[int, int]], limits: DecodeLimits
) -> None:
    data = bytearray(
        zip_of([Member(b"a", b"text" * 9), Member(b"b/", b""), Member(b"c", b"x", flags=9, extra=bytes(9))])
    )
    for place, value in changes:
        data[place % len(data)] = value

    try:
        contents(bytes(data), limits)
    except (DamagedError, OverLimitsError):
        return


def test_a_body_that_two_records_measure_differently_is_read_in_both_ways() -> None:
    data = zip_of([Member(b"a", b"short and long", method=0, central_size=5)])

    assert {one.body for one in contents(data)} == {b"short", b"short and long"}


def test_a_member_that_is_cut_off_is_named_and_so_are_the_others() -> None:
    body = random.Random(7).randbytes(9000)
    data = zip_of([Member(b"run.exe", body, packed_as=Member(b"", body).packed[:1000]), Member(b"z", b"text")])
    opener = open_zip(data, Budget.of_message(DecodeLimits(), len(data)))

    found, error = until_an_error(opener)

    assert str(error) == "zip: cannot read 1 of its members, the first is 'run.exe'"
    bodies = {one.names[0]: one.body for one in found}
    assert bodies["run.exe"][:900] == body[:900]
    assert bodies["z"] == b"text"


def test_forty_names_for_one_body_are_read_and_more_are_over_limits() -> None:
    member = Member(b"a", b"text")
    forty = [Member(b"%d" % number, b"text") for number in range(40)]
    more = [*forty, Member(b"run.exe", b"text")]

    def archive(names: list[Member]) -> bytes:
        directory = b"".join(name.central(0) for name in names)
        end = (
            b"PK\x05\x06"
            + bytes(8)
            + len(directory).to_bytes(4, "little")
            + len(member.local()).to_bytes(4, "little")
        )
        return member.local() + directory + end + bytes(2)

    [found] = contents(archive(forty))
    assert {"0", "39"} <= set(found.names)
    with pytest.raises(OverLimitsError, match="names for one body"):
        contents(archive(more))


def test_four_bytes_that_are_no_header_make_no_member() -> None:
    program = b"MZ" + bytes(60) + b"PK\x03\x04" + random.Random(3).randbytes(60_000)

    found, _ = until_an_error(open_zip(program, Budget.of_message(DecodeLimits(), len(program))))

    assert found == []
