"""Send a clean and an infected message through a real filter socket, as Courier would, and show both replies.

It starts the scanning service and the shim as they are without settings, in a temporary folder, and stops both.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
START_SECONDS = 20.0
STOP_SECONDS = 10.0
REPLY_SECONDS = 30.0
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

CONTROL_FILE = """salice@remote.example
fdns; client.example (client.example [::ffff:192.0.2.25])
e
t
M000000000016652A.000000006B0305D3.00004F36
rbob@test.example
R
N
OTCPREMOTEIP=::ffff:192.0.2.25
usmtp
"""


def main() -> int:
    """Return the exit status: 0 if the clean message passed and the infected one was refused."""
    with tempfile.TemporaryDirectory(prefix="couriergate-demo-") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        scanner, shim = folder / "scanner.sock", folder / "allfilters" / "couriergate"
        shim.parent.mkdir()
        running.enter_context(_program(folder, "couriergate-scanner", "serve", "--uds", str(scanner), until=scanner))
        (folder / "shim.toml").write_text(f'scanners = ["unix:{scanner}"]\nfilter_directory = "{shim.parent}"\n')
        running.enter_context(
            _program(folder, "couriergate-shim", "run", "--config", str(folder / "shim.toml"), until=shim)
        )
        clean = _ask(shim, folder, "a clean message", "Hello Bob.\n")
        infected = _ask(shim, folder, "the EICAR test file", EICAR + "\n")
    if clean.startswith("2") and infected.startswith("550 5.7.1 "):
        print("demo: the clean message passed, the infected one was refused; nothing is left running")
        return 0
    print("demo: these are not the replies that were due", file=sys.stderr)
    return 1


@contextlib.contextmanager
def _program(folder: Path, *command: str, until: Path) -> Iterator[None]:
    """Run one of our programs until the end of the block; it is ready when its socket is there."""
    log = folder / f"{command[0]}.log"
    print(f"demo: starting {command[0]}", flush=True)
    with log.open("wb") as output:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COURIERGATE_")}
        process = subprocess.Popen([PROGRAMS / command[0], *command[1:]], stderr=output, cwd=folder, env=environment)
    try:
        _wait_for(until, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(path: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not path.is_socket():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"demo: {path.name} did not appear:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _ask(filter_socket: Path, folder: Path, what: str, body: str) -> str:
    """Do what Courier's submit does with a message (courier/cdfilters.C, dofilter); return the reply line."""
    data, control = folder / "D1", folder / "1"
    header = f"From: alice@remote.example\nTo: bob@test.example\nSubject: {what}\n"
    data.write_text(f"{header}Message-ID: <demo@remote.example>\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n\n{body}")
    control.write_text(CONTROL_FILE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(REPLY_SECONDS)
        connection.connect(str(filter_socket))
        connection.sendall(f"{data}\n{control}\n\n".encode())
        reply = connection.makefile().readline().rstrip("\n")
    print(f"demo: {what}\n      {reply}", flush=True)
    return reply


if __name__ == "__main__":
    sys.exit(main())
