"""Descriptors that a process holds open."""

from pathlib import Path


def open_descriptors(process: int | str = "self") -> list[int]:
    return [int(entry.name) for entry in Path(f"/proc/{process}/fd").iterdir()]
