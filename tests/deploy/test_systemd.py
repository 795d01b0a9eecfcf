"""The unit file for systemd: systemd itself finds nothing wrong with it."""

import subprocess
import sys
from pathlib import Path

UNIT = Path(__file__).parents[2] / "deploy/systemd/couriergate-shim.service"
COMMAND = "ExecStart=couriergate-shim "


def verify(unit: str, folder: Path) -> tuple[int, str]:
    file = folder / UNIT.name
    # It must name a program that is installed; which one is not looked at.
    file.write_text(unit.replace(COMMAND, f"ExecStart={sys.executable} "))
    checked = subprocess.run(
        ["systemd-analyze", "verify", file], capture_output=True, text=True, timeout=60, check=False
    )
    return checked.returncode, checked.stderr


def test_systemd_takes_the_unit_of_the_shim(tmp_path: Path) -> None:
    unit = UNIT.read_text()

    status, said = verify(unit, tmp_path)

    assert COMMAND in unit
    assert (status, said) == (0, "")


def test_systemd_would_say_so_if_a_name_were_misspelt(tmp_path: Path) -> None:
    _, said = verify(UNIT.read_text().replace("NotifyAccess=", "NotifyAcces="), tmp_path)

    assert "Unknown key 'NotifyAcces'" in said
