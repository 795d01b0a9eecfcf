"""Virus engines that take the whole message see each part of one that can be read in two ways."""

import base64

import pytest

from scanner_service.settings import ClamdSetting, SpamScoreSetting, Virus
from tests.fakes.clamd import EICAR, VERSION, Conversation, FakeClamd, scan
from tests.scanner_service.live_service import asking, live_service, post
from tests.scanner_service.messages import CLEAN, HEADER
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny, InspectorStatus, Verdict

_IN_BASE64 = base64.encodebytes(EICAR)  # the fake clamd reads no base64: it knows the bytes of the test file alone
TWO_ENCODINGS = (
    HEADER
    + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: text/plain\n"
    + b"Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n"
    + _IN_BASE64
    + b"--b--\n"
)
TWO_BOUNDARIES = (
    HEADER
    + b"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\ntext\n--a--\n"
    + b"--b\nContent-Transfer-Encoding: base64\n\n"
    + _IN_BASE64
    + b"--b--\n"
)
ONE_READING = (
    HEADER
    + b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n"
    + _IN_BASE64
    + b"--b--\n"
)


def fail_on_parts(conversation: Conversation) -> None:
    """Scan what has a header."""
    if conversation.read_command() == "VERSION":
        conversation.say(VERSION)
    elif EICAR in (stream := conversation.read_stream()):
        conversation.say(b"stream: Eicar-Test-Signature FOUND\0")
    else:
        conversation.say(b"stream: OK\0" if stream.startswith(HEADER) else b"stream: heap ERROR\0")


def judge(clamd: FakeClamd, raw: bytes) -> Verdict:
    with live_service(**asking(clamd)) as service, service.client() as client:
        return decode_verdict(post(client, raw).content)


def status_of(verdict: Verdict, name: str) -> InspectorStatus | None:
    return next((one.status for one in verdict.inspectors if one.name == name), None)


@pytest.mark.parametrize("raw", [TWO_ENCODINGS, TWO_BOUNDARIES], ids=["two encodings", "two boundaries"])
def test_a_virus_that_one_reading_shows_is_a_virus(raw: bytes) -> None:
    with FakeClamd(scan) as clamd:
        verdict = judge(clamd, raw)

    assert verdict.destiny is Destiny.REJECT
    assert verdict.decided_by.category == "virus"
    assert {finding.name for finding in verdict.findings if finding.part} >= {"Eicar-Test-Signature"}
    assert status_of(verdict, "clamd") is InspectorStatus.CLEAN
    assert status_of(verdict, "readings") is InspectorStatus.HIT


@pytest.mark.parametrize("raw", [TWO_ENCODINGS, TWO_BOUNDARIES], ids=["two encodings", "two boundaries"])
def test_a_name_that_only_gives_points_gives_them_in_any_reading(raw: bytes) -> None:
    with FakeClamd(scan) as clamd:
        virus = Virus(
            engines=(ClamdSetting(kind="clamd", address=clamd.address),),
            spam_scores=(SpamScoreSetting(names="^Eicar", score=20),),
        )
        with live_service(virus=virus) as service, service.client() as client:
            verdict = decode_verdict(post(client, raw).content)

    assert verdict.decided_by.category == "spam"
    assert verdict.spam.tests == ("AV:Eicar-Test-Signature=20",)
    assert status_of(verdict, "readings") is InspectorStatus.HIT


@pytest.mark.parametrize("raw", [CLEAN, ONE_READING], ids=["clean", "one reading"])
def test_a_message_with_one_reading_is_asked_about_once(raw: bytes) -> None:
    with FakeClamd(scan) as clamd:
        verdict = judge(clamd, raw)

        assert clamd.streams.count(raw) == 1
        assert not [stream for stream in clamd.streams if stream not in (raw, EICAR)]
    assert status_of(verdict, "readings") is None


def test_an_engine_that_fails_on_a_part_has_not_looked() -> None:
    with FakeClamd(fail_on_parts) as clamd:
        verdict = judge(clamd, TWO_ENCODINGS)

    assert verdict.destiny is Destiny.TEMPFAIL
    assert not verdict.complete
    assert status_of(verdict, "clamd") is InspectorStatus.CLEAN
    assert status_of(verdict, "readings") is InspectorStatus.NOT_DONE
    assert [finding.part for finding in verdict.findings if finding.sub_category == "not_done"] == ["1"]
