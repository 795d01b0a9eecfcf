"""Open a container in the test's own process, as the child does in its cage."""

import subprocess
import tempfile
from collections.abc import Iterator

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.formats.content import Content, DamagedError
from scanner_service.decode.formats.seven_zip import ARCHIVE
from scanner_service.decode.unpack import unpack
from scanner_service.model.container import Container, Unpacked
from scanner_service.model.message import UnpackedPart


def run_seven_zip(arguments: tuple[str, ...], data: bytes) -> bytes:
    """Run 7-Zip without a cage: for bytes that the tests made."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = ["7zz", *(file.name if argument == ARCHIVE else argument for argument in arguments)]
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=10,
        ).stdout


def unpack_bytes(
    body: bytes,
    name: str | None = None,
    content_type: str = "application/octet-stream",
    limits: DecodeLimits | None = None,
) -> Unpacked:
    budget = Budget.of_message(limits or DecodeLimits(), len(body))
    container = Container("1", 1, content_type, (name,) if name else (), body)
    return unpack(container, budget, run_seven_zip)


def executables(unpacked: Unpacked) -> list[str]:
    return [part.path for part in unpacked.parts if "exe" in part.types]


def part_at(unpacked: Unpacked, path: str) -> UnpackedPart:
    [part] = [part for part in unpacked.parts if part.path == path]
    return part


def until_an_error(opened: Iterator[Content]) -> tuple[list[Content], DamagedError | None]:
    """Return what came out of it, and what ended it."""
    found: list[Content] = []
    try:
        found.extend(opened)
    except DamagedError as error:
        return found, error
    return found, None
