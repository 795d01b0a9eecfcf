"""Who may import whom: the contracts of .importlinter, and what they cannot express."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED_ON_THE_MAIL_HOST = sys.stdlib_module_names | {"shim", "verdict_api", "httpx", "h11"}
ON_THE_MAIL_HOST = sorted(path for folder in ("shim", "verdict_api") for path in (ROOT / folder).rglob("*.py"))
PROTOCOLS_OF_THE_SHIM = (
    "control_file",
    "control_records",
    "filter_reply",
    "filter_request",
    "header_edit",
    "http_exchange",
    "scanner_health",
)
WITHOUT_FILES = sorted(
    [
        *(ROOT / "verdict_api").glob("*.py"),
        *(ROOT / "scanner_service/judge").glob("*.py"),
        *(ROOT / "scanner_service/decode").glob("*.py"),
        *(ROOT / f"shim/{name}.py" for name in PROTOCOLS_OF_THE_SHIM),
    ]
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_import_contracts_hold() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("source", ON_THE_MAIL_HOST, ids=relative)
def test_the_mail_host_needs_httpx_and_h11_and_nothing_else(source: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(source)}:{node.lineno}: relative import"
            imported.add(str(node.module).partition(".")[0])

    assert imported <= ALLOWED_ON_THE_MAIL_HOST


@pytest.mark.parametrize("source", WITHOUT_FILES, ids=relative)
def test_protocols_judge_and_decode_open_no_files(source: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]

    opened = [call.id for call in calls if isinstance(call, ast.Name) and call.id in ("open", "print", "input")]

    assert opened == []
