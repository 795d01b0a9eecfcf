"""GTUBE and a clean mail, judged with real spamd and real rspamd (GTUBE: spamassassin.apache.org)."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner_service.settings import RspamdSetting, Spam, SpamdSetting
from tests.scanner_service.live_service import live_service, post
from tests.scanner_service.real_spam_engines import RSPAMD, SPAMD, running_rspamd, running_spamd, skip_without
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny, InspectorReport, InspectorStatus, Verdict

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


def judge(spam: Spam, message: str) -> Verdict:
    with live_service(spam=spam) as service, service.client() as client:
        return decode_verdict(post(client, (MESSAGES / message).read_bytes()).content)


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


def test_a_spamd_that_is_gone_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "spamd.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))  # the file of one that was killed

    verdict = judge(Spam(engine=SpamdSetting(kind="spamd", address=f"unix:{path}")), "spam-gtube.eml")

    assert verdict.destiny is Destiny.PASS
    assert verdict.complete
    assert report_of(verdict).status is InspectorStatus.NOT_DONE
    assert "Connection refused" in str(report_of(verdict).reason)
