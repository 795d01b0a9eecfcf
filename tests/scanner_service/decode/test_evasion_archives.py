"""Every program that an archive hides is found, or its container named, within two seconds and 200 MB."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.corpus.evasion.archives import CASES
from tests.corpus.evasion.case import EvasionCase
from tests.scanner_service.decode.decode_alone import CPU_LIMIT_SECONDS, decode

MEMORY_LIMIT_BYTES = 200 * 2**20


@pytest.fixture(scope="module")
def one_process_a_case() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([decode.__module__])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        yield pool


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_an_archive_hides_is_found(case: EvasionCase, one_process_a_case: ProcessPoolExecutor) -> None:
    raw = case.build()

    decoded = one_process_a_case.submit(decode, raw).result(timeout=30)

    assert set(case.parts) <= set(decoded.paths)
    assert set(case.executables) <= set(decoded.executables)
    assert set(decoded.findings) == case.findings
    assert decoded.most_memory_bytes < MEMORY_LIMIT_BYTES
    assert decoded.cpu_seconds < CPU_LIMIT_SECONDS


def test_there_are_forty_cases_and_each_has_its_name() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)
