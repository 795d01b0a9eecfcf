"""What was judged is judged again under another policy, and told where that decides otherwise."""

import json

import pytest
from hypothesis import given, settings

from scanner_service.judge.facts import Facts
from scanner_service.judge.judge_message import judge_message
from scanner_service.judge.policy_bank import PolicyBook, traffic_of
from scanner_service.judge.record_codec import JudgedRecord, decode_record, record_of
from scanner_service.judge.replay import Aspect, rejudge, replay
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.scanner_service.judge.facts_of_chance import facts_of_chance
from tests.scanner_service.judge.policies import BANNED, EIGHT_BIT, MAIL_ID, VIRUS, book_of, envelope_to
from verdict_api.envelope import Envelope
from verdict_api.json_fields import CodecError

OLD = book_of()
TO_TWO = envelope_to("ann@example.com", "bob@example.com")
TRIAL = Finding(ContentCategory.BANNED, "banned", "x.lnk", rule="default: links", observed=True)
SCORED = SpamScore("spamd", 6.0, ("A",), ContentCategory.SPAMMY, SpamLevels(), 5.0)


def record(facts: Facts, book: PolicyBook = OLD) -> JudgedRecord:
    """Return the record of a message that was judged under a policy, as it comes from the store."""
    judgement = judge_message(facts, book.policy_for(traffic_of(facts)))
    return decode_record(record_of(facts, judgement, book.version))


def mail(*findings: Finding, to: Envelope = TO_TWO, spam: SpamScore | None = None) -> Facts:
    return Facts(MAIL_ID, to, 4022, findings, spam)


@pytest.mark.parametrize(
    ("facts", "draft", "kind", "changed"),
    [
        (mail(VIRUS), 'destinies.virus = "discard"', "reject -> discard", {"destiny", "recipients", "reply"}),
        (mail(VIRUS), 'destinies.virus = "pass"', "reject -> pass", {"destiny", "recipients", "reply", "rule"}),
        (
            mail(VIRUS),
            'lovers.virus = ["ann@example.com"]',
            "reject -> pass",
            {"destiny", "recipients", "reply", "rule"},
        ),
        (
            mail(EIGHT_BIT, to=envelope_to("ann@example.com")),
            'redirect.bad_header = "odd@{domain}"',
            "another replaced by",
            {"replaced_by"},
        ),
        (mail(EIGHT_BIT), 'copy_to.bad_header = "c@example.com"', "another added recipients", {"added_recipients"}),
        (mail(EIGHT_BIT), 'subject_tags.bad_header = "[odd]"', "another tags", {"tags"}),
        (mail(EIGHT_BIT), 'bypass.bad_header = ["."]', "another categories", {"categories"}),
        (mail(BANNED), 'destinies.banned = {"example.com" = "reject"}', "another rule", {"rule"}),
        (mail(BANNED), "observe = true", "reject -> pass", {"destiny", "recipients", "reply", "rule", "would_be"}),
        (mail(spam=SCORED), "spam_levels.tag2 = 7", "another tags", {"tags", "categories"}),
        (mail(TRIAL), 'destinies.banned = "discard"', "would be reject -> would be discard", {"would_be"}),
    ],
)
def test_a_change_says_what_differs(facts: Facts, draft: str, kind: str, changed: set[str]) -> None:
    change = replay(record(facts), book_of(draft))

    assert change is not None
    assert change.mail_id == MAIL_ID
    assert (change.kind, set(change.changed)) == (kind, changed)


def test_recipients_may_fare_otherwise_while_the_message_passes() -> None:
    before = book_of('lovers.virus = ["ann@example.com"]')
    after = book_of('lovers.virus = ["ann@example.com"]\nmixed.virus = "softest"')

    change = replay(record(mail(VIRUS), before), after)

    assert change is not None
    assert change.kind == "discard -> pass, for a recipient"
    assert [one.destiny for one in change.after.recipients] == ["pass", "pass"]


def test_a_changed_message_has_its_gravest_aspect_first() -> None:
    change = replay(record(mail(VIRUS)), book_of('destinies.virus = "pass"'))

    assert change is not None
    assert change.changed == tuple(aspect for aspect in Aspect if aspect in change.changed)
    assert change.changed[0] is Aspect.DESTINY


@settings(max_examples=60)
@given(facts_of_chance)
def test_under_the_policy_that_decided_nothing_changes(facts: Facts) -> None:
    kept = record(facts)

    assert replay(kept, OLD) is None
    assert rejudge(kept, OLD) == kept.decision


def test_the_policy_that_decided_is_not_needed_any_more() -> None:
    kept = record(mail(VIRUS), book_of('destinies.virus = "discard"'))

    change = replay(kept, OLD)

    assert change is not None
    assert (change.before.destiny, change.after.destiny) == ("discard", "reject")
    assert change.before.policy_version != change.after.policy_version == OLD.version


def test_a_bank_is_chosen_by_what_was_kept() -> None:
    kept = record(mail(VIRUS))

    change = replay(kept, book_of('banks.p = {when = {clients = ["192.0.2.0/24"]}, destinies.virus = "discard"}'))

    assert change is not None
    assert change.kind == "reject -> discard"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"facts": None}, "record.facts: want an object, got None"),
        ({"decision": {}}, "record.decision.destiny: want a string, got nothing"),
        ({"decision": {"destiny": "drop"}}, "record.decision.destiny: want one of pass, "),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(spoil: dict[str, object], said: str) -> None:
    facts = mail(VIRUS)
    text = record_of(facts, judge_message(facts, OLD.policy_for(traffic_of(facts))), "v")

    with pytest.raises(CodecError) as refusal:
        decode_record(json.dumps({**json.loads(text), **spoil}))

    assert str(refusal.value).startswith(said)
