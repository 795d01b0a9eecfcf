"""Facts are kept as JSON, all of them, and what is no such JSON is refused with its place."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from scanner_service.judge.facts import Facts
from scanner_service.judge.facts_codec import decode_facts, encode_facts
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.scanner_service.judge.facts_of_chance import facts_of_chance
from tests.scanner_service.judge.policies import MAIL_ID, VIRUS, envelope_to
from verdict_api.json_fields import CodecError

NEVER = SpamScore("rspamd", 3.5, ("A",), None, SpamLevels(math.inf, math.inf), math.inf)
FACTS = Facts(MAIL_ID, envelope_to("bob@example.com"), 4022, (VIRUS,), NEVER)


@settings(max_examples=150)
@given(facts_of_chance)
def test_facts_are_read_as_they_were_written(facts: Facts) -> None:
    written = encode_facts(facts)

    assert written.isascii()
    assert decode_facts(written) == facts


def test_a_level_that_is_never_reached_stays_one() -> None:
    spam = decode_facts(encode_facts(FACTS)).spam

    assert spam is not None
    assert spam.levels.kill == math.inf


@pytest.mark.parametrize("score", [math.inf, -math.inf, 0.0, -0.5, 1e300])
def test_a_score_stays_what_it_is(score: float) -> None:
    told = SpamScore("spamd", score, (), None, SpamLevels(), 5.0)

    spam = decode_facts(encode_facts(Facts(MAIL_ID, envelope_to(), spam=told))).spam

    assert spam == told


def test_what_is_no_number_stays_none() -> None:
    odd = SpamScore("spamd", math.nan, (), None, SpamLevels(), 5.0)

    spam = decode_facts(encode_facts(Facts(MAIL_ID, envelope_to(), spam=odd))).spam

    assert spam is not None
    assert math.isnan(spam.score)


def test_what_says_nothing_takes_no_room() -> None:
    finding = Finding(ContentCategory.BAD_HEADER, "bad_header", "8bit")

    fields = json.loads(encode_facts(Facts(MAIL_ID, envelope_to(), findings=(finding,))))

    assert set(fields) == {"mail_id", "envelope", "size", "findings"}
    assert set(fields["findings"][0]) == {"category", "inspector", "name"}


def test_fields_of_later_versions_are_passed_over() -> None:
    fields = json.loads(encode_facts(FACTS))
    fields["new"] = fields["findings"][0]["new"] = fields["envelope"]["new"] = {"a": 1}

    assert decode_facts(json.dumps(fields)) == FACTS


def _without(name: str) -> Callable[[Any], object]:
    return lambda fields: fields.pop(name)


def _with(path: str, value: object) -> Callable[[Any], object]:
    def change(fields: Any) -> None:
        *above, last = path.split(".")
        for name in above:
            fields = fields[int(name) if name.isdigit() else name]
        fields[last] = value

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without("mail_id"), "facts.mail_id: want a string, got nothing"),
        (_without("envelope"), "facts.envelope: want an object, got None"),
        (_with("envelope.recipients", []), "facts.envelope.recipients: want at least one recipient, got none"),
        (_with("size", -1), "facts.size: want a whole number from 0, got -1"),
        (_with("size", "4022"), "facts.size: want a whole number from 0, got '4022'"),
        (_with("findings", {}), "facts.findings: want a list, got {}"),
        (_with("findings.0.category", "viruses"), "facts.findings[0].category: want one of clean, oversized, "),
        (_with("findings.0.sub_category", "9bit"), "facts.findings[0].sub_category: want one of mime, 8bit, "),
        (_with("findings.0.check", "x\udc80"), "facts.findings[0].check: want one of "),
        (_with("findings.0.hides", 1), "facts.findings[0].hides: want true or false, got 1"),
        (_with("findings.0.name", "\ud800"), "facts.findings[0].name: want text, or bytes as "),
        (_with("spam.kill", "much"), "facts.spam.kill: want a number, got 'much'"),
        (_with("spam.category", ""), "facts.spam.category: want one of "),
        (_with("spam_points", [{"name": "A"}]), "facts.spam_points[0].score: want a number, got nothing"),
        (_with("token", 5), "facts.token: want a string, got 5"),
    ],
)
def test_what_are_no_facts_is_refused_with_its_place(spoil: Callable[[Any], object], said: str) -> None:
    fields = json.loads(encode_facts(FACTS))
    spoil(fields)

    with pytest.raises(CodecError) as refusal:
        decode_facts(json.dumps(fields))

    assert str(refusal.value).startswith(said)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"size": NaN}', "\ud800"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(CodecError, match=r"^facts: want "):
        decode_facts(text)
