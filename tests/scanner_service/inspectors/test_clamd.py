"""The engine that asks clamd: whether it has proved that it finds anything."""

import asyncio
from collections.abc import Callable

import pytest

from scanner_service.clients.clamd import ClamdClient, ClamdLook
from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.inspectors.clamd import FINDS_NOTHING, NOT_ASKED_YET, ClamdEngine
from scanner_service.inspectors.engine import EngineUnavailableError, Protection, TooBigForEngineError, protection_of
from scanner_service.inspectors.yara import YaraEngine
from tests.fakes.clamd import (
    EICAR,
    SIZE_LIMIT_ANSWER,
    VERSION,
    Behaviour,
    Conversation,
    FakeClamd,
    answer,
    hang_up,
    know_nothing,
    limit_streams_to,
    scan,
    stay_silent,
)
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, message_of


def engine(clamd: FakeClamd) -> ClamdEngine:
    return ClamdEngine("clamd", ClamdClient(DaemonAddress(path=str(clamd.path))))


async def names(asked: ClamdEngine, raw: bytes) -> list[str]:
    return [finding.name for finding in await asked.scan(message_of(raw), None)]


def test_nobody_knows_whether_an_engine_protects_that_was_not_asked() -> None:
    with FakeClamd() as clamd:
        unasked = engine(clamd)

    assert (unasked.problem, unasked.protects, unasked.version) == (NOT_ASKED_YET, False, None)


def test_the_test_comes_before_the_first_message_and_costs_no_later_one_anything() -> None:
    async def scan_three_times() -> list[list[str]]:
        return [await names(asked, EICAR_IN_BODY) for _ in range(3)]

    with FakeClamd() as clamd:
        asked = engine(clamd)
        found = asyncio.run(scan_three_times())

    assert found == [["Eicar-Test-Signature"]] * 3
    assert (clamd.tests_seen, len(clamd.streams), clamd.connections_seen) == (1, 3, 4)
    assert asked.protects


def test_messages_that_come_at_once_share_the_test() -> None:
    async def scan_all() -> list[list[str]]:
        return await asyncio.gather(*(names(asked, CLEAN) for _ in range(20)))

    with FakeClamd() as clamd:
        asked = engine(clamd)
        asyncio.run(scan_all())

    assert (clamd.tests_seen, len(clamd.streams)) == (1, 20)


def test_messages_that_come_at_once_share_a_test_that_fails() -> None:
    async def scan_all() -> list[object]:
        return await asyncio.gather(*(names(asked, CLEAN) for _ in range(20)), return_exceptions=True)

    with FakeClamd(know_nothing) as clamd:
        asked = engine(clamd)
        outcomes = asyncio.run(scan_all())

    assert {(type(one), str(one)) for one in outcomes} == {
        (EngineUnavailableError, f"{clamd.address}: {FINDS_NOTHING}")
    }
    assert (clamd.tests_seen, clamd.streams) == (1, [])


def test_a_message_that_gives_up_amid_the_test_leaves_it_to_the_next() -> None:
    async def scan_twice() -> list[str]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await names(asked, CLEAN)
        clamd.behaviour = scan
        return await names(asked, EICAR_IN_BODY)

    with FakeClamd(stay_silent) as clamd:
        asked = engine(clamd)
        found = asyncio.run(scan_twice())

    assert found == ["Eicar-Test-Signature"]


def is_away(clamd: FakeClamd) -> None:
    clamd.stop()


def fails(clamd: FakeClamd) -> None:
    clamd.behaviour = answer(b"stream: Can't allocate memory ERROR\0")


def hangs(clamd: FakeClamd) -> None:
    clamd.behaviour = stay_silent


@pytest.mark.parametrize("trouble", [is_away, fails, hangs])
def test_one_that_comes_back_without_signatures_is_not_believed(trouble: Callable[[FakeClamd], None]) -> None:
    async def lose_its_signatures() -> None:
        await names(asked, CLEAN)
        trouble(clamd)
        with pytest.raises((EngineUnavailableError, TimeoutError)):
            async with asyncio.timeout(0.2):
                await names(asked, CLEAN)
        clamd.stop()
        clamd.behaviour = know_nothing
        clamd.start()
        await names(asked, EICAR_IN_BODY)

    with FakeClamd() as clamd:
        asked = engine(clamd)
        with pytest.raises(EngineUnavailableError, match=FINDS_NOTHING):
            asyncio.run(lose_its_signatures())

    assert asked.problem == f"{clamd.address}: {FINDS_NOTHING}"


def forbid_version(conversation: Conversation) -> None:
    """Do as clamd with ``EnableVersionCommand no``."""
    if conversation.read_command() == "VERSION":
        conversation.say(b"COMMAND UNAVAILABLE\n")
    elif conversation.read_stream() == EICAR:
        conversation.say(b"stream: Eicar FOUND\0")


@pytest.mark.parametrize(
    ("behaviour", "problem", "version"),
    [
        (scan, None, VERSION.decode().strip()),
        (know_nothing, FINDS_NOTHING, "ClamAV 1.4.6"),
        (limit_streams_to(10), None, VERSION.decode().strip()),
        (forbid_version, None, None),
        (hang_up, "closed unanswered", None),
    ],
)
def test_a_refresh_learns_version_and_problem(behaviour: Behaviour, problem: str | None, version: str | None) -> None:
    with FakeClamd(behaviour) as clamd:
        asked = engine(clamd)
        asyncio.run(asked.refresh())
        nobody = clamd.has_nobody()

    assert asked.problem == (None if problem is None else f"{clamd.address}: {problem}")
    assert asked.protects == (problem is None)
    assert asked.version == version
    assert nobody


def test_one_that_even_the_test_file_is_too_big_for_has_a_problem() -> None:
    def refuse(conversation: Conversation) -> None:
        conversation.read_command()
        conversation.say(SIZE_LIMIT_ANSWER)

    with FakeClamd(refuse) as clamd:
        asked = engine(clamd)
        asyncio.run(asked.refresh())

    assert asked.problem == f"{clamd.address}: the EICAR test file is too big for it: see its StreamMaxLength"


def test_a_refresh_of_a_silent_one_ends_and_says_so() -> None:
    with FakeClamd(stay_silent) as clamd:
        asked = engine(clamd)
        asyncio.run(asked.refresh())
        nobody = clamd.has_nobody()

    assert asked.problem == f"{clamd.address}: no answer to the EICAR test file in 5 s"
    assert nobody


class SlowClamd(ClamdClient):
    """It answers each question when the test says what, in the order of the questions."""

    def __init__(self) -> None:
        super().__init__(DaemonAddress(path="/run/slow.sock"))
        self.asked: list[asyncio.Future[ClamdLook]] = []

    async def look(self, data: bytes) -> ClamdLook:
        del data
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


def test_a_test_of_the_process_before_proves_nothing_of_the_one_that_looked() -> None:
    async def replace_amid_a_test() -> None:
        clamd = SlowClamd()
        asked = ClamdEngine("clamd", clamd)
        testing = asyncio.create_task(names(asked, CLEAN))
        await asyncio.sleep(0)
        clamd.asked[0].set_result(ClamdLook(("Eicar",), process=1))
        await asyncio.sleep(0)
        looking = asyncio.create_task(names(asked, CLEAN))
        await asyncio.sleep(0)
        testing.cancel()  # too slow: whether it hangs is not known, so the next one tests again
        await asyncio.sleep(0)
        testing_again = asyncio.create_task(names(asked, CLEAN))
        await asyncio.sleep(0)
        clamd.asked[2].set_result(ClamdLook((), process=2))
        await asyncio.sleep(0)
        clamd.asked[3].set_result(ClamdLook(("Eicar",), process=1))
        with pytest.raises(EngineUnavailableError, match="started anew"):
            await looking
        testing_again.cancel()

    asyncio.run(replace_amid_a_test())


def test_a_message_too_big_is_no_problem_of_the_engine() -> None:
    with FakeClamd(limit_streams_to(10)) as clamd:
        asked = engine(clamd)
        with pytest.raises(TooBigForEngineError, match="size limit exceeded"):
            asyncio.run(names(asked, CLEAN))

    assert asked.protects


def test_all_together_protect_if_one_does() -> None:
    with FakeClamd() as well, FakeClamd(know_nothing) as empty:
        one, other, demo = engine(well), engine(empty), YaraEngine("yara")
        unasked = protection_of((one, other))
        for each in (one, other):
            asyncio.run(each.refresh())

    assert unasked is Protection.NONE
    assert protection_of((one, other, demo)) is Protection.REAL
    assert protection_of((other, demo)) is Protection.NONE
    assert protection_of((demo,)) is Protection.DEMO
