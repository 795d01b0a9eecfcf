"""The score that spamd gives, and every way in which it does not."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.clients.spamd import ANSWER_LIMIT_BYTES, SpamdClient, SpamdScore, SpamdUnavailableError
from tests.fakes.spam_daemons import Daemon, spamd_answer

MESSAGE = b"Subject: hello\n\nbody \xe9\n"


def ask(daemon: Daemon, folder: Path, user: str | None = None, message: bytes = MESSAGE) -> SpamdScore:
    async def run() -> SpamdScore:
        async with daemon.listening(folder) as path, asyncio.timeout(10):
            return await SpamdClient(DaemonAddress(path=str(path)), user).score(message)

    return asyncio.run(run())


@pytest.mark.parametrize("cut", [1, 7, 10_000], ids=lambda size: f"{size} bytes at a time")
def test_the_score_and_its_tests_come_back(tmp_path: Path, cut: int) -> None:
    answer = spamd_answer("7.5")
    daemon = Daemon(tuple(answer[start : start + cut] for start in range(0, len(answer), cut)))

    score = ask(daemon, tmp_path)

    assert score == SpamdScore(7.5, ("GTUBE", "RCVD_ILLEGAL_IP"))
    assert daemon.body == MESSAGE
    assert daemon.head.startswith(b"SYMBOLS SPAMC/1.5\r\n")


def test_a_message_that_was_cut_within_a_line_is_scored_as_well(tmp_path: Path) -> None:
    daemon = Daemon((spamd_answer("7.5"),), reads_lines=True)

    score = ask(daemon, tmp_path, message=MESSAGE[:-1])

    assert score.score == 7.5


def test_it_is_asked_in_the_name_of_a_user(tmp_path: Path) -> None:
    daemon = Daemon((spamd_answer("-1.2", ""),))

    score = ask(daemon, tmp_path, "anna")

    assert score == SpamdScore(-1.2, ())
    assert b"\r\nUser: anna\r\n" in daemon.head


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((), "want an answer of SPAMD, got b''"),
        ((b"SPAMD/1.1 76 Bad header line: \r\n\r\n",), "Bad header line"),
        ((b"SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\n\r\n",), "EX_OK"),
        ((spamd_answer()[:30],), "want an answer of SPAMD"),
        ((b"220 mail.example ESMTP\r\n\r\n",), "want an answer of SPAMD, got b'220 mail"),
        ((b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5.0\r\n\r\n",), "EX_OK"),
        ((b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; " + b"9" * 400 + b" / 5.0\r\n\r\n",), "EX_OK"),
        ((b"x" * 2**20,) * 4, "want an answer of SPAMD"),
    ],
)
def test_what_is_no_score_is_no_score(tmp_path: Path, answer: tuple[bytes, ...], reason: str) -> None:
    with pytest.raises(SpamdUnavailableError) as error:
        ask(Daemon(answer), tmp_path)

    assert reason in str(error.value)
    assert len(str(error.value)) < 300


def test_nobody_there_is_no_score(tmp_path: Path) -> None:
    client = SpamdClient(DaemonAddress(path=str(tmp_path / "nobody.sock")))

    with pytest.raises(SpamdUnavailableError, match="No such file"):
        asyncio.run(client.score(MESSAGE))


def test_hanging_up_is_no_score(tmp_path: Path) -> None:
    with pytest.raises(SpamdUnavailableError):
        ask(Daemon((), closes_at_once=True), tmp_path)


def test_an_endless_answer_ends(tmp_path: Path) -> None:
    endless = spamd_answer("1.0", "A" * ANSWER_LIMIT_BYTES * 4)

    assert ask(Daemon((endless,)), tmp_path).score == 1.0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(answer=st.binary(max_size=300))
def test_no_bytes_are_taken_for_a_score_but_a_score(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(SpamdUnavailableError):
        ask(Daemon((answer,)), tmp_path)


def version_of(daemon: Daemon, folder: Path) -> str:
    async def run() -> str:
        async with daemon.listening(folder) as path, asyncio.timeout(10):
            return await SpamdClient(DaemonAddress(path=str(path))).version()

    return asyncio.run(run())


def test_it_tells_the_version_of_its_protocol(tmp_path: Path) -> None:
    daemon = Daemon((b"SPAMD/1.5 0 PONG\r\n",))

    assert version_of(daemon, tmp_path) == "spamd, protocol 1.5"
    assert daemon.head == b"PING SPAMC/1.5\r\n\r\n"


@pytest.mark.parametrize(
    "answer", [b"", b"SPAMD/1.5 76 Bad header line\r\n", b"SPAMD/\x1b[2J 0 PONG\r\n", b"220 mail.example ESMTP\r\n"]
)
def test_what_is_no_pong_is_no_version(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(SpamdUnavailableError, match="want PONG"):
        version_of(Daemon((answer,)), tmp_path)
