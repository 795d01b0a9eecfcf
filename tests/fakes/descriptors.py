"""What a process holds: open descriptors, and children that it has not waited for."""

import contextlib
from pathlib import Path


def open_descriptors(process: int | str = "self") -> list[int]:
    return [int(entry.name) for entry in Path(f"/proc/{process}/fd").iterdir()]


def children_of_this_process() -> list[int]:
    children: list[int] = []
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            children += map(int, (thread / "children").read_text().split())
    return children
