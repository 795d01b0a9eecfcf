"""The real scanning service, for tests of what asks it."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

SCANNER = Path(sys.executable).with_name("couriergate-scanner")
START_SECONDS = 20.0


@contextlib.contextmanager
def running_service(folder: Path, *arguments: str) -> Iterator[str]:
    """Run it with its state below the folder, without settings but for a free port; yield its URL."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [SCANNER, "serve", "--port", str(port), *arguments], cwd=folder, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_until_ready(url)
            yield url
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/readyz", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the service did not come up"
            time.sleep(0.05)
        else:
            return
