"""The rival: courier-pythonfilter with its modules clamav and attachments, in a virtual environment of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.processes import Program, running
from bench.results import PYTHONFILTER
from bench.stage import PROJECT, listens

ENVIRONMENT = PROJECT / "build" / "bench" / "pythonfilter"
# libarchive-c lets the attachments module look into archives, as a scanner must.
REQUIREMENTS = ("courier-pythonfilter==3.0.6", "pyClamd==0.4.0", "libarchive-c==5.3")
_COMPLETE = ENVIRONMENT / ".complete"
MODULES = ("clamav", "attachments")
INSTALL_LIMIT_SECONDS = 120.0
SYSTEM_SETTINGS = (Path("/etc/pythonfilter.conf"), Path("/usr/local/etc/pythonfilter.conf"))

# courier/config.py asks the program courier-config where Courier lives, but looks for the modules' settings
# only below /etc. Setting that list before the unchanged program runs needs neither root nor a mount.
LAUNCHER = """\
import runpy
import courier.config
courier.config._standard_config_paths = [{settings!r}]
runpy.run_path({program!r}, run_name="__main__")
"""


class RivalUnavailableError(Exception):
    """courier-pythonfilter cannot run here; the message says why."""


def install() -> None:
    """Make the virtual environment unless it is there already.

    Raises:
        RivalUnavailableError: pip could not install it.
    """
    if is_installed():
        return
    try:
        run_quietly(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT))
        run_quietly(str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", *REQUIREMENTS)
    except (subprocess.SubprocessError, OSError) as error:
        raise RivalUnavailableError(f"cannot install {REQUIREMENTS[0]}: {explain(error)}") from error
    _COMPLETE.write_text(" ".join(REQUIREMENTS))


def is_installed() -> bool:
    """Whether the virtual environment is there, with what it needs."""
    return _COMPLETE.exists() and _COMPLETE.read_text() == " ".join(REQUIREMENTS)


def run_quietly(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_SECONDS)


def explain(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        return str(error.stderr).strip().splitlines()[-1]
    return str(error)


@contextlib.contextmanager
def pythonfilter(
    directory: Path, clamd_socket: Path, modules: Sequence[str] = MODULES
) -> Iterator[tuple[Program, Path]]:
    """courier-pythonfilter, which asks this clamd to scan by path; and its socket.

    Raises:
        RivalUnavailableError: the settings of this machine's own pythonfilter would win over ours.
    """
    for path in SYSTEM_SETTINGS:
        if path.exists():
            raise RivalUnavailableError(f"{path} would be read instead of the settings of the bench")
    directory.mkdir()
    launcher = configure(directory, clamd_socket, modules)
    socket_path = directory / "allfilters" / "pythonfilter"
    bound_path = socket_path.with_name(".pythonfilter")  # before it was renamed, and then listened
    with running(
        PYTHONFILTER,
        (ENVIRONMENT / "bin" / "python", launcher),
        directory,
        lambda: listens(bound_path),  # a connection without a message would delay its stop by ten seconds
        environment={"PATH": f"{directory}:/usr/bin:/bin", "TMPDIR": str(directory)},
    ) as program:
        yield program, socket_path


def configure(directory: Path, clamd_socket: Path, modules: Sequence[str]) -> Path:
    """Write all that it reads; the path of the program to start."""
    (directory / "allfilters").mkdir()
    (directory / "filters").mkdir()
    (directory / "pythonfilter.conf").write_text("".join(f"{one}\n" for one in modules))
    modules_settings = directory / "pythonfilter-modules.conf"
    modules_settings.write_text(f"[clamav.py]\nlocal_socket = {str(clamd_socket)!r}\n")
    courier_config = directory / "courier-config"
    courier_config.write_text(f"#!/bin/sh\necho sysconfdir={directory}\necho localstatedir={directory}\n")
    courier_config.chmod(0o755)
    launcher = directory / "launch.py"
    program = ENVIRONMENT / "bin" / "pythonfilter"
    launcher.write_text(LAUNCHER.format(settings=str(modules_settings), program=str(program)))
    return launcher
