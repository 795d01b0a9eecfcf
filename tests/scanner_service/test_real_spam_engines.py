"""GTUBE and a clean mail, judged with real spamd and real rspamd (GTUBE: spamassassin.apache.org)."""

import asyncio
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scanner_service.inspector_choice import choose_inspectors
from scanner_service.settings import Headers, RspamdSetting, Settings, Spam, SpamdSetting
from tests.scanner_service.live_service import live_service, post
from tests.scanner_service.messages import ENVELOPE
from tests.scanner_service.real_spam_engines import RSPAMD, SPAMD, running_rspamd, running_spamd, skip_without
from verdict_api.envelope import Envelope
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny, HeaderAction, InspectorReport, InspectorStatus, Verdict

MESSAGES = Path(__file__).parents[1] / "contract/messages"


@pytest.fixture(scope="module")
def spamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spam]:
    skip_without(SPAMD, "spamd")
    folder = tmp_path_factory.mktemp("spamd")
    with running_spamd(folder) as path:
        yield Spam(engine=SpamdSetting(kind="spamd", address=f"unix:{path}"))


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spam]:
    skip_without(RSPAMD, "rspamd")
    folder = tmp_path_factory.mktemp("rspamd")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # it gives up root
    with running_rspamd(folder) as path:
        yield Spam(engine=RspamdSetting(kind="rspamd", url=f"unix:{path}"))


def judge(spam: Spam, message: str, envelope: Envelope = ENVELOPE, *, on_clean: bool = False) -> Verdict:
    return judge_bytes(spam, (MESSAGES / message).read_bytes(), envelope, on_clean=on_clean)


def judge_bytes(spam: Spam, message: bytes, envelope: Envelope = ENVELOPE, *, on_clean: bool = False) -> Verdict:
    with live_service(spam=spam, headers=Headers(on_clean=on_clean)) as service, service.client() as client:
        return decode_verdict(post(client, message, envelope).content)


def added(verdict: Verdict) -> dict[str, str]:
    return {one.name: str(one.value) for one in verdict.header_edits if one.action is HeaderAction.ADD}


def report_of(verdict: Verdict) -> InspectorReport:
    return next(one for one in verdict.inspectors if one.name in ("spamd", "rspamd"))


@pytest.mark.parametrize("engine", ["spamd", "rspamd"])
def test_gtube_is_refused_and_the_verdict_says_why(engine: str, request: pytest.FixtureRequest) -> None:
    verdict = judge(request.getfixturevalue(engine), "spam-gtube.eml")

    assert verdict.destiny is Destiny.REJECT
    assert str(verdict.reply) == f"550 5.7.1 Message content rejected, id={verdict.mail_id} - spam"
    assert verdict.decided_by.category == "spam"
    assert verdict.spam.score is not None
    assert verdict.spam.score >= 12
    assert (report_of(verdict).name, report_of(verdict).status) == (engine, InspectorStatus.HIT)


def test_the_tests_of_spamd_are_told(spamd: Spam) -> None:
    assert "GTUBE" in judge(spamd, "spam-gtube.eml").spam.tests


@pytest.mark.parametrize("engine", ["spamd", "rspamd"])
def test_a_clean_mail_is_scored_and_passes(engine: str, request: pytest.FixtureRequest) -> None:
    verdict = judge(request.getfixturevalue(engine), "clean-plain.eml")

    assert verdict.destiny is Destiny.PASS
    assert verdict.spam.score is not None
    assert verdict.spam.score < 5
    assert report_of(verdict).status is InspectorStatus.CLEAN


@pytest.mark.parametrize("engine", ["spamd", "rspamd"])
def test_clean_mail_carries_its_score_where_that_is_set(engine: str, request: pytest.FixtureRequest) -> None:
    verdict = judge(request.getfixturevalue(engine), "clean-plain.eml", on_clean=True)

    told = added(verdict)
    assert float(told["X-Spam-Score"]) == verdict.spam.score
    assert re.fullmatch(r"No, score=[-.\d]+ required=\d+ tests=\[[A-Z0-9_, ]+\]", told["X-Spam-Status"])
    assert "X-Spam-Flag" not in told


def test_what_rspamd_would_write_itself_comes_along(rspamd: Spam) -> None:
    told = added(judge(rspamd, "clean-plain.eml", on_clean=True))

    assert told["X-Spamd-Result"].startswith("default: False [")
    assert told["X-Rspamd-Action"] == "no action"


@pytest.mark.parametrize("engine", ["spamd", "rspamd"])
def test_gtube_of_an_own_user_is_scored_and_passes(engine: str, request: pytest.FixtureRequest) -> None:
    own_user = replace(ENVELOPE, authenticated_user="anna")

    verdict = judge(request.getfixturevalue(engine), "spam-gtube.eml", own_user)

    assert verdict.destiny is Destiny.PASS
    assert verdict.header_edits == ()
    assert verdict.spam.score is not None
    assert verdict.spam.score >= 12


@pytest.mark.parametrize(("engine", "version"), [("spamd", r"spamd, protocol 1\.\d+"), ("rspamd", r"rspamd/\d.+")])
def test_an_engine_tells_its_version(engine: str, version: str, request: pytest.FixtureRequest) -> None:
    choice = choose_inspectors(Settings(spam=request.getfixturevalue(engine)))
    assert choice.spam is not None

    asyncio.run(choice.spam.refresh())

    assert choice.spam.problem is None
    assert re.fullmatch(version, str(choice.spam.version))


def test_a_message_of_which_spamd_gets_the_beginning_is_scored(spamd: Spam) -> None:
    line = b"the board meets again on monday and asks for the figures of spring\n"
    assert isinstance(spamd.engine, SpamdSetting)

    verdict = judge_bytes(spamd, b"Subject: figures\n\n" + line * (spamd.engine.max_bytes // len(line) + 100))

    assert verdict.spam.score is not None
    assert report_of(verdict).status is not InspectorStatus.NOT_DONE


def test_a_spamd_that_is_gone_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "spamd.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))  # the file of one that was killed

    verdict = judge(Spam(engine=SpamdSetting(kind="spamd", address=f"unix:{path}")), "spam-gtube.eml")

    assert verdict.destiny is Destiny.PASS
    assert verdict.complete
    assert report_of(verdict).status is InspectorStatus.NOT_DONE
    assert "Connection refused" in str(report_of(verdict).reason)
