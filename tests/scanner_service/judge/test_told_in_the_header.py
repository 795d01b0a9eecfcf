"""The header is one for all who get the message, and tells them nothing that was found for others alone."""

from tests.scanner_service.judge.policies import EIGHT_BIT, VIRUS, envelope_to, judged
from verdict_api.verdict import Destiny

TWO = envelope_to("ann@example.com", "bob@example.com")


def test_what_keeps_the_message_from_one_is_not_told_to_the_other_who_does_not_want_it_looked_for() -> None:
    judgement = judged("bypass.virus = ['ann@example.com']", VIRUS, EIGHT_BIT, to=TWO)

    assert [one.destiny for one in judgement.recipients] == [Destiny.PASS, Destiny.DISCARD]
    assert judgement.findings == (EIGHT_BIT, VIRUS)
    assert judgement.tags.findings == (EIGHT_BIT,)


def test_what_counts_for_one_who_gets_it_is_told_to_all_who_do() -> None:
    judgement = judged("bypass.virus = ['ann@example.com']\nlovers.virus = ['bob@example.com']", VIRUS, to=TWO)

    assert judgement.tags.findings == (VIRUS,)


def test_the_score_in_the_header_is_of_one_who_gets_it() -> None:
    policy = """
sender_scores = { "ann@example.com" = { "." = 20 }, "." = { "." = 7 } }
mixed.spam = "discard"
"""

    judgement = judged(policy, to=TWO)

    assert [one.destiny for one in judgement.recipients] == [Destiny.DISCARD, Destiny.PASS]
    assert judgement.tags.spam.score == 7
