"""Policies are read anew at SIGHUP: what can be used is in force at once, what cannot changes nothing."""

import asyncio
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
import structlog

from scanner_service.policies_in_force import PoliciesInForce
from scanner_service.settings import Settings, load_settings
from scanner_service.storage.policy_rows import PolicyRow
from tests.scanner_service.live_service import post
from tests.scanner_service.messages import EICAR_IN_BODY
from tests.scanner_service.scanner_program import running_scanner
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny

LIMIT_SECONDS = 10
SLOW_READING_SECONDS = 0.2
DISCARDS = "[policy]\ndestinies.virus = 'discard'\n"
BROKEN = "[policy]\ndestinies.virus = 'drop'\n"
REJECTS = "[policy]\ndestinies.virus = 'reject'\n"


def in_force(file: Path, text: str = "") -> PoliciesInForce:
    file.write_text(text)
    return PoliciesInForce(load_settings(file, {}), lambda: load_settings(file, {}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scanner.toml"


def test_what_can_be_used_is_in_force_at_once(file: Path) -> None:
    policies = in_force(file, REJECTS)
    before = policies.book.version

    file.write_text(DISCARDS)
    asyncio.run(policies.reload())

    assert policies.book.version != before
    assert policies.problem is None


@pytest.mark.parametrize("text", [BROKEN, "[policy", "[policy]\nbanned_rule_set = 'new'\n[banned.rule_sets.new]\n"])
def test_what_cannot_be_used_changes_nothing_and_is_told(file: Path, text: str) -> None:
    policies = in_force(file, REJECTS)
    before = policies.book

    file.write_text(text)
    asyncio.run(policies.reload())

    assert policies.book is before
    assert str(file) in str(policies.problem)


def test_a_problem_is_over_with_the_next_good_reload(file: Path) -> None:
    policies = in_force(file, REJECTS)

    file.write_text(BROKEN)
    asyncio.run(policies.reload())
    file.write_text(DISCARDS)
    asyncio.run(policies.reload())

    assert policies.problem is None


def test_no_fault_of_our_own_in_reading_ends_what_runs_beside_it(file: Path) -> None:
    file.write_text(REJECTS)

    def read_settings() -> Settings:
        raise RecursionError("maximum recursion depth exceeded")

    policies = PoliciesInForce(load_settings(file, {}), read_settings)
    before = policies.book

    with structlog.testing.capture_logs() as lines:
        asyncio.run(policies.reload())

    assert policies.book is before
    assert policies.problem == "RecursionError: maximum recursion depth exceeded"
    assert any("maximum recursion depth exceeded" in str(line) for line in lines)


@pytest.mark.parametrize("url", ["url = 'sqlite:////new'", "url = 'sqlite:////old'\nrefresh_seconds = 5"])
def test_that_another_database_needs_a_restart_is_said(file: Path, url: str) -> None:
    policies = in_force(file, "[policy.sql]\nurl = 'sqlite:////old'\n")

    file.write_text(f"[policy.sql]\n{url}\n")
    with structlog.testing.capture_logs() as lines:
        asyncio.run(policies.reload())

    assert any("[policy.sql] changed as well: restart the service for that" in str(line) for line in lines)


def test_of_two_reloads_at_once_the_later_one_holds(file: Path) -> None:
    file.write_text(REJECTS)
    was_read = threading.Event()

    def read_settings() -> Settings:
        read = load_settings(file, {})
        if not was_read.is_set():
            was_read.set()
            file.write_text(DISCARDS)
            time.sleep(SLOW_READING_SECONDS)
        return read

    policies = PoliciesInForce(load_settings(file, {}), read_settings)

    async def reload_twice() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(policies.reload())
            await asyncio.sleep(SLOW_READING_SECONDS / 2)
            group.create_task(policies.reload())

    asyncio.run(reload_twice())

    assert policies.version == in_force(file, DISCARDS).version


def test_what_else_has_changed_is_said_to_need_a_restart(file: Path) -> None:
    policies = in_force(file, REJECTS)

    file.write_text(f"{DISCARDS}[limits]\ndepth = 3\n")
    with structlog.testing.capture_logs() as lines:
        asyncio.run(policies.reload())

    assert any("[limits] changed as well: restart the service for that" in str(line) for line in lines)


def test_rows_of_a_database_lie_over_the_policy_and_outlive_a_reload(file: Path) -> None:
    policies = in_force(file, REJECTS)

    asyncio.run(policies.take_rows([PolicyRow("destinies.virus", "ann@example.com", None, "discard")], "1"))
    version = policies.book.version
    asyncio.run(policies.reload())

    assert policies.book.version == version
    assert len(policies.book.base.destinies["virus"].tables) == 3


def destiny_of_a_virus(client: httpx.Client) -> Destiny:
    return decode_verdict(post(client, EICAR_IN_BODY).content).destiny


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hangup_makes_each_process_reload_and_none_of_them_end(tmp_path: Path, workers: str) -> None:
    file = tmp_path / "scanner.toml"
    with running_scanner(tmp_path, "--workers", workers, settings=REJECTS) as program:
        with program.client() as client:
            assert destiny_of_a_virus(client) is Destiny.REJECT

        file.write_text(file.read_text().replace("'reject'", "'drop'"))
        program.process.send_signal(signal.SIGHUP)
        assert program.log_lines("want pass, reject, bounce, discard, tempfail, got 'drop'")
        file.write_text(file.read_text().replace("'drop'", "'discard'"))
        program.process.send_signal(signal.SIGHUP)

        deadline = time.monotonic() + LIMIT_SECONDS
        seen: list[Destiny] = []
        while seen[-8:] != [Destiny.DISCARD] * 8:  # each in a connection of its own, so that all workers are asked
            with program.client() as client:
                seen.append(destiny_of_a_virus(client))
            assert time.monotonic() < deadline, seen
        assert program.process.poll() is None


def test_no_hangup_keeps_the_service_from_stopping(tmp_path: Path) -> None:
    with running_scanner(tmp_path, settings=REJECTS) as program:
        program.process.terminate()

        deadline = time.monotonic() + LIMIT_SECONDS
        while program.process.poll() is None and time.monotonic() < deadline:
            program.process.send_signal(signal.SIGHUP)
            time.sleep(0.001)

        assert program.process.poll() is not None
        assert "Traceback" not in program.log.read_text()
