"""What amavisd-new 2.13 did for each recipient, and what we do under the policy that asks for the same.

``golden_destinies.json`` holds what its answer said: ``pass``, ``pass to`` another address (``delrcpt`` with
``addrcpt``), ``reject``, ``bounce`` (taken back from the recipient, and a notice sent to the sender), ``discard``
(the same without a notice). The cases are those of the categories.
"""

import json
import re

import httpx
import pytest

from tests.contract.test_golden_categories import CLAMAV_TESTFILES, HERE, PAGE, SPAM, envelope_of, message_of
from tests.contract.test_golden_categories import DIFFERENCES as OTHER_CATEGORIES
from tests.scanner_service.live_service import post
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import RecipientVerdict

GOLDEN: dict[str, dict[str, str]] = json.loads((HERE / "golden_destinies.json").read_text())

# Case and recipient: what we do, and why.
DIFFERENCES = {
    ("virus-body -> bob+lover", "bob@example.com"): ("discard", "a virus forges its sender: nobody is sent a notice"),
    ("virus-body -> bob+bypass", "bob@example.com"): (
        "discard",
        "a virus forges its sender: nobody is sent a notice",
    ),
}
MOST_DIFFERENCES = 10
NOT_DELIVERED = ("reject", "bounce", "discard")


def outcome(one: RecipientVerdict) -> str:
    return one.destiny.value if one.replaced_by is None else f"{one.destiny} to {one.replaced_by}"


def outcomes(client: httpx.Client, case: str) -> dict[str, str]:
    verdict = decode_verdict(post(client, message_of(case), envelope_of(case)).content)
    return {one.address: outcome(one) for one in verdict.recipients}


def wanted(case: str) -> dict[str, str]:
    return {who: DIFFERENCES.get((case, who), (theirs,))[0] for who, theirs in GOLDEN[case].items()}


def cases(*, spam: bool) -> list[str]:
    return [case for case in GOLDEN if case.startswith(SPAM) is spam and case not in OTHER_CATEGORIES]


@pytest.mark.skipif(not CLAMAV_TESTFILES.is_dir(), reason="needs the Debian package clamav-testfiles")
@pytest.mark.parametrize("case", cases(spam=False))
def test_each_recipient_gets_what_amavis_gave_or_what_is_argued(golden_client: httpx.Client, case: str) -> None:
    assert outcomes(golden_client, case) == wanted(case)


@pytest.mark.parametrize("case", cases(spam=True))
def test_each_recipient_of_spam_gets_what_amavis_gave(golden_client_with_spamd: httpx.Client, case: str) -> None:
    assert outcomes(golden_client_with_spamd, case) == wanted(case)


@pytest.mark.skipif(not CLAMAV_TESTFILES.is_dir(), reason="needs the Debian package clamav-testfiles")
@pytest.mark.parametrize("case", OTHER_CATEGORIES)
def test_a_stricter_category_lets_nothing_through_that_amavis_kept_back(
    golden_client: httpx.Client, case: str
) -> None:
    ours = outcomes(golden_client, case)

    assert all(ours[who] in NOT_DELIVERED for who, theirs in GOLDEN[case].items() if theirs in NOT_DELIVERED)


def test_no_difference_is_laxer_and_they_are_few() -> None:
    assert len(DIFFERENCES) <= MOST_DIFFERENCES
    for (case, who), (ours, why) in DIFFERENCES.items():
        assert ours in NOT_DELIVERED, case
        assert GOLDEN[case][who] in NOT_DELIVERED, case
        assert why


def test_the_page_lists_the_differences() -> None:
    rows = re.findall(r"^\| `([^`]+)` for (\S+) \| (\S+) \| (\S+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)

    assert [((case, who), (ours, why)) for case, who, _, ours, why in rows] == list(DIFFERENCES.items())
    assert [theirs for _, _, theirs, _, _ in rows] == [GOLDEN[case][who] for case, who in DIFFERENCES]
