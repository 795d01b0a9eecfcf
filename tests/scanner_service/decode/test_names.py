"""A hidden executable must have its name among the candidates, whichever program is to read it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.decode.names import CANDIDATES_LIMIT, names_of


@pytest.mark.parametrize(
    ("field", "name"),
    [
        pytest.param('attachment; filename="a.exe"', "a.exe", id="quoted"),
        pytest.param("attachment; filename=a.exe", "a.exe", id="token"),
        pytest.param("attachment; filename=my run.exe", "my run.exe", id="unquoted blank"),
        pytest.param("attachment; FileName = a.exe ; x=y", "a.exe", id="blanks and case"),
        pytest.param('attachment; filename="a.exe', "a.exe", id="no closing quote"),
        pytest.param('attachment; filename="a\\.exe"', "a.exe", id="quoted pair"),
        pytest.param('attachment; filename="a;b.exe"', "a;b.exe", id="semicolon in quotes"),
        pytest.param('attachment; filename="a.txt"; filename="b.exe"', "b.exe", id="second of two"),
        pytest.param('attachment; filename="a.exe"; filename="b.txt"', "a.exe", id="first of two"),
        pytest.param('attachment; filename="=?utf-8?B?cnVuLmV4ZQ==?="', "run.exe", id="RFC 2047"),
        pytest.param("attachment; filename==?utf-8?Q?run=2Eexe?=", "run.exe", id="RFC 2047 unquoted"),
        pytest.param('attachment; filename="=?utf-8?B?cnVu?= =?utf-8?B?LmV4ZQ==?="', "run.exe", id="two words"),
        pytest.param('attachment; filename="=?x-unknown?B?cnVuLmV4ZQ==?="', "run.exe", id="unknown charset"),
        pytest.param("attachment; filename*=utf-8''run%2Eexe", "run.exe", id="RFC 2231"),
        pytest.param("attachment; filename*=run%2Eexe", "run.exe", id="RFC 2231 without charset"),
        pytest.param("attachment; filename*=\"utf-8''run%2Eexe\"", "run.exe", id="RFC 2231 quoted"),
        pytest.param('attachment; filename*0="run."; filename*1="exe"', "run.exe", id="split"),
        pytest.param('attachment; filename*1="exe"; filename*0="run."', "run.exe", id="split, out of order"),
        pytest.param("attachment; filename*0*=utf-8''run%2E; filename*1=exe", "run.exe", id="split, encoded"),
        pytest.param('attachment; filename*0="run."; filename*2="exe"', "run.exe", id="split, one missing"),
        pytest.param('attachment; filename="run%2Eexe"', "run.exe", id="percent"),
        pytest.param('attachment; filename="run.exe  "', "run.exe", id="trailing blanks"),
        pytest.param('attachment; filename="run.exe . ."', "run.exe", id="trailing dots"),
        pytest.param('attachment; filename="run.exe\0.txt"', "run.exe", id="NUL"),
        pytest.param('attachment; filename="run\0.exe"', "run.exe", id="NUL inside"),
        pytest.param('attachment; filename="run.e\u200bxe"', "run.exe", id="zero width"),
        pytest.param('attachment; filename="\u202erun.exe"', "run.exe", id="right to left"),
        pytest.param('attachment; filename="run\uff0eexe"', "run.exe", id="full width"),
        pytest.param('attachment; filename="C:\\\\dir\\\\run.exe"', "run.exe", id="path"),
        pytest.param('attachment; filename="run.exe:stream"', "run.exe", id="alternate stream"),
        pytest.param('attachment; filename="caf\udcc3\udca9.exe"', "caf\u00e9.exe", id="raw UTF-8"),
        pytest.param('attachment; filename="caf\udce9.exe"', "caf\u00e9.exe", id="raw Latin-1"),
        pytest.param("attachment; filename='run.exe'", "run.exe", id="single quotes"),
        pytest.param('application/octet-stream; name="run.exe"', "run.exe", id="name"),
        pytest.param('attachment filename="run.exe"', "run.exe", id="no semicolon"),
    ],
)
def test_a_name_is_found_however_it_is_written(field: str, name: str) -> None:
    assert name in names_of([field])


@pytest.mark.parametrize("field", ["", "attachment", "attachment; filename=", 'attachment; filename=""', "a; size=5"])
def test_where_there_is_no_name_there_is_none(field: str) -> None:
    assert names_of([field]) == ()


def test_both_fields_count_and_nothing_is_said_twice() -> None:
    names = names_of(['attachment; filename="a.txt"', 'text/plain; name="b.exe"; name="a.txt"'])

    assert names == ("a.txt", "b.exe")


def test_a_thousand_names_are_cut() -> None:
    names = names_of(["attachment" + "".join(f"; filename=a{number}" for number in range(1000))])

    assert len(names) == CANDIDATES_LIMIT


@given(st.binary(max_size=300))
def test_whatever_a_stranger_writes_is_read(raw: bytes) -> None:
    value = raw.decode("ascii", "surrogateescape")

    assert all(names_of([value, f"a; filename*0*={value}; filename={value}"]))


@pytest.mark.parametrize("piece", [';name="', "filename=;", '"\\', "name*0*=%", "=?utf-8?b?"])
def test_a_long_field_takes_no_long_time(piece: str) -> None:
    started = time.process_time()

    names_of(["a; filename=" + piece * 20_000])

    assert time.process_time() - started < 2.0
