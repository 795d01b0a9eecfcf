"""The processes of this namespace, as /proc shows them."""

from pathlib import Path


def process_ids() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}


def command_line(pid: int) -> str:
    """Return the arguments of a process; a zombie, or one that has just ended, has none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def with_ancestors(pid: int) -> set[int]:
    """Return the process, its parent and so on."""
    line = set()
    while pid:
        line.add(pid)
        # proc(5): the parent is the second field after the name, which stands in parentheses and may hold any.
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return line
