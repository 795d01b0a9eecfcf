"""All evasions of the corpus and Debian's test files, through the decoder as the service has it, in the real cage."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decode.kinds import Kind, kinds_of_name, kinds_of_types
from scanner_service.decoder import Decoder, inspection_of
from scanner_service.model.message import DecodedMessage, Part
from tests.corpus.evasion.archives import CASES
from tests.corpus.evasion.case import EvasionCase, message_with
from tests.corpus.evasion.mime import EVASIONS

CLAMAV_TESTFILES = Path("/usr/share/clamav-testfiles")
ALL = (*CASES, *EVASIONS)


class DecoderAtWork:
    """A decoder with its pool, on a loop of its own for all tests of this file."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._pool = DecoderPool(1)

    def decode(self, raw: bytes) -> DecodedMessage:
        async def run() -> DecodedMessage:
            return await Decoder(DecodeLimits(), self._pool).decode(raw, asyncio.get_running_loop().time() + 30)

        return self._runner.run(run())

    def close(self) -> None:
        self._runner.run(self._pool.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderAtWork]:
    at_work = DecoderAtWork()
    yield at_work
    at_work.close()


def can_run(part: Part) -> bool:
    return Kind.EXECUTABLE in kinds_of_types(part.types).union(*map(kinds_of_name, part.names))


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_every_hidden_program_is_found_or_its_container_named(decoder: DecoderAtWork, case: EvasionCase) -> None:
    decoded = decoder.decode(case.build())

    assert decoded.not_done is None
    assert set(case.parts) <= {part.path for part in decoded.parts}
    assert set(case.executables) <= {part.path for part in decoded.parts if can_run(part)}
    assert {finding.full_category for finding in inspection_of(decoded, 0.0).findings} >= case.findings
    assert case.executables or case.findings


@pytest.mark.skipif(not CLAMAV_TESTFILES.is_dir(), reason="needs the Debian package clamav-testfiles")
def test_of_debians_test_files_one_alone_is_not_opened_and_that_is_told(decoder: DecoderAtWork) -> None:
    found, named = [], []
    for path in sorted(CLAMAV_TESTFILES.iterdir()):
        decoded = decoder.decode(message_with("file.dat", path.read_bytes()))
        if any("exe" in part.types for part in decoded.parts):
            found.append(path.name)
        else:
            named.append((path.name, [one.full_category for one in inspection_of(decoded, 0.0).findings]))

    assert len(found) == 43
    assert named == [("clam.sis", ["unchecked.undecodable"])]
