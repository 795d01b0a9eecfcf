"""A bank for a listener, with the program itself: the socket's own address is not the one of the settings."""

from pathlib import Path

import pytest

from tests.scanner_service.live_service import post
from tests.scanner_service.messages import EICAR_IN_BODY
from tests.scanner_service.scanner_program import running_scanner
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny


@pytest.mark.parametrize(("name", "expected"), [("scanner.sock", Destiny.DISCARD), ("other.sock", Destiny.REJECT)])
def test_a_bank_holds_for_the_unix_socket_that_it_names_alone(tmp_path: Path, name: str, expected: Destiny) -> None:
    bank = f"[policy.banks.here]\nwhen = {{ listeners = ['unix:{tmp_path / name}'] }}\ndestinies.virus = 'discard'\n"

    with running_scanner(tmp_path, settings=bank) as program, program.client() as client:
        verdict = decode_verdict(post(client, EICAR_IN_BODY).content)

    assert verdict.destiny is expected
