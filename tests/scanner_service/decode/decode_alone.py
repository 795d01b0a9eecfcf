"""Decode a mail as service and child would, in a process of its own whose cost is measured."""

import resource
from dataclasses import dataclass
from pathlib import Path

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.container_signs import may_hold_parts
from scanner_service.decode.mime import decode_message
from scanner_service.decode.unpack import unpack
from scanner_service.model.container import Container
from tests.scanner_service.decode.unpacking import run_seven_zip

CPU_LIMIT_SECONDS = 2
EXECUTABLE_ENDINGS = (".exe", ".com", ".scr", ".pif", ".bat", ".cmd")


@dataclass
class Decoded:
    paths: list[str]
    executables: list[str]
    findings: list[str]
    most_memory_bytes: int
    cpu_seconds: float


def decode(raw: bytes) -> Decoded:
    """To be called in a process that does nothing else, before or after."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_SECONDS, CPU_LIMIT_SECONDS))
    budget = Budget.of_message(DecodeLimits(), len(raw))
    message = decode_message(raw, budget)
    parts = list(message.parts)
    findings = {"unchecked.over_limits"} if message.over_limits else set()
    for part in message.parts:
        if may_hold_parts(part):
            depth = 1 + part.path.count(".")
            unpacked = unpack(
                Container(part.path, depth, part.content_type, part.names, part.body), budget, run_seven_zip
            )
            parts += unpacked.parts
            findings |= {f"unchecked.{mark}" for mark in unpacked.marks}
            if unpacked.over_limits:
                findings.add("unchecked.over_limits")
    findings |= {f"unchecked.{mark}" for part in parts for mark in part.marks}
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Decoded(
        paths=[part.path for part in parts],
        executables=[
            part.path
            for part in parts
            if "exe" in part.types or any(name.lower().endswith(EXECUTABLE_ENDINGS) for name in part.names)
        ],
        findings=sorted(findings),
        most_memory_bytes=max(_own_peak_bytes(), usages[1].ru_maxrss * 1024),
        cpu_seconds=sum(usage.ru_utime + usage.ru_stime for usage in usages),
    )


def _own_peak_bytes() -> int:
    """Read what this process had at most: ru_maxrss begins with what its parent had."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
