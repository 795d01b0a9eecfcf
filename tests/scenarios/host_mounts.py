"""Mounts of the private mount namespace: what a mail host writes to, so that nothing reaches the machine.

/home stays as it is, because the checkout or the Python under test may live there.
"""

import subprocess
from pathlib import Path

_COPIED = (Path("/etc"), Path("/usr/lib/courier"))
_EMPTY = (Path("/run"), Path("/var/log"), Path("/var/lib/courier"))
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx")
_DEVICE_DIRECTORIES = ("pts", "shm")


def mount_host(scratch: Path) -> None:
    """Put copies or empty directories over every place where Courier, clamd and the shim write."""
    _mount("--make-rprivate", "/")
    _mount_tmpfs(scratch)
    for directory in _COPIED:
        _mount_copy(directory, scratch / directory.name)
    for directory in _EMPTY:
        _mount_tmpfs(directory)
    _mount_devices(scratch / "dev")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _mount_copy(directory: Path, copy: Path) -> None:
    subprocess.run(["cp", "--archive", str(directory), str(copy)], check=True)
    _mount("--bind", str(copy), str(directory))


def _mount_devices(devices: Path) -> None:
    """Replace /dev, because /dev/log must be ours and the machine's own may be in use."""
    devices.mkdir()
    _mount_tmpfs(devices)
    for name in _DEVICES:
        (devices / name).touch()
        _mount("--bind", f"/dev/{name}", str(devices / name))
    for name in _DEVICE_DIRECTORIES:
        (devices / name).mkdir()
        _mount("--bind", f"/dev/{name}", str(devices / name))
    (devices / "fd").symlink_to("/proc/self/fd")
    _mount("--move", str(devices), "/dev")


def _mount_tmpfs(directory: Path) -> None:
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(directory))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
