"""The two programs of this checkout that the scenarios prove, and the settings they get."""

import shutil
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

SCANNER = _ROOT / ".venv/bin/couriergate-scanner"
SHIM = _ROOT / "build/shim.pyz"

SCANNER_STATE = Path("/run/couriergate")
SCANNER_HOST = "127.0.0.1"
SCANNER_PORT = 8025

SCANNER_SOCKET = SCANNER_STATE / "scanner.sock"

CLAMD_ADDRESS = "unix:/run/clamav/clamd.ctl"

ON_TCP = f'host = "{SCANNER_HOST}"\nport = {SCANNER_PORT}'
ON_UNIX_SOCKET = f'uds = "{SCANNER_SOCKET}"\nuds_group = "courier"'


def scanner_settings(*clamd_addresses: str, listen: str = ON_TCP) -> str:
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
{listen}
[virus]
engine_wait_seconds = 3
engines = [{engines}]
"""


def write_token(name: str) -> Path:
    """Write a token that shim and service may read, and return the file."""
    file = SCANNER_STATE / f"{name}.token"
    file.write_text("a-token-of-the-scenarios\n")
    shutil.chown(file, group="courier")
    file.chmod(0o640)
    return file


SCANNER_SETTINGS = scanner_settings(CLAMD_ADDRESS)


def shim_settings(scanner: str) -> str:
    return f"""\
scanners = ["{scanner}"]
deadline_seconds = 10
retry_seconds = 5
"""


SHIM_SETTINGS = shim_settings(f"http://{SCANNER_HOST}:{SCANNER_PORT}")
