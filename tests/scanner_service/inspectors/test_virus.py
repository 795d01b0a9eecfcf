"""The virus inspector with several engines, of which some are away."""

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from scanner_service.clients.clamd import ClamdClient
from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.inspectors.clamd import FINDS_NOTHING, ClamdEngine
from scanner_service.inspectors.engine import VirusEngine
from scanner_service.inspectors.engine_rest import FAILURES_BEFORE_REST
from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.virus import VirusInspector
from scanner_service.inspectors.virus_spam_scores import VirusSpamScore
from scanner_service.inspectors.yara import YaraEngine
from scanner_service.model.finding import ContentCategory
from scanner_service.model.spam_points import SpamPoints
from tests.fakes.clamd import (
    Behaviour,
    FakeClamd,
    answer,
    know_nothing,
    limit_streams_to,
    scan,
    scan_slowly,
    stay_silent,
)
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, decoded, message_of
from verdict_api.verdict import InspectorReport, InspectorStatus

AT_ONCE_SECONDS = 2.0


def engine(clamd: FakeClamd, name: str = "clamd") -> ClamdEngine:
    return ClamdEngine(name, ClamdClient(DaemonAddress(path=str(clamd.path))))


@contextlib.contextmanager
def stopped_clamd() -> Iterator[FakeClamd]:
    with FakeClamd() as clamd:
        clamd.stop()
        yield clamd


def inspect(
    engines: Sequence[VirusEngine],
    raw: bytes,
    *,
    wait_seconds: float = 5,
    until_seconds: float = 10,
    backups: Sequence[VirusEngine] = (),
    spam_scores: Sequence[VirusSpamScore] = (),
) -> tuple[Inspection, float]:
    """Return what was seen, and the seconds it took."""

    async def look() -> Inspection:
        inspector = VirusInspector(engines, wait_seconds, backups=backups, spam_scores=spam_scores)
        until = asyncio.get_running_loop().time() + until_seconds
        return await inspector.inspect(message_of(raw), decoded(raw), until)

    started = time.monotonic()
    return asyncio.run(look()), time.monotonic() - started


def categories(inspection: Inspection) -> list[str]:
    return [finding.full_category for finding in inspection.findings]


def statuses(inspection: Inspection) -> dict[str, tuple[InspectorStatus, bool]]:
    """Return for each engine how it fared and whether it was required."""
    return {report.name: (report.status, report.required) for report in inspection.reports}


def report_of(inspection: Inspection, name: str) -> InspectorReport:
    return next(report for report in inspection.reports if report.name == name)


@pytest.mark.parametrize(
    ("raw", "names", "status"),
    [
        (CLEAN, [], InspectorStatus.CLEAN),
        (EICAR_IN_BODY, ["Eicar-Test-Signature"] * 2, InspectorStatus.HIT),
    ],
    ids=["clean", "infected"],
)
def test_all_engines_are_asked(raw: bytes, names: list[str], status: InspectorStatus) -> None:
    with FakeClamd() as first, FakeClamd() as second:
        inspection, _ = inspect([engine(first), engine(second, "clamd-2")], raw)

    assert first.streams == second.streams == [raw]
    assert [finding.name for finding in inspection.findings] == names
    assert statuses(inspection) == {"clamd": (status, True), "clamd-2": (status, True)}


def test_engines_are_asked_at_the_same_time() -> None:
    with FakeClamd(scan_slowly(0.8)) as first, FakeClamd(scan_slowly(0.8)) as second:
        inspection, seconds = inspect([engine(first), engine(second, "clamd-2")], CLEAN)

    assert categories(inspection) == []
    assert seconds < 1.6


@pytest.mark.parametrize("raw", [CLEAN, EICAR_IN_BODY], ids=["clean", "infected"])
@pytest.mark.parametrize("dead_first", [True, False])
def test_a_dead_engine_costs_no_time_while_another_is_there(raw: bytes, dead_first: bool) -> None:
    with stopped_clamd() as dead, FakeClamd() as alive:
        engines = [engine(dead, "dead"), engine(alive, "alive")]

        inspection, seconds = inspect(engines if dead_first else engines[::-1], raw)

    assert seconds < AT_ONCE_SECONDS
    assert "unchecked.not_done" not in categories(inspection)
    assert statuses(inspection)["dead"] == (InspectorStatus.NOT_DONE, False)
    assert statuses(inspection)["alive"] == (
        InspectorStatus.HIT if inspection.findings else InspectorStatus.CLEAN,
        True,
    )
    assert report_of(inspection, "dead").reason == f"{dead.address}: No such file or directory"


def test_with_all_engines_dead_the_first_that_comes_back_saves_the_message() -> None:
    with stopped_clamd() as dead, stopped_clamd() as back_soon:
        comeback = threading.Timer(0.4, back_soon.start)
        comeback.start()

        inspection, seconds = inspect([engine(dead, "dead"), engine(back_soon, "back")], EICAR_IN_BODY)
        comeback.join()

    assert categories(inspection) == ["virus"]
    assert statuses(inspection) == {"dead": (InspectorStatus.NOT_DONE, False), "back": (InspectorStatus.HIT, True)}
    assert 0.4 < seconds < 0.4 + AT_ONCE_SECONDS


def test_an_engine_that_answers_an_error_is_asked_again() -> None:
    with FakeClamd(answer(b"stream: Can't allocate memory ERROR\0")) as clamd:
        recovery = threading.Timer(0.3, setattr, (clamd, "behaviour", scan))
        recovery.start()

        inspection, _ = inspect([engine(clamd)], EICAR_IN_BODY)
        recovery.join()

    assert categories(inspection) == ["virus"]
    assert clamd.connections_seen > 1


@pytest.mark.parametrize(
    ("wait_seconds", "until_seconds", "longest_seconds"), [(0, 10, 1.0), (0.7, 10, 2.0), (10, 0.7, 2.0)]
)
def test_dead_for_good_is_not_done_after_the_shorter_of_wait_and_deadline(
    wait_seconds: float, until_seconds: float, longest_seconds: float
) -> None:
    with stopped_clamd() as dead:
        inspection, seconds = inspect([engine(dead)], CLEAN, wait_seconds=wait_seconds, until_seconds=until_seconds)

    assert categories(inspection) == ["unchecked.not_done"]
    assert inspection.findings[0].detail == f"{dead.address}: No such file or directory"
    assert statuses(inspection) == {"clamd": (InspectorStatus.NOT_DONE, True)}
    assert min(wait_seconds, until_seconds) * 0.4 <= seconds < longest_seconds


def test_a_silent_engine_is_waited_for_until_the_deadline_and_no_longer() -> None:
    with FakeClamd(stay_silent) as silent:
        inspection, seconds = inspect([engine(silent)], CLEAN, wait_seconds=20, until_seconds=0.5)
        nobody = silent.has_nobody()

    assert categories(inspection) == ["unchecked.not_done"]
    assert inspection.findings[0].detail == "clamd: no answer in 0.5 s"
    assert 0.5 <= seconds < 2.0
    assert nobody


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(CLEAN, ["unchecked.not_done"]), (EICAR_IN_BODY, ["virus", "unchecked.not_done"])],
    ids=["clean", "infected"],
)
def test_a_demo_engine_does_not_count_beside_a_real_one(raw: bytes, expected: list[str]) -> None:
    with stopped_clamd() as dead:
        inspection, _ = inspect([engine(dead), YaraEngine("yara")], raw, wait_seconds=0)

    assert sorted(categories(inspection), reverse=True) == expected
    assert statuses(inspection)["clamd"] == (InspectorStatus.NOT_DONE, True)
    assert statuses(inspection)["yara"] == (
        InspectorStatus.HIT if "virus" in expected else InspectorStatus.CLEAN,
        False,
    )


def test_a_demo_engine_counts_where_there_is_no_other() -> None:
    clean, _ = inspect([YaraEngine("yara")], CLEAN)
    infected, _ = inspect([YaraEngine("yara")], EICAR_IN_BODY)

    assert categories(clean) == []
    assert statuses(clean) == {"yara": (InspectorStatus.CLEAN, True)}
    assert categories(infected) == ["virus"]


TOO_BIG = "INSTREAM size limit exceeded. ERROR"


def test_a_message_beyond_the_limits_of_all_engines_is_a_finding_and_not_a_wait() -> None:
    with FakeClamd(limit_streams_to(10)) as one, FakeClamd(limit_streams_to(20)) as other:
        inspection, seconds = inspect([engine(one)], CLEAN, backups=[engine(other, "backup")])

    assert categories(inspection) == ["unchecked.too_big_for_engine"]
    assert inspection.findings[0].category is ContentCategory.UNCHECKED
    assert inspection.findings[0].detail == f"{one.address}: {TOO_BIG}; {other.address}: {TOO_BIG}"
    assert statuses(inspection) == dict.fromkeys(("clamd", "backup"), (InspectorStatus.NOT_DONE, True))
    assert seconds < AT_ONCE_SECONDS


@pytest.mark.parametrize("as_backup", [False, True], ids=["primary", "backup"])
@pytest.mark.parametrize(("raw", "expected"), [(CLEAN, []), (EICAR_IN_BODY, ["virus"])], ids=["clean", "infected"])
def test_a_message_too_big_for_one_engine_is_done_if_another_looked(
    raw: bytes, expected: list[str], as_backup: bool
) -> None:
    with FakeClamd(limit_streams_to(10)) as small, FakeClamd() as large:
        others = [engine(large, "large")]
        inspection, seconds = inspect(
            [engine(small), *([] if as_backup else others)], raw, backups=others if as_backup else ()
        )

    assert categories(inspection) == expected
    assert statuses(inspection)["clamd"] == (InspectorStatus.NOT_DONE, False)
    assert report_of(inspection, "clamd").reason == f"{small.address}: {TOO_BIG}"
    assert seconds < AT_ONCE_SECONDS


def test_a_message_too_big_for_one_engine_waits_for_another_that_is_down_and_is_then_not_done() -> None:
    with FakeClamd(limit_streams_to(10)) as small, stopped_clamd() as down:
        inspection, seconds = inspect([engine(small), engine(down, "down")], CLEAN, wait_seconds=0.7)

    assert categories(inspection) == ["unchecked.not_done"]
    assert 0.3 <= seconds < AT_ONCE_SECONDS
    assert small.connections_seen == 2  # tested and asked once: a message does not become smaller


def test_a_message_too_big_for_one_engine_is_done_by_another_that_comes_back() -> None:
    with FakeClamd(limit_streams_to(10)) as small, stopped_clamd() as back_soon:
        comeback = threading.Timer(0.3, back_soon.start)
        comeback.start()

        inspection, _ = inspect([engine(small), engine(back_soon, "back")], EICAR_IN_BODY)
        comeback.join()

    assert categories(inspection) == ["virus"]


def test_an_engine_that_messages_are_too_big_for_is_not_left_alone() -> None:
    async def look_often(small: FakeClamd, large: FakeClamd) -> Inspection:
        inspector = VirusInspector([engine(small), engine(large, "large")], 5)
        for _ in range(FAILURES_BEFORE_REST + 1):
            until = asyncio.get_running_loop().time() + 10
            inspection = await inspector.inspect(message_of(CLEAN), decoded(CLEAN), until)
        return inspection

    with FakeClamd(limit_streams_to(10)) as small, FakeClamd() as large:
        last = asyncio.run(look_often(small, large))

    assert report_of(last, "clamd").reason == f"{small.address}: {TOO_BIG}"


def test_an_engine_with_an_empty_database_has_not_looked() -> None:
    with FakeClamd(know_nothing) as clamd:
        inspection, seconds = inspect([engine(clamd)], EICAR_IN_BODY, wait_seconds=0.7)

    assert categories(inspection) == ["unchecked.not_done"]
    assert inspection.findings[0].detail == f"{clamd.address}: {FINDS_NOTHING}"
    assert clamd.streams == []
    assert 0.3 <= seconds < AT_ONCE_SECONDS


def test_an_engine_whose_signatures_are_loaded_while_a_message_waits_saves_it() -> None:
    with FakeClamd(know_nothing) as clamd:
        loading = threading.Timer(0.3, setattr, (clamd, "behaviour", scan))
        loading.start()

        inspection, _ = inspect([engine(clamd)], EICAR_IN_BODY)
        loading.join()

    assert categories(inspection) == ["virus"]


def test_an_engine_with_an_empty_database_holds_nothing_up_beside_a_healthy_one() -> None:
    with FakeClamd(know_nothing) as empty, FakeClamd() as healthy:
        inspection, seconds = inspect([engine(empty, "empty"), engine(healthy)], CLEAN)

    assert categories(inspection) == []
    assert statuses(inspection)["empty"] == (InspectorStatus.NOT_DONE, False)
    assert seconds < AT_ONCE_SECONDS


SPAM_SCORES = (
    VirusSpamScore(re.compile(r"^Sanesecurity\.Malware\."), None),
    VirusSpamScore(re.compile(r"^Sanesecurity\."), 4.5),
)


def naming(name: str) -> Behaviour:
    return answer(f"stream: {name} FOUND\0".encode())


def test_a_virus_name_that_means_spam_gives_points_and_is_no_infection() -> None:
    with FakeClamd(naming("Sanesecurity.Junk.1.UNOFFICIAL")) as clamd:
        inspection, _ = inspect([engine(clamd)], CLEAN, spam_scores=SPAM_SCORES)

    assert inspection.findings == ()
    assert inspection.spam_points == (SpamPoints("AV:Sanesecurity.Junk.1.UNOFFICIAL=4.5", 4.5),)
    assert statuses(inspection) == {"clamd": (InspectorStatus.HIT, True)}


@pytest.mark.parametrize("name", ["Sanesecurity.Malware.1.UNOFFICIAL", "Win.Trojan.Sanesecurity.Junk"])
def test_any_other_virus_name_is_an_infection(name: str) -> None:
    with FakeClamd(naming(name)) as clamd:
        inspection, _ = inspect([engine(clamd)], CLEAN, spam_scores=SPAM_SCORES)

    assert categories(inspection) == ["virus"]
    assert inspection.spam_points == ()


def test_an_infection_found_by_one_engine_stays_one_whatever_another_calls_spam() -> None:
    with FakeClamd(naming("Sanesecurity.Junk.1")) as spam, FakeClamd() as virus:
        inspection, _ = inspect([engine(spam, "spam"), engine(virus)], EICAR_IN_BODY, spam_scores=SPAM_SCORES)

    assert [(finding.inspector, finding.name) for finding in inspection.findings] == [
        ("clamd", "Eicar-Test-Signature")
    ]
    assert [one.score for one in inspection.spam_points] == [4.5]


def test_a_report_tells_the_version_that_the_engine_has_told() -> None:
    with FakeClamd() as clamd:
        known = engine(clamd)
        asyncio.run(known.refresh())

        inspection, _ = inspect([known], CLEAN)

    assert report_of(inspection, "clamd").version == "ClamAV 1.4.6/28039/Thu Jun  6 08:29:36 2024"
    assert report_of(inspection, "clamd").milliseconds >= 0


def test_a_version_that_is_no_longer_told_is_forgotten() -> None:
    with FakeClamd() as clamd:
        known = engine(clamd)
        asyncio.run(known.refresh())
        clamd.stop()

        asyncio.run(known.refresh())

    assert known.version is None


def test_it_waits_for_parts_only_if_an_engine_needs_them() -> None:
    with FakeClamd() as clamd:
        without, beside = VirusInspector([engine(clamd)], 0), VirusInspector([engine(clamd), YaraEngine("yara")], 0)

    assert not without.needs_parts
    assert beside.needs_parts


def test_a_backup_is_asked_only_where_no_primary_looked() -> None:
    async def look(primary: FakeClamd, backup: FakeClamd) -> Inspection:
        inspector = VirusInspector([engine(primary)], 5, backups=[engine(backup, "backup")])
        until = asyncio.get_running_loop().time() + 10
        return await inspector.inspect(message_of(EICAR_IN_BODY), decoded(EICAR_IN_BODY), until)

    with FakeClamd() as primary, FakeClamd() as backup, stopped_clamd() as dead:
        usually = asyncio.run(look(primary, backup))
        then = asyncio.run(look(dead, backup))

    assert statuses(usually) == {"clamd": (InspectorStatus.HIT, True)}
    assert statuses(then) == {"clamd": (InspectorStatus.NOT_DONE, False), "backup": (InspectorStatus.HIT, True)}
    assert len(backup.streams) == 1


def test_a_hung_engine_beside_a_healthy_one_costs_its_limit_and_is_then_left_alone() -> None:
    async def look_five_times(hung: FakeClamd, healthy: FakeClamd) -> list[tuple[Inspection, float]]:
        inspector = VirusInspector([engine(hung, "hung"), engine(healthy)], 5, engine_seconds=0.2)
        seen = []
        for _ in range(FAILURES_BEFORE_REST + 2):
            started = time.monotonic()
            until = asyncio.get_running_loop().time() + 10
            inspection = await inspector.inspect(message_of(CLEAN), decoded(CLEAN), until)
            seen.append((inspection, time.monotonic() - started))
        return seen

    with FakeClamd(stay_silent) as hung, FakeClamd() as healthy:
        seen = asyncio.run(look_five_times(hung, healthy))

    assert [categories(inspection) for inspection, _ in seen] == [[]] * len(seen)
    assert all(0.2 <= seconds < AT_ONCE_SECONDS for _, seconds in seen[:FAILURES_BEFORE_REST])
    assert hung.connections_seen == FAILURES_BEFORE_REST
    assert report_of(seen[0][0], "hung").reason == "hung: no answer in 0.2 s"
    assert report_of(seen[-1][0], "hung").reason == "hung: rests, as it failed 3 times"


def test_engines_that_all_failed_are_all_asked_all_the_same() -> None:
    async def look(one: FakeClamd, other: FakeClamd) -> Inspection:
        inspector = VirusInspector([engine(one), engine(other, "other")], 0)
        for _ in range(FAILURES_BEFORE_REST):
            await inspector.inspect(message_of(CLEAN), decoded(CLEAN), asyncio.get_running_loop().time() + 10)
        one.start()
        until = asyncio.get_running_loop().time() + 10
        return await inspector.inspect(message_of(EICAR_IN_BODY), decoded(EICAR_IN_BODY), until)

    with stopped_clamd() as one, stopped_clamd() as other:
        inspection = asyncio.run(look(one, other))

    assert categories(inspection) == ["virus"]
