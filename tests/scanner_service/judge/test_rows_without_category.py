"""A row whose setting lacks its category is no setting for all recipients."""

from scanner_service.judge.rows_reader import policy_of_rows
from scanner_service.storage.policy_rows import PolicyRow


def test_a_recipient_is_not_taken_for_a_category() -> None:
    rows = [
        PolicyRow("destinies", "virus", None, "pass"),
        PolicyRow("destinies.virus", "ann@example.com", None, "discard"),
    ]

    policy, faults = policy_of_rows(rows, ("default",))

    assert len(policy.destinies["virus"].tables) == 1
    assert [str(fault).partition(";")[0] for fault in faults] == ["sql.destinies.: there is no '' here"]
