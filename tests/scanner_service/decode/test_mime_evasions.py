"""Nothing that some mail program shows is hidden from the filter."""

import time
import tracemalloc

import pytest

from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.kinds import Kind, kinds_of_name, kinds_of_types
from scanner_service.decode.witness import decode_with_witness
from scanner_service.model.message import DecodedMessage, Part
from tests.corpus.evasion.case import EvasionCase
from tests.corpus.evasion.mime import EVASIONS

SECONDS_LIMIT = 2.0
MEMORY_LIMIT_BYTES = 200 * 2**20


def findings(decoded: DecodedMessage) -> set[str]:
    found = {
        "unchecked.ambiguous": decoded.ambiguities,
        "bad_header.mime": decoded.defects,
        "unchecked.over_limits": decoded.over_limits,
    }
    return {category for category, reason in found.items() if reason}


def can_run(part: Part) -> bool:
    kinds = kinds_of_types(part.types).union(*map(kinds_of_name, part.names))
    return Kind.EXECUTABLE in kinds


@pytest.mark.parametrize("case", EVASIONS, ids=lambda case: case.name)
def test_every_hidden_program_is_found_or_what_hides_it_is_named(case: EvasionCase) -> None:
    raw = case.build()

    decoded = decode_with_witness(raw, Budget.of_message(DecodeLimits(), len(raw)))

    assert set(case.parts) <= {part.path for part in decoded.parts}
    assert set(case.executables) <= {part.path for part in decoded.parts if can_run(part)}
    assert case.executables or case.findings
    assert findings(decoded) >= case.findings


@pytest.mark.parametrize("case", EVASIONS, ids=lambda case: case.name)
def test_no_evasion_costs_more_than_a_message_may(case: EvasionCase) -> None:
    raw = case.build()

    started = time.perf_counter()
    decode_with_witness(raw, Budget.of_message(DecodeLimits(), len(raw)))
    seconds = time.perf_counter() - started
    tracemalloc.start()
    decode_with_witness(raw, Budget.of_message(DecodeLimits(), len(raw)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seconds < SECONDS_LIMIT
    assert peak_bytes < MEMORY_LIMIT_BYTES


def test_there_are_enough_cases_and_each_has_its_own_name() -> None:
    names = [case.name for case in EVASIONS]

    assert len(set(names)) == len(names) >= 50
