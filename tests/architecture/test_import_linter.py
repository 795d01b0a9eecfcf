"""The import contracts bite, and the wire is lighter than they can say."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("verdict_api", "shim", "scanner_service", "couriergate")


def test_a_broken_import_contract_is_noticed(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    with (tmp_path / "verdict_api/envelope.py").open("a") as module:
        module.write("\nimport scanner_service\n")

    linted = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert linted.returncode == 1
    assert "verdict_api knows no side BROKEN" in linted.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "verdict_api").glob("**/*.py")), ids=lambda path: path.name)
def test_the_wire_needs_the_standard_library_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])

    assert imported <= sys.stdlib_module_names | {"verdict_api"}
