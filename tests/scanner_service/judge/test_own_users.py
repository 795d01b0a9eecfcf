"""Whose mail it is, and what holds for the mail of own users."""

import pytest

from scanner_service.judge.destiny import judge
from scanner_service.judge.own_users import DEFAULT, OWN_USERS, Policy, policy_of
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import Destiny

MAIL_ID = "b7kQ2sX9aLmP"


def envelope(*, user: str | None = None, relay: bool = False, source: str = "smtp") -> Envelope:
    return Envelope(
        "a@example.net", (Recipient("b@example.com"),), authenticated_user=user, relay_client=relay, source=source
    )


@pytest.mark.parametrize(
    ("sent", "policy"),
    [
        (envelope(), DEFAULT),
        (envelope(user="anna", source="authsmtp"), OWN_USERS),
        (envelope(relay=True), OWN_USERS),
        (envelope(source="local"), DEFAULT),
        (envelope(source="authsmtp"), DEFAULT),
    ],
)
def test_an_own_user_has_logged_in_or_is_relayed_for(sent: Envelope, policy: Policy) -> None:
    assert policy_of(sent) is policy


@pytest.mark.parametrize(
    ("category", "sub_category", "destiny"),
    [
        (ContentCategory.SPAM, None, Destiny.PASS),
        (ContentCategory.SPAMMY, None, Destiny.PASS),
        (ContentCategory.BAD_HEADER, SubCategory.LONG, Destiny.PASS),
        (ContentCategory.VIRUS, None, Destiny.REJECT),
        (ContentCategory.BANNED, None, Destiny.REJECT),
        (ContentCategory.UNCHECKED, SubCategory.NOT_DONE, Destiny.TEMPFAIL),
        (ContentCategory.UNCHECKED, SubCategory.UNDECODABLE, Destiny.REJECT),
    ],
)
def test_spam_of_own_users_passes_and_all_else_is_as_for_all(
    category: ContentCategory, sub_category: SubCategory | None, destiny: Destiny
) -> None:
    finding = Finding(category, "x", "seen", sub_category)

    judgement = judge([finding], MAIL_ID, OWN_USERS.destinies)

    assert judgement.destiny is destiny
    if category is not ContentCategory.SPAM:
        assert judgement == judge([finding], MAIL_ID)


def test_only_the_mail_of_own_users_gets_no_tags() -> None:
    assert (DEFAULT.tags, OWN_USERS.tags) == (True, False)
    assert (DEFAULT.name, OWN_USERS.name) == ("default", "own_users")
