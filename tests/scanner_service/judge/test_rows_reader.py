"""Rows of a database make the policy that the same words in the settings would make."""

import pytest

from scanner_service.judge.rows_reader import policy_of_rows
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.storage.policy_rows import PolicyRow
from tests.scanner_service.judge.policies import BANNED, EIGHT_BIT, VIRUS, book_of, envelope_to, judged
from verdict_api.verdict import Destiny

ANN, BOB = "ann@example.com", "bob@example.com"
STRICT = Finding(ContentCategory.BANNED, "banned", "x.zip", rule="strict: archives")


def destiny_under(rows: list[PolicyRow], *findings: Finding, to: str = ANN, **facts: object) -> Destiny:
    policy, faults = policy_of_rows(rows, ("default", "strict"))
    assert faults == ()
    envelope = envelope_to(to, sender="x@news.example")
    return judged(book_of(rows=policy), *findings, to=envelope, **facts).recipients[0].destiny


@pytest.mark.parametrize(
    ("row", "finding", "ann", "bob"),
    [
        (PolicyRow("destinies.virus", ANN, None, "discard"), VIRUS, Destiny.DISCARD, Destiny.REJECT),
        (PolicyRow("destinies.virus", ".", None, " discard "), VIRUS, Destiny.DISCARD, Destiny.DISCARD),
        (PolicyRow("lovers.virus", ANN, None, "Y"), VIRUS, Destiny.PASS, Destiny.REJECT),
        (PolicyRow("lovers.virus", ANN, None, "yes"), VIRUS, Destiny.PASS, Destiny.REJECT),
        (PolicyRow("lovers.virus", ANN, None, "true"), VIRUS, Destiny.PASS, Destiny.REJECT),
        (PolicyRow("lovers.virus", ANN, None, "N"), VIRUS, Destiny.REJECT, Destiny.REJECT),
        (PolicyRow("bypass.virus", ANN, None, "no"), VIRUS, Destiny.REJECT, Destiny.REJECT),
        (PolicyRow("bypass.virus", ANN, None, "false"), VIRUS, Destiny.REJECT, Destiny.REJECT),
        (PolicyRow("destinies.bad_header.8bit", ANN, None, "reject"), EIGHT_BIT, Destiny.REJECT, Destiny.PASS),
        (PolicyRow("banned_rule_set", ANN, None, "strict"), STRICT, Destiny.REJECT, Destiny.PASS),
        (PolicyRow("black_senders", ANN, "news.example", "Y"), EIGHT_BIT, Destiny.REJECT, Destiny.PASS),
        (PolicyRow("sender_scores", ANN, "news.example", "12.5"), EIGHT_BIT, Destiny.REJECT, Destiny.PASS),
        (PolicyRow("sender_scores", ANN, "news.example", "11.5"), EIGHT_BIT, Destiny.PASS, Destiny.PASS),
    ],
)
def test_a_row_holds_for_its_key(row: PolicyRow, finding: Finding, ann: Destiny, bob: Destiny) -> None:
    assert (destiny_under([row], finding), destiny_under([row], finding, to=BOB)) == (ann, bob)


@pytest.mark.parametrize(("size", "destiny"), [(70_000, Destiny.PASS), (70_001, Destiny.REJECT)])
def test_a_size_is_a_number(size: int, destiny: Destiny) -> None:
    assert destiny_under([PolicyRow("message_size_limit", ANN, None, "70000")], size=size) is destiny


def test_of_two_rows_with_one_key_the_first_holds() -> None:
    rows = [PolicyRow("destinies.virus", ANN, None, value) for value in ("discard", "pass")]

    assert destiny_under(rows, VIRUS) is Destiny.DISCARD


def test_rows_with_several_keys_make_one_table() -> None:
    rows = [
        PolicyRow("destinies.virus", ANN, None, "discard"),
        PolicyRow("destinies.virus", BOB, None, "pass"),
        PolicyRow("destinies.banned", BOB, None, "discard"),
    ]

    assert destiny_under(rows, VIRUS) is Destiny.DISCARD
    assert destiny_under(rows, VIRUS, to=BOB) is Destiny.PASS
    assert destiny_under(rows, BANNED, to=BOB) is Destiny.DISCARD


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (PolicyRow("destinys.virus", ANN, None, "pass"), "sql.destinys: unknown setting; did you mean 'destinies'?"),
        (PolicyRow("destinies.viruses", ANN, None, "pass"), "sql.destinies.viruses: there is no 'viruses' here"),
        (PolicyRow("destinies.virus", ANN, None, "drop"), f"sql.destinies.virus.{ANN}: want pass, reject, bounce"),
        (
            PolicyRow("destinies.virus", "*@example.com", None, "pass"),
            "sql.destinies.virus.*@example.com: want user@",
        ),
        (
            PolicyRow("message_size_limit", ANN, None, "100"),
            f"sql.message_size_limit.{ANN}: want at least 65536, got 100",
        ),
        (PolicyRow("banned_rule_set", ANN, None, "lax"), f"sql.banned_rule_set.{ANN}: there is no rule set 'lax'"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_and_the_others_hold(row: PolicyRow, fault: str) -> None:
    good = PolicyRow("destinies.banned", ANN, None, "discard")

    policy, faults = policy_of_rows([row, good], ("default",))

    assert [str(one).startswith(fault) for one in faults] == [True], faults
    assert judged(book_of(rows=policy), BANNED, to=envelope_to(ANN)).recipients[0].destiny is Destiny.DISCARD


def test_a_recipient_is_not_taken_for_a_category() -> None:
    rows = [
        PolicyRow("destinies", "virus", None, "pass"),
        PolicyRow("destinies.virus", ANN, None, "discard"),
    ]

    policy, faults = policy_of_rows(rows, ("default",))

    assert len(policy.destinies["virus"].tables) == 1
    assert [str(fault).partition(";")[0] for fault in faults] == ["sql.destinies.: there is no '' here"]
