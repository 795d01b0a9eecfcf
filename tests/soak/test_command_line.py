"""Which proofs `python -m soak` is asked for."""

import pytest

from soak.__main__ import MINUTES, parse


def test_without_a_part_all_are_meant() -> None:
    assert parse([]).parts == list(MINUTES)


def test_parts_are_those_that_are_named() -> None:
    assert parse(["fuzz", "leaks", "--fuzz-seconds", "2.5"]).parts == ["fuzz", "leaks"]


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["fuzzz"])

    assert end.value.code == 2
    assert "got fuzzz" in capsys.readouterr().err
