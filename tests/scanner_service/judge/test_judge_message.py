"""From facts to a judgement: each recipient's own fate, and one answer for all of them."""

from dataclasses import replace

from scanner_service.model.judgement import Judgement, TagFacts
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.scanner_service.judge.policies import EIGHT_BIT, MAIL_ID, envelope_to, judged
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import DecidedBy, Destiny, RecipientVerdict, SpamReport

OK = SmtpReply(200, "2.0.0", f"Ok, id={MAIL_ID}")
TAG_LEVEL = "spam_levels.tag = 1\n"
HAM = SpamScore("spamd", 1.5, ("BAYES_00",), None, SpamLevels(), 5.0)


def test_everybody_gets_a_message_in_which_nothing_was_found() -> None:
    to = envelope_to("bob@example.com", "carol@example.com")

    judgement = judged(TAG_LEVEL, to=to, spam=HAM)

    assert judgement == Judgement(
        destiny=Destiny.PASS,
        reply=OK,
        decided_by=DecidedBy("clean", None, "default", ""),
        recipients=tuple(
            RecipientVerdict(address, Destiny.PASS, (), "default", OK)
            for address in ("bob@example.com", "carol@example.com")
        ),
        spam=SpamReport(1.5, ("BAYES_00",)),
        tags=TagFacts(spam=SpamReport(1.5, ("BAYES_00",)), required=5.0, tag_level=1.0),
    )


def test_a_finding_that_nothing_follows_from_changes_nothing_else() -> None:
    clean = judged(TAG_LEVEL, spam=HAM)

    passed = judged(TAG_LEVEL, EIGHT_BIT, spam=HAM)

    assert passed.findings == (EIGHT_BIT,)
    assert [one.categories for one in passed.recipients] == [("bad_header.8bit",)]
    assert (passed.destiny, passed.reply, passed.decided_by, passed.spam, passed.tags) == (
        clean.destiny,
        clean.reply,
        clean.decided_by,
        clean.spam,
        replace(clean.tags, findings=(EIGHT_BIT,)),
    )
