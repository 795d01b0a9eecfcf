"""A bank for those who log in under some names, which may be addresses or not."""

import pytest

from tests.scanner_service.judge.policies import VIRUS, book_of, envelope_to, judged

BOOK = book_of(
    """
[banks.writers]
when = { authenticated_users = ["!web.admin", "ann", "john.doe", "eve@example.org", "example.net", ".example.com"] }
"""
)


@pytest.mark.parametrize(
    ("user", "is_writer"),
    [
        ("ann", True),
        ("Ann", True),
        ("ann@example.edu", True),
        ("bob@ann", False),
        ("john.doe", True),
        ("john.doe@example.edu", True),
        ("doe", False),
        ("eve", False),
        ("eve@example.org", True),
        ("bob@example.org", False),
        ("bob@example.net", True),
        ("bob@mail.example.com", True),
        ("web.admin", False),
        ("web.admin@example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_a_name_is_one_of_the_list(user: str | None, is_writer: bool) -> None:
    judgement = judged(BOOK, VIRUS, to=envelope_to(authenticated_user=user))

    assert ("writers" in judgement.decided_by.policy.split("/")) is is_writer
