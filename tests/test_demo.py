"""`make demo`, as a newcomer sees it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_demo_shows_both_replies_and_leaves_nothing_running() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/demo.py"], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n      200 2.0.0 Ok, id=" in done.stdout
    assert "\n      550 5.7.1 Message content rejected, id=" in done.stdout
    assert " - INFECTED: Eicar-Test-File\n" in done.stdout
    running = subprocess.run(["pgrep", "-f", "couriergate-demo-"], capture_output=True, text=True, check=False)
    assert running.stdout == ""
