"""What becomes of the evasions in the whole service: nothing that some mail program could run is delivered."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from scanner_service.settings import Virus, YaraSetting
from tests.corpus.evasion.archives import CASES
from tests.corpus.evasion.case import EvasionCase
from tests.corpus.evasion.mime import EVASIONS
from tests.corpus.evasion.program import CHOSEN_BY
from tests.scanner_service.live_service import live_service, post
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny, Verdict

ALL = (*CASES, *EVASIONS)
REFUSING = {"virus", "banned", "unchecked.undecodable", "unchecked.over_limits", "unchecked.ambiguous"}

# Its last byte is gone with the digit: no EICAR file any more, and harmless.
NO_EICAR_LEFT = "base64_cut"
# Delivered, and tagged as what is in quotes: no program is in any reading of them.
TAGGED = {
    "7z with encrypted names": ("unchecked.encrypted", "nobody but the recipient has the password"),
    "rar 4 with encrypted names": ("unchecked.encrypted", "nobody but the recipient has the password"),
    "rar 5 with encrypted names": ("unchecked.encrypted", "nobody but the recipient has the password"),
    "indented_delimiters": ("bad_header.mime", "a delimiter begins its line, for every program: one text in base64"),
    "base64_with_early_padding": ("unchecked.ambiguous", "who goes on behind it has a byte before the program"),
    "external_body": ("unchecked.ambiguous", "it is a link, as any in a text"),
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with live_service(virus=Virus(engines=(YaraSetting(kind="yara"),))) as service, service.client() as client:
        yield client


@pytest.fixture(scope="module")
def with_eicar() -> dict[str, bytes]:
    """The messages of the same cases with the EICAR test file for the program."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.corpus.evasion"],
        env=os.environ | {CHOSEN_BY: "eicar"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return {name: base64.b64decode(raw) for name, raw in json.loads(done.stdout).items()}


def judge(client: httpx.Client, raw: bytes) -> Verdict:
    return decode_verdict(post(client, raw).raise_for_status().content)


def categories(verdict: Verdict) -> set[str]:
    return {
        finding.category + (f".{finding.sub_category}" if finding.sub_category else "")
        for finding in verdict.findings
    }


@pytest.mark.parametrize("case", [case for case in ALL if case.name not in TAGGED], ids=lambda case: case.name)
def test_what_hides_a_program_is_refused(client: httpx.Client, case: EvasionCase) -> None:
    verdict = judge(client, case.build())

    assert verdict.destiny is Destiny.REJECT
    assert verdict.decided_by.category in REFUSING
    assert verdict.complete


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.executables and case.name != NO_EICAR_LEFT], ids=lambda case: case.name
)
def test_the_eicar_file_in_its_place_is_a_virus_or_banned(
    client: httpx.Client, case: EvasionCase, with_eicar: dict[str, bytes]
) -> None:
    verdict = judge(client, with_eicar[case.name])

    assert verdict.destiny is Destiny.REJECT
    assert categories(verdict) & {"virus", "banned"}


@pytest.mark.parametrize("case", [case for case in ALL if case.name in TAGGED], ids=lambda case: case.name)
def test_what_is_delivered_for_a_reason_is_tagged_and_hides_no_program(
    client: httpx.Client, case: EvasionCase
) -> None:
    verdict = judge(client, case.build())

    assert verdict.destiny is Destiny.PASS
    assert TAGGED[case.name][0] in categories(verdict)
    assert case.executables == ()


def test_each_that_is_delivered_is_one_of_them() -> None:
    assert set(TAGGED) <= {case.name for case in ALL}
