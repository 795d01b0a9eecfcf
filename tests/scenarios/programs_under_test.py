"""The two programs of this checkout that the scenarios prove, and the settings they get."""

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

SCANNER = _ROOT / ".venv/bin/couriergate-scanner"
SHIM = _ROOT / "build/shim.pyz"

SCANNER_STATE = Path("/run/couriergate")
SCANNER_HOST = "127.0.0.1"
SCANNER_PORT = 8025

CLAMD_ADDRESS = "unix:/run/clamav/clamd.ctl"


def scanner_settings(*clamd_addresses: str) -> str:
    """Return the service's settings with these virus engines, the [virus] section last.

    Limits are short, so that scenarios with something down take seconds; the order must hold as in production: the
    scanner gives up on clamd before the shim gives up on the scanner.
    """
    engines = ", ".join(
        f'{{name = "clamd{number or ""}", kind = "clamd", address = "{address}"}}'
        for number, address in enumerate(clamd_addresses)
    )
    return f"""\
[state]
directory = "{SCANNER_STATE}"
[listen]
host = "{SCANNER_HOST}"
port = {SCANNER_PORT}
[virus]
engine_wait_seconds = 3
engines = [{engines}]
"""


SCANNER_SETTINGS = scanner_settings(CLAMD_ADDRESS)


def shim_settings(scanner: str) -> str:
    return f"""\
scanners = ["{scanner}"]
deadline_seconds = 10
retry_seconds = 5
"""


SHIM_SETTINGS = shim_settings(f"http://{SCANNER_HOST}:{SCANNER_PORT}")
