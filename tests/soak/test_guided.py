"""No strange bytes break decoding: the soak's guided fuzzing for two seconds each."""

from pathlib import Path

import pytest

from soak.guided import DECODERS, KEPT, fuzz_by_coverage

CORPUS_LIMIT_BYTES = 2**20


@pytest.mark.parametrize("name", DECODERS)
def test_no_strange_bytes_break_decoding(name: str) -> None:
    row = fuzz_by_coverage(DECODERS[name], KEPT / name, seconds=2)

    assert row.faults == []
    assert int(row.figures["inputs"]) >= int(row.figures["seeds"]) > 0


def test_an_input_that_fails_is_kept_and_its_reason_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"plain")

    row = fuzz_by_coverage("tests.soak.planted:check", tmp_path, seconds=20)

    (kept,) = [file for file in tmp_path.iterdir() if file.name.startswith("found_")]
    assert row.figures["failures"] == 1
    assert row.faults == [f"""{kept.name}: ValueError: planted in 'raise ValueError("planted")'"""]


def test_the_kept_corpus_is_small() -> None:
    sizes = [file.stat().st_size for file in KEPT.rglob("*") if file.is_file()]

    assert sum(sizes) <= CORPUS_LIMIT_BYTES
