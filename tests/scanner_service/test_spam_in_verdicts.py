"""What the pipeline makes of scores: destinies, header fields, and the mail of own users."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scanner_service.act.keep import StoreKeeper
from scanner_service.answer import HeaderRules
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import Decoder
from scanner_service.inspectors.bad_header import BadHeaderInspector
from scanner_service.inspectors.engine import Protection
from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.spam import SpamAnswer, SpamEngineUnavailableError, SpamInspector
from scanner_service.inspectors.virus import VirusInspector
from scanner_service.inspectors.yara import YaraEngine
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamLevels, SpamScore
from scanner_service.pipeline import Pipeline
from scanner_service.storage.message_files import MessageFiles
from tests.scanner_service.judge.policies import book_of
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, ENVELOPE, HEADER
from verdict_api.envelope import Envelope
from verdict_api.verdict import Destiny, HeaderAction, InspectorReport, InspectorStatus, SpamReport, Verdict

LEVELS = SpamLevels(5.0, 12.0)
BOOK = book_of()
OWN_USER = replace(ENVELOPE, authenticated_user="anna")
RELAYED = replace(ENVELOPE, relay_client=True)
FORGED = b"X-Spam-Flag: NO\n" + CLEAN


@dataclass(frozen=True)
class Scorer:
    """Gives each message the same score, or none."""

    score_of_all: float | None
    try_later: bool = False
    name: str = "scorer"

    async def score(self, message: Message) -> SpamAnswer:
        if (score := self.score_of_all) is None:
            raise SpamEngineUnavailableError("not today")
        fields = (("X-Spam-Scorer", "mine"),)
        told = SpamScore(self.name, score, ("A",), LEVELS.category_of(score), LEVELS, LEVELS.tag2, fields)
        return SpamAnswer(told, self.try_later)

    async def version(self) -> str:
        return "Scorer 1.0"


@dataclass(frozen=True)
class Engine:
    """Stands for a virus engine that protects: it looked, or not, and gives points."""

    status: InspectorStatus = InspectorStatus.CLEAN
    points: float = 0.0
    findings: tuple[Finding, ...] = ()
    needs_parts: bool = False
    checks: ContentCategory | None = ContentCategory.VIRUS

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        points = (SpamPoints(f"AV:Phish={self.points:g}", self.points),) if self.points else ()
        report = InspectorReport("engine", False, self.status, None, None, 0.1)
        return Inspection(self.findings, (report,), spam_points=points)


def judged(
    raw: bytes = CLEAN,
    envelope: Envelope = ENVELOPE,
    *,
    score: float | None = None,
    engine: Engine | None = None,
    on_clean: bool = False,
    try_later: bool = False,
) -> Verdict:
    inspectors = (
        VirusInspector([YaraEngine("yara", ())], 0),
        engine or Engine(),
        BadHeaderInspector(),
        SpamInspector(Scorer(score, try_later), 5),
    )
    pipeline = Pipeline(
        inspectors,
        Decoder(DecodeLimits(), DecoderPool()),
        lambda: Protection.REAL,
        policies=lambda: BOOK,
        keeper=StoreKeeper(MessageFiles(Path("/nowhere"))),
        header_rules=HeaderRules(frozenset({"engine"}), on_clean),
    )

    async def run() -> Verdict:
        return await pipeline.judge_message(envelope, raw, asyncio.get_running_loop().time() + 10)

    return asyncio.run(run())


def added(verdict: Verdict) -> dict[str, str | None]:
    return {one.name: one.value for one in verdict.header_edits if one.action is HeaderAction.ADD}


@pytest.mark.parametrize(
    ("score", "destiny", "categories"),
    [(1.2, Destiny.PASS, ()), (5.0, Destiny.PASS, ("spammy",)), (12.0, Destiny.REJECT, ("spam",))],
)
def test_a_score_becomes_a_category_and_a_destiny(
    score: float, destiny: Destiny, categories: tuple[str, ...]
) -> None:
    verdict = judged(score=score)

    assert verdict.spam == SpamReport(score, ("A",))
    assert verdict.destiny is destiny
    assert verdict.recipients[0].categories == categories


def test_points_of_the_virus_engine_add_to_the_score() -> None:
    verdict = judged(score=11.9, engine=Engine(points=0.1))

    assert verdict.spam == SpamReport(12.0, ("A", "AV:Phish=0.1"))
    assert verdict.destiny is Destiny.REJECT
    assert (verdict.decided_by.category, verdict.decided_by.inspector) == ("spam", "scorer")


def test_points_count_on_our_levels_where_no_engine_scored() -> None:
    verdict = judged(score=None, engine=Engine(points=5.0))

    assert verdict.spam == SpamReport(5.0, ("AV:Phish=5",))
    assert verdict.recipients[0].categories == ("spammy",)


def test_spammy_mail_is_tagged_and_carries_what_the_engine_offers() -> None:
    assert added(judged(score=7.5)) | {"X-Couriergate-Id": "id"} == {
        "X-Couriergate-Id": "id",
        "X-Virus-Scanned": "Couriergate",
        "X-Spam-Flag": "YES",
        "X-Spam-Score": "7.5",
        "X-Spam-Level": "*******",
        "X-Spam-Status": "Yes, score=7.5 required=5 tests=[A]",
        "X-Spam-Scorer": "mine",
    }


def test_the_mail_id_of_the_verdict_stands_in_the_header() -> None:
    verdict = judged(score=7.5)

    assert added(verdict)["X-Couriergate-Id"] == verdict.mail_id


@pytest.mark.parametrize("score", [None, 1.2])
def test_clean_mail_is_not_edited(score: float | None) -> None:
    assert judged(score=score).header_edits == ()


def test_clean_mail_is_edited_where_that_is_set() -> None:
    assert "X-Spam-Score" in added(judged(score=1.2, on_clean=True))


def test_forged_fields_are_taken_out_of_clean_mail() -> None:
    removed = [one.name for one in judged(FORGED).header_edits if one.action is HeaderAction.REMOVE]

    assert removed == ["X-Spam-Flag"]


@pytest.mark.parametrize("raw", [EICAR_IN_BODY, b"X-Spam-Flag: NO\n" + EICAR_IN_BODY])
def test_refused_mail_is_not_edited(raw: bytes) -> None:
    verdict = judged(raw, score=7.5, on_clean=True)

    assert verdict.destiny is Destiny.REJECT
    assert verdict.header_edits == ()


def test_what_passes_with_a_fault_has_an_alert() -> None:
    assert added(judged(HEADER + b"Subject: \xff\n\nx\n"))["X-Couriergate-Alert"] == "BAD HEADER: 8bit"


@pytest.mark.parametrize(
    ("engine", "is_told"),
    [
        (Engine(), True),
        (Engine(InspectorStatus.NOT_DONE), False),
    ],
    ids=["looked", "did not look"],
)
def test_only_an_engine_that_protects_and_has_looked_makes_a_mail_virus_scanned(
    engine: Engine, *, is_told: bool
) -> None:
    assert ("X-Virus-Scanned" in added(judged(score=7.5, engine=engine))) is is_told


@pytest.mark.parametrize("envelope", [OWN_USER, RELAYED], ids=["logged in", "relayed for"])
@pytest.mark.parametrize("raw", [CLEAN, FORGED, HEADER + b"Subject: \xff\n\nx\n"], ids=["clean", "forged", "8bit"])
@pytest.mark.parametrize("score", [1.2, 7.5, 1000.0])
def test_mail_of_own_users_is_scored_and_neither_refused_nor_edited(
    envelope: Envelope, raw: bytes, score: float
) -> None:
    verdict = judged(raw, envelope, score=score, on_clean=True)

    assert verdict.destiny is Destiny.PASS
    assert verdict.spam.score == score
    assert verdict.header_edits == ()
    assert verdict.decided_by.policy == "own_users"
    assert [one.policy for one in verdict.recipients] == ["own_users"]


def test_a_virus_of_an_own_user_is_refused() -> None:
    verdict = judged(EICAR_IN_BODY, OWN_USER, score=1000.0)

    assert verdict.destiny is Destiny.REJECT
    assert (verdict.decided_by.category, verdict.decided_by.policy) == ("virus", "own_users")


@pytest.mark.parametrize("envelope", [ENVELOPE, OWN_USER], ids=["stranger", "own user"])
def test_an_engine_that_asks_to_try_later_is_heard(envelope: Envelope) -> None:
    assert judged(envelope=envelope, score=1.2, try_later=True).destiny is Destiny.TEMPFAIL
