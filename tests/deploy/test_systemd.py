"""The unit files for systemd: systemd itself finds nothing wrong with them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scanner_service.settings import DEFAULT_PATH

UNITS = Path(__file__).parents[2] / "deploy/systemd"
SHIM = UNITS / "couriergate-shim.service"
SCANNER = UNITS / "couriergate-scanner.service"
COMMAND = re.compile(r"^ExecStart=\S+ (?=run |serve$)", re.MULTILINE)


def verify(unit: str, folder: Path) -> tuple[int, str]:
    file = folder / "couriergate-one.service"
    # It must name a program that is installed; which one is not looked at.
    file.write_text(COMMAND.sub(f"ExecStart={sys.executable} ", unit))
    checked = subprocess.run(
        ["systemd-analyze", "verify", file], capture_output=True, text=True, timeout=60, check=False
    )
    return checked.returncode, checked.stderr


@pytest.mark.parametrize("file", [SHIM, SCANNER], ids=lambda file: file.stem)
def test_systemd_takes_the_unit(tmp_path: Path, file: Path) -> None:
    unit = file.read_text()

    status, said = verify(unit, tmp_path)

    assert len(COMMAND.findall(unit)) == 1
    assert (status, said) == (0, "")


def test_systemd_would_say_so_if_a_name_were_misspelt(tmp_path: Path) -> None:
    _, said = verify(SHIM.read_text().replace("NotifyAccess=", "NotifyAcces="), tmp_path)

    assert "Unknown key 'NotifyAcces'" in said


def test_the_unit_of_the_service_owns_the_state_directory_of_the_how_to() -> None:
    how_to = (UNITS.parents[1] / "docs/how_to/install_on_a_courier_host.md").read_text()

    name = re.search(r"^StateDirectory=(\S+)$", SCANNER.read_text(), re.MULTILINE)

    assert name is not None
    assert f'directory = "/var/lib/{name[1]}"' in how_to
    assert f"cat > {DEFAULT_PATH} <<" in how_to
