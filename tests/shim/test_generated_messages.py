"""A thousand strange messages on disk: our fields come on top, forged ones go, and every other byte stays."""

from pathlib import Path
from random import Random

import pytest

from shim.header_edit import LINE_LIMIT, edit_header
from shim.spool import SpoolFile, replace_header
from tests.fakes.generated_messages import generate_message
from verdict_api.verdict import HeaderAction, HeaderEdit


@pytest.mark.parametrize("hundred", range(10))
def test_a_header_edit_on_disk_keeps_every_byte_that_is_not_ours(tmp_path: Path, hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        random = Random(seed)
        message = generate_message(random)
        value = "".join(chr(0x21 + random.randrange(0x5E)) for _ in range(random.choice((12, 90, 1000, 5000))))

        after = _edited_on_disk(tmp_path / "D1", message.whole, value)

        assert after.endswith(message.honest), seed
        added = after.removesuffix(message.honest)
        assert b"".join(added.split()) == f"X-Couriergate-Id:{value}".encode(), seed
        assert all(len(line) <= LINE_LIMIT for line in added.splitlines()), seed


def _edited_on_disk(path: Path, message: bytes, value: str) -> bytes:
    path.write_bytes(message)
    edits = (
        HeaderEdit(HeaderAction.REMOVE, "X-Couriergate-Id"),
        HeaderEdit(HeaderAction.ADD, "X-Couriergate-Id", value),
    )
    with SpoolFile(bytes(path)) as file:
        header = file.read_header()
        replace_header(file, len(header), edit_header(header, edits))
    return path.read_bytes()
