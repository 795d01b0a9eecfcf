"""What follows from a finding beside its destiny, and what does not: marks, notices, and mail of own users."""

from dataclasses import replace

import pytest

from scanner_service.judge.judge_message import not_kept
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.scanner_service.judge.policies import (
    BANNED,
    EIGHT_BIT,
    MAIL_ID,
    NOT_DONE,
    VIRUS,
    envelope_to,
    judged,
)
from verdict_api.envelope import Recipient
from verdict_api.verdict import Destiny

SPAM = SpamScore("spamd", 7.5, (), None, SpamLevels(), 5.0)
MARKS = "destinies.spam = 'pass'\nspam_levels.tag2 = 5\n[subject_tags]\nspammy = '[SPAM?]'\nbad_header = '[BAD]'\n"
OF_CRON = envelope_to("ann@example.com", source="local")


@pytest.mark.parametrize("observe", ["true", "['spammy', 'bad_header']"])
def test_what_a_policy_only_observes_marks_no_mail(observe: str) -> None:
    judgement = judged(f"observe = {observe}\n{MARKS}", EIGHT_BIT, spam=SPAM)

    assert (judgement.tags.is_spam, judgement.tags.subject_tag) == (False, "")
    assert judgement.tags.spam.score == 7.5


def test_what_a_rule_only_observes_marks_no_mail() -> None:
    observed = replace(BANNED, observed=True)

    judgement = judged("[subject_tags]\nbanned = '[FILE]'\n", observed)

    assert (judgement.destiny, judgement.tags.subject_tag) == (Destiny.PASS, "")


def test_a_host_that_observes_has_its_mail_marked() -> None:
    judgement = judged(MARKS, EIGHT_BIT, spam=SPAM, to=envelope_to(observe=True))

    assert (judgement.tags.is_spam, judgement.tags.subject_tag) == (True, "[SPAM?]")


def test_an_administrator_is_told_of_mail_that_nobody_else_knows_of() -> None:
    assert judged("", VIRUS, to=OF_CRON).notice_due


def test_no_administrator_is_told_of_mail_that_its_sender_sends_again() -> None:
    to = envelope_to("ann@example.com", "bob@example.com", source="local")
    policy = "bypass.banned = ['bob@example.com']\nlovers.virus = ['bob@example.com']\n"

    judgement = judged(policy, BANNED, NOT_DONE, to=to)

    assert [one.destiny for one in judgement.recipients] == [Destiny.REJECT, Destiny.TEMPFAIL]
    assert not judgement.notice_due


def test_no_administrator_is_told_of_mail_of_which_no_copy_could_be_kept() -> None:
    assert not not_kept(judged("", VIRUS, to=OF_CRON), MAIL_ID).notice_due


def test_no_administrator_is_told_of_a_probe() -> None:
    assert not judged("", VIRUS, to=replace(OF_CRON, probe=True)).notice_due


@pytest.mark.parametrize("kill", [7, 12])
def test_mail_of_own_users_goes_where_they_have_sent_it(kill: int) -> None:
    policy = f"""
spam_levels = {{ tag2 = 5, tag3 = 7, kill = {kill} }}
redirect = {{ spam = "junk@example.com", spammy = "junk@example.com", "spammy.tag3" = "junk@example.com" }}
address_extension = {{ spam = "+spam", spammy = "+spam", "spammy.tag3" = "+spam" }}
"""
    to = envelope_to(Recipient("bob@example.com", local=True), authenticated_user="ann")

    judgement = judged(policy, spam=SPAM, to=to)

    assert judgement.recipients[0].categories == ("spam" if kill == 7 else "spammy.tag3",)
    assert judgement.recipients[0].replaced_by is None
