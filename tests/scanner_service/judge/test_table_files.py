"""Files of keys that a policy names: those of amavisd-new's read_hash and read_array, as they are."""

from pathlib import Path

import pytest

from scanner_service.judge.book_reader import PolicySource, read_book
from scanner_service.judge.policy_bank import Traffic
from scanner_service.judge.policy_reader import PolicyError
from scanner_service.judge.recipient_policy import RecipientPolicy
from tests.scanner_service.judge.policies import envelope_to

LIMITS = """\
# how large a message may be
fax@example.com 70000
\t
.example.com\t 80000   # everybody else
odd#name@example.org 90000
Fax@example.com 1000000
"""
LOVERS = """\
!boss@lab.example.com   # not him
.lab.example.com

   # and those
ann@example.com
"""


def policy_of(written: dict[str, object], text: str, address: str) -> RecipientPolicy:
    """What a policy that names this file says for a recipient."""

    def read_file(path: Path) -> str:
        assert path == Path("/tables/one")
        return text

    book = read_book(PolicySource(built_in={}, written=written, read_file=read_file))
    envelope = envelope_to(address)
    return RecipientPolicy.of(book.policy_for(Traffic(envelope)), envelope.recipients[0])


@pytest.mark.parametrize(
    ("address", "limit"),
    [
        ("fax@example.com", 70000),
        ("bob@example.com", 80000),
        ("bob@sub.example.com", 80000),
        ("odd#name@example.org", 90000),
        ("bob@example.org", None),
    ],
)
def test_a_file_has_a_key_and_its_value_in_each_line(address: str, limit: int | None) -> None:
    policy = policy_of({"message_size_limit": [{"file": "/tables/one"}]}, LIMITS, address)

    found = policy.size_limit()

    assert (found.value if found else None) == limit


@pytest.mark.parametrize(
    ("address", "loves"),
    [
        ("boss@lab.example.com", False),
        ("bob@lab.example.com", True),
        ("ann@example.com", True),
        ("bob@example.com", False),
    ],
)
def test_a_file_of_true_and_false_is_a_list(address: str, loves: bool) -> None:
    policy = policy_of({"lovers": {"virus": [{"file": "/tables/one"}]}}, LOVERS, address)

    assert (policy.loves("virus") is not None) is loves


def test_a_line_that_cannot_be_used_is_told_with_its_number() -> None:
    limits: dict[str, object] = {"message_size_limit": [{"file": "/tables/one"}]}
    lovers: dict[str, object] = {"lovers": {"virus": [{"file": "/tables/one"}]}}

    with pytest.raises(PolicyError, match=r"/tables/one, line 2: want a whole number, got 'much'"):
        policy_of(limits, "ann@example.com 70000\nbob@example.com much # too\n", "bob@example.com")
    with pytest.raises(PolicyError, match=r"/tables/one, line 1: want one address or domain, got 'ann@"):
        policy_of(lovers, "ann@example.com 1 # yes\n", "ann@example.com")
