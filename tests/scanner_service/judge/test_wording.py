"""Replies, alerts and subject tags in the words of administrators."""

import pytest

from scanner_service.judge.policy_reader import PolicyError
from scanner_service.judge.text_variables import message_variables
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.judgement import TagFacts
from scanner_service.model.spam_points import SpamPoints
from tests.scanner_service.judge.policies import (
    BANNED,
    EIGHT_BIT,
    ENCRYPTED,
    MAIL_ID,
    NOT_DONE,
    VIRUS,
    book_of,
    envelope_to,
    judged,
)
from tests.scanner_service.messages import CLEAN, message_of
from verdict_api.verdict import Destiny

BUILT_IN = f"550 5.7.1 Message content rejected, id={MAIL_ID} - BANNED: setup.exe"


@pytest.mark.parametrize(
    ("policy", "finding", "reply"),
    [
        ("replies.banned = \"No {{ banned | join(', ') }} here\"", BANNED, "550 5.7.1 No setup.exe here"),
        ('replies.virus = "No {{ viruses | first }} here"', BANNED, BUILT_IN),
        ('replies.unchecked = "Later"', NOT_DONE, "451 4.7.1 Later"),
        ('replies."unchecked.not_done" = "Soon"\nreplies.unchecked = "Later"', NOT_DONE, "451 4.7.1 Soon"),
        ('replies.banned = { "eve@" = "Not Eve", "." = "Nobody" }', BANNED, "550 5.7.1 Nobody"),
        (
            'replies.banned = "{{ recipient }} {{ destiny }} {{ rule }}"',
            BANNED,
            "550 5.7.1 bob@example.com reject destinies.banned",
        ),
        ('replies.banned = "{{ spam_bar }}"', BANNED, BUILT_IN),  # nobody scored: nothing to say
    ],
)
def test_a_refusal_has_the_words_of_the_policy_and_the_codes_of_its_kind(
    policy: str, finding: Finding, reply: str
) -> None:
    judgement = judged(policy, finding)

    assert str(judgement.reply) == reply
    assert str(judgement.recipients[0].reply) == reply


def test_what_a_stranger_wrote_breaks_no_line_of_a_reply() -> None:
    virus = Finding(ContentCategory.VIRUS, "clamd", "a\r\n250 ok")

    reply = judged('replies.virus = "Found {{ viruses | first }}"', virus).reply

    assert reply.text == r"Found a\x0d\x0a250 ok"


def test_who_is_refused_only_as_others_are_gets_the_built_in_words() -> None:
    policy = 'lovers.banned = ["bob@example.com"]\nmixed.banned = "strictest"\nreplies.banned = "Not by mail"'

    judgement = judged(policy, BANNED, to=envelope_to("bob@example.com", "eve@example.com"))

    assert [str(one.reply) for one in judgement.recipients] == [
        f"550 5.7.1 Message content rejected, id={MAIL_ID} - policy",
        "550 5.7.1 Not by mail",
    ]


@pytest.mark.parametrize(("length", "text"), [(400, "x" * 400), (401, "x" * 397 + "...")])
def test_a_reply_has_at_most_four_hundred_characters(length: int, text: str) -> None:
    virus = Finding(ContentCategory.VIRUS, "clamd", "x" * length)

    assert judged('replies.virus = "{{ viruses | first }}"', virus).reply.text == text


def test_a_reply_may_name_what_is_in_the_message() -> None:
    values = message_variables(message_of(CLEAN), 0.0)

    reply = judged('replies.virus = "{{ mail_id }}: {{ subject }}"', VIRUS, values=values).reply

    assert reply.text.startswith(f"{message_of(CLEAN).mail_id}: ")


def test_mail_that_is_taken_is_answered_as_always() -> None:
    judgement = judged('replies.virus = "No"\ndestinies.virus = "discard"', VIRUS)

    assert str(judgement.reply) == f"200 2.0.0 Ok, id={MAIL_ID}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ viruses.__init__.__globals__ }}",
        "{% for a in viruses %}{% for b in viruses %}{% for c in viruses %}x{% endfor %}{% endfor %}{% endfor %}",
        "{{ range(10 ** 9) }}",
        "{{ reply }}",
        "{% include 'x' %}",
        "{{ nonsense }}",
    ],
)
@pytest.mark.parametrize("setting", ["replies", "alerts", "subject_tags"])
def test_a_template_that_asks_for_more_than_there_is_is_refused_with_its_place(setting: str, text: str) -> None:
    with pytest.raises(PolicyError) as raised:
        book_of(f'{setting}.virus = "{text}"')

    assert str(raised.value).startswith(f"policy.{setting}.virus: the template, line 1: ")


def tags_of(policy: str, *findings: Finding, score: float = 0.0) -> TagFacts:
    points = (SpamPoints("A", score),) if score else ()
    return judged(policy, *findings, spam_points=points).tags


def test_an_alert_says_what_the_policy_wants_said_of_each_category_once() -> None:
    policy = 'alerts.bad_header = "Odd header ({{ sub_category }})"\nalerts.unchecked = "Not looked at"'

    assert tags_of(policy, ENCRYPTED, EIGHT_BIT, EIGHT_BIT).alert == "Not looked at; Odd header (8bit)"
    assert tags_of(policy).alert == ""
    assert tags_of("", EIGHT_BIT).alert == ""


@pytest.mark.parametrize(("length", "alert"), [(397, "x" * 397 + "; y"), (400, "x" * 400), (401, "x" * 397 + "...")])
def test_alerts_have_at_most_four_hundred_characters_in_all(length: int, alert: str) -> None:
    policy = f'alerts.unchecked = "{"x" * length}"\nalerts.bad_header = "y"'

    assert tags_of(policy, ENCRYPTED, EIGHT_BIT).alert == alert


@pytest.mark.parametrize(
    ("policy", "score", "tag"),
    [
        ('subject_tags.spammy = "[SPAM?]"', 6.0, "[SPAM?]"),
        ('subject_tags.spammy = "[SPAM {{ spam_score }}]"', 6.0, "[SPAM 6.0]"),
        ('subject_tags.spammy = "[{{ rule }}{{ destiny }}]"', 6.0, "[pass]"),
        ('subject_tags.spammy = "[SPAM?]"', 1.0, ""),
        ('subject_tags."spammy.tag3" = "[SPAM!]"\nspam_levels.tag3 = 8', 8.0, "[SPAM!]"),
        ('subject_tags.spammy = { "eve@" = "[SPAM?]" }', 6.0, ""),
    ],
)
def test_a_subject_tag_is_that_of_the_worst_category_that_has_one(policy: str, score: float, tag: str) -> None:
    assert tags_of(policy, EIGHT_BIT, score=score).subject_tag == tag


def test_recipients_who_want_different_tags_get_none() -> None:
    policy = 'subject_tags.spammy = { "eve@" = "[EVE]", "." = "[ALL]" }'
    points = (SpamPoints("A", 6.0),)

    both = judged(policy, to=envelope_to("bob@example.com", "eve@example.com"), spam_points=points)
    one = judged(policy, to=envelope_to("eve@example.com"), spam_points=points)

    assert (both.tags.subject_tag, one.tags.subject_tag) == ("", "[EVE]")


def test_a_bounce_carries_the_words_to_the_sender() -> None:
    policy = 'replies.banned = "Not by mail"\ndestinies.banned = "bounce"\nbounces = true'

    (recipient,) = judged(policy, BANNED).recipients

    assert (recipient.destiny, str(recipient.reply)) == (Destiny.BOUNCE, "550 5.7.1 Not by mail")


def test_a_subject_tag_has_at_most_a_hundred_characters() -> None:
    assert tags_of(f'subject_tags.spammy = "{"x" * 100}"', score=6.0).subject_tag == "x" * 100
    with pytest.raises(PolicyError, match="want at most 100 characters in one line"):
        book_of(f'subject_tags.spammy = "{"x" * 101}"')


def test_a_tag_of_a_template_is_cut_at_a_hundred_characters() -> None:
    policy = 'subject_tags.spammy = "{{ spam_tests | join }}"'
    points = (SpamPoints("x" * 300, 6.0),)

    tag = judged(policy, spam_points=points).tags.subject_tag

    assert tag == "x" * 97 + "..."
