"""The program couriergate-scanner as a process, with its log."""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx would load all certificates for each client
PROGRAM = Path(sys.executable).with_name("couriergate-scanner")
START_SECONDS = 20
STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ScannerProgram:
    """One that runs; ``path`` is its unix socket."""

    process: subprocess.Popen[bytes]
    path: Path
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(
            transport=httpx.HTTPTransport(verify=NO_TLS, uds=str(self.path)), base_url="http://localhost", timeout=20
        )

    def log_lines(self, with_text: str) -> list[str]:
        """Return the lines of the log that have this text, once there are some."""
        deadline = time.monotonic() + 5
        while True:
            lines = [line for line in self.log.read_text(errors="replace").split("\n") if with_text in line]
            if lines or time.monotonic() > deadline:
                return lines
            time.sleep(0.01)


def run_scanner(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it until it ends by itself."""
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@contextlib.contextmanager
def running_scanner(folder: Path, *arguments: str, settings: str = "") -> Iterator[ScannerProgram]:
    """Serve on a unix socket in the folder, with the state there too."""
    path, log, file = folder / "scanner.sock", folder / "scanner.log", folder / "scanner.toml"
    file.write_text(f'[state]\ndirectory = "{folder}/state"\n[listen]\nuds = "{path}"\n{settings}')
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [PROGRAM, "serve", "--config", file, *arguments], cwd=folder, env=clean_environment(), stderr=output
        ) as process,
    ):
        program = ScannerProgram(process, path, log)
        try:
            _wait_until_ready(program)
            yield program
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def clean_environment() -> dict[str, str]:
    """Return an environment that sets nothing of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COURIERGATE_")}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_until_ready(program: ScannerProgram) -> None:
    deadline = time.monotonic() + START_SECONDS
    while program.process.poll() is None and time.monotonic() < deadline:
        if program.path.exists():  # it listens before it has this name
            with program.client() as client:
                client.get("/readyz").raise_for_status()
            return
        time.sleep(0.01)
    raise AssertionError(f"the scanner did not come up: {program.log.read_text(errors='replace')}")
