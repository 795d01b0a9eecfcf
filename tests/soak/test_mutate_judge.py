"""The tests that are to notice mutants are there, and run with few examples."""

import subprocess
import sys
from pathlib import Path

import pytest

from soak.few_examples import EXAMPLES
from soak.mutate_judge import JUDGE, main, missing_files

ROOT = Path(__file__).parents[2]
PROPERTIES = """
from hypothesis import given, settings
from hypothesis import strategies as st

seen = []

@given(st.integers())
def test_a_property(number):
    seen.append(number)

@settings(max_examples=150)
@given(st.integers())
def test_a_property_with_settings_of_its_own(number):
    seen.append(number)

def test_this_many_examples():
    assert len(seen) == {wanted}
"""


def test_each_module_has_tests_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert missing_files(sorted(JUDGE.glob("[!_]*.py"))) == []


def test_a_module_or_a_test_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["of_tomorrow"]) == 1

    assert capsys.readouterr().err == (
        "want files that are there (see NEAREST_TESTS), "
        "got scanner_service/judge/of_tomorrow.py, tests/scanner_service/judge/test_of_tomorrow.py\n"
    )


@pytest.mark.parametrize(("wanted", "status"), [(2 * EXAMPLES, 0), (2 * EXAMPLES + 1, 1)])
def test_each_property_has_few_examples(tmp_path: Path, wanted: int, status: int) -> None:
    file = tmp_path / "test_properties.py"
    file.write_text(PROPERTIES.format(wanted=wanted))
    options = ["-q", "-p", "no:cacheprovider", "-p", "soak.few_examples"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(file)], cwd=ROOT, capture_output=True, timeout=60, check=False
    )

    assert done.returncode == status
