"""What the service has kept of messages that somebody did not get."""

import errno
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import zstandard

from tests.scenarios.programs_under_test import SCANNER_STATE

_FOLDER = SCANNER_STATE / "quarantine"
_LARGEST_BYTES = 2**20
_SMALL_DISK_BYTES = 2**16
_MESSAGE = ".eml.zst"


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One message, as Courier held it, and whether an administrator is to be told of it."""

    raw: bytes
    is_notice_due: bool


def kept_mails() -> list[KeptMail]:
    return [_read(file) for file in _files()]


def empty_quarantine() -> None:
    for file in _files():
        file.unlink()
        _facts_of(file).unlink()


def fill_disk() -> None:
    """Put a small disk where the quarantine is, with no room left."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    options = f"size={_SMALL_DISK_BYTES},mode=750"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(_FOLDER)], check=True)
    try:
        (_FOLDER / "of-somebody-else").write_bytes(b"x" * 2 * _SMALL_DISK_BYTES)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def free_disk() -> None:
    """Take the small disk away again, if it is there."""
    if os.path.ismount(_FOLDER):
        subprocess.run(["umount", str(_FOLDER)], check=True)


def _files() -> list[Path]:
    return sorted(_FOLDER.glob(f"[!.]*/*{_MESSAGE}"))


def _read(file: Path) -> KeptMail:
    raw = zstandard.ZstdDecompressor().decompress(file.read_bytes(), _LARGEST_BYTES)
    facts = json.loads(_facts_of(file).read_text())
    return KeptMail(raw, facts["facts"]["notice_due"])


def _facts_of(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(_MESSAGE) + ".json")
