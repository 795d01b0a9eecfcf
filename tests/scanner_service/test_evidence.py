"""What a verdict tells of a part, so that others can be asked about it: its digest, and the rule that it breaks."""

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from scanner_service.settings import Banned, BannedRuleSet, BannedRuleSetting
from tests.corpus.evasion.case import message_with
from tests.corpus.evasion.program import PROGRAM
from tests.corpus.evasion.zip_bytes import Member, zip_of
from tests.scanner_service.live_service import live_service, post
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Verdict

LARGE_PROGRAM = PROGRAM.ljust(3 * 2**20, b"\0")  # of which the service gets the beginning


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with live_service() as service, service.client() as client:
        yield client


def judge(client: httpx.Client, raw: bytes, *, parts: bool = False) -> Verdict:
    client.params = httpx.QueryParams(parts="1") if parts else httpx.QueryParams()
    return decode_verdict(post(client, raw).raise_for_status().content)


@pytest.mark.parametrize("program", [PROGRAM, LARGE_PROGRAM], ids=["small", "large"])
def test_a_banned_program_is_told_with_its_digest_wherever_it_lies(client: httpx.Client, program: bytes) -> None:
    inner = zip_of([Member(b"run.exe", program)])

    attached = judge(client, message_with("run.exe", program)).findings
    archived = judge(client, message_with("a.zip", zip_of([Member(b"b.zip", inner)]))).findings

    assert [(one.part, one.sha256) for one in attached] == [("2", digest_of(program))]
    assert [(one.part, one.sha256) for one in archived] == [("2/a.zip/b.zip/run.exe", digest_of(program))]


def test_a_damaged_container_is_told_with_its_own_digest_and_its_broken_member_without(client: httpx.Client) -> None:
    damaged = zip_of([Member(b"notes.txt", b"text" * 1000)])[:60]

    verdict = judge(client, message_with("a.zip", damaged), parts=True)

    assert [(one.part, one.sub_category, one.sha256) for one in verdict.findings] == [
        ("2", "undecodable", digest_of(damaged))
    ]
    assert {one.sha256 for one in verdict.parts if one.path.startswith("2/")} <= {""}


def test_each_part_is_told_with_its_digest(client: httpx.Client) -> None:
    archive = zip_of([Member(b"a.txt", b"first"), Member(b"b.txt", b"second")])

    parts = judge(client, message_with("a.zip", archive), parts=True).parts

    assert {one.path: one.sha256 for one in parts} == {
        "1": digest_of(b"See below."),
        "2": digest_of(archive),
        "2/a.zip/a.txt": digest_of(b"first"),
        "2/a.zip/b.txt": digest_of(b"second"),
    }


def test_the_rule_set_that_holds_is_named_and_no_other_is_tried() -> None:
    no_text = BannedRuleSetting(name="no text", extensions=("txt",))
    no_pictures = BannedRuleSetting(name="no pictures", extensions=("png",))
    banned = Banned(
        rules=(no_pictures,),
        rule_sets={"strict": BannedRuleSet(rules=(no_text,), default_rules=False)},
    )

    policy = {"banned_rule_set": "strict"}
    with live_service(banned=banned, policy=policy) as service, service.client() as client:
        text = judge(client, message_with("a.txt", b"x")).findings
        others = [
            *judge(client, message_with("a.exe", b"x")).findings,
            *judge(client, message_with("a.png", b"x")).findings,
        ]

    assert [(one.name, one.rule) for one in text] == [("a.txt", "strict: no text")]
    assert others == []


def test_a_rule_of_the_settings_may_be_for_what_is_inside_an_archive() -> None:
    rule = BannedRuleSetting(name="archives pass", inside=(".zip",), allow=True)

    with live_service(banned=Banned(rules=(rule,))) as service, service.client() as client:
        archived = judge(client, message_with("a.zip", zip_of([Member(b"run.exe", PROGRAM)])))
        attached = judge(client, message_with("run.exe", PROGRAM))

    assert archived.destiny == "pass"
    assert attached.destiny == "reject"
