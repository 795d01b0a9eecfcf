"""Where and of what a run was made, without which its numbers say little."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What the results depend on besides the code."""

    processor: str
    processors: int
    memory_bytes: int
    kernel: str
    python: str
    clamd: str


def describe_machine(clamd_version: str) -> Machine:
    return Machine(
        processor=field_of(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        processors=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        python=platform.python_version(),
        clamd=clamd_version,
    )


def field_of(table: Path, name: str) -> str:
    for line in table.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def current_commit(checkout: Path) -> str:
    """The commit of the checkout, with a plus sign if files differ from it; empty outside of git."""
    try:
        commit = ask_git(checkout, "rev-parse", "HEAD")
        return commit + ("+" if ask_git(checkout, "status", "--porcelain", "--", ":!bench/results.json") else "")
    except (subprocess.CalledProcessError, OSError):
        return ""


def ask_git(checkout: Path, *arguments: str) -> str:
    answer = subprocess.run(("git", "-C", checkout, *arguments), check=True, capture_output=True, text=True)
    return answer.stdout.strip()
