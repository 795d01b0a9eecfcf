"""What is kept of a judged message can be read again, all of it."""

from dataclasses import replace

import pytest

from scanner_service.judge.facts import Facts
from scanner_service.judge.kept_decision import KeptDecision, KeptRecipient, decision_of
from scanner_service.judge.record_codec import decode_record, record_of
from scanner_service.model.judgement import TagFacts
from tests.scanner_service.judge.policies import BANNED, EIGHT_BIT, MAIL_ID, VIRUS, book_of, envelope_to, judged
from verdict_api.json_fields import CodecError
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny

OK = SmtpReply(200, "2.0.0", f"Ok, id={MAIL_ID}")
FACTS = Facts(MAIL_ID, envelope_to(), 4022, (BANNED, EIGHT_BIT))
POLICY = """
redirect.banned = "held@{domain}"
copy_to.banned = "watch@example.com"
subject_tags.bad_header = "[ODD]"
"""


def test_a_record_holds_the_facts_and_all_of_the_decision() -> None:
    judgement = judged(POLICY, BANNED, EIGHT_BIT)

    read = decode_record(record_of(FACTS, judgement, "7f3a"))

    assert read.facts == FACTS
    assert read.decision == KeptDecision(
        destiny=Destiny.PASS,
        reply=OK,
        recipients=(
            KeptRecipient(
                "bob@example.com",
                Destiny.PASS,
                "held@example.com",
                "destinies.banned",
                ("banned", "bad_header.8bit"),
            ),
        ),
        added_recipients=("watch@example.com",),
        subject_tag="[ODD]",
        policy_version="7f3a",
    )


def test_a_record_holds_what_would_have_been() -> None:
    judgement = judged("observe = true", VIRUS)

    would_be = decode_record(record_of(FACTS, judgement, "7f3a")).decision.would_be

    assert would_be is not None
    assert (would_be.destiny, would_be.reply.code, would_be.policy_version) == (Destiny.REJECT, 550, "7f3a")


@pytest.mark.parametrize(("wanted", "kept"), [(True, (True, "[S]")), (False, (False, ""))])
def test_mail_whose_header_stays_as_it_is_is_kept_as_not_marked(wanted: bool, kept: tuple[bool, str]) -> None:
    tags = TagFacts(wanted=wanted, is_spam=True, subject_tag="[S]")

    decision = decision_of(replace(judged(book_of()), tags=tags), "7f3a")

    assert (decision.is_spam, decision.subject_tag) == kept


def test_a_decision_without_more_has_nothing_but_that() -> None:
    plain = KeptDecision(destiny=Destiny.PASS, reply=OK, recipients=())

    assert (plain.added_recipients, plain.is_spam, plain.subject_tag, plain.policy_version) == ((), False, "", "")
    assert plain.would_be is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"facts": {}, "decision": {}}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(CodecError, match="record"):
        decode_record(text)
