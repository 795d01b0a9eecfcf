"""No strange bytes break a parser: the soak's fuzzing for a second each."""

from pathlib import Path

import pytest

from soak.fuzz import CORPUS, SEED, fuzz
from soak.parsers import PARSERS


@pytest.mark.parametrize("name", PARSERS)
def test_no_strange_bytes_break_a_parser(name: str) -> None:
    print(f"random seed {SEED}")

    row = fuzz(name, PARSERS[name], CORPUS / name, seconds=1)

    assert row.faults == []
    assert row.figures["seeds"]


def test_an_input_that_fails_is_kept_and_tried_first(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"abcd")

    def check(data: bytes) -> None:
        if not data.startswith(b"abcd"):
            raise ValueError("planted")

    found = fuzz("planted", check, tmp_path, seconds=30)
    again = fuzz("planted", check, tmp_path, seconds=0)

    kept = sorted(file.name for file in tmp_path.iterdir())
    assert len(kept) == 2
    assert found.faults == again.faults == [f"{kept[0]}: ValueError('planted')"]
