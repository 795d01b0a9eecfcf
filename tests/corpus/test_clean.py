"""No honest mail is refused, and none is tagged without an argument for it."""

import re
from email import message_from_bytes, policy

import pytest

from tests.corpus.clean import CLEAN_MESSAGES, MESSAGES_OF_CHANCE
from tests.corpus.clean.findings import PAGE, Outcome, as_markdown, judge, with_tables
from tests.corpus.clean.message import CleanMessage

ALL = (*CLEAN_MESSAGES, *MESSAGES_OF_CHANCE)
FEWEST = 150
_ADDRESS = re.compile(rb"@([A-Za-z0-9.\x80-\xff-]*[A-Za-z])")
_RESERVED = re.compile(rb"(?:^|\.)example(?:\.(?:org|net|com))?$", re.IGNORECASE)  # RFC 2606, RFC 6761


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return judge(ALL)


@pytest.mark.parametrize("message", ALL, ids=lambda message: message.name)
def test_no_honest_message_is_refused_or_tagged_without_an_argument(
    message: CleanMessage, outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[message.name]

    assert outcome.findings == message.tagged, message.why
    assert outcome.destiny == "pass"


def test_the_page_shows_what_is_found(outcomes: dict[str, Outcome]) -> None:
    page = PAGE.read_text()

    assert page == with_tables(page, as_markdown(outcomes)), "renew it: python -m tests.corpus.clean --write"


def test_there_are_enough_of_them_and_no_two_are_the_same() -> None:
    built = {message.build() for message in ALL}

    assert len(CLEAN_MESSAGES) >= FEWEST
    assert len({message.name for message in ALL}) == len(ALL)
    assert len(built) == len(ALL)
    assert all(message.why.endswith((".", "!")) for message in ALL)


def test_they_are_the_same_in_every_run() -> None:
    first = [message.build() for message in ALL]

    second = [message.build() for message in ALL]

    assert first == second


def test_each_has_the_fields_of_a_message() -> None:
    for message in CLEAN_MESSAGES:
        parsed = message_from_bytes(message.build(), policy=policy.compat32)

        assert {"from", "date", "subject"} <= {name.lower() for name in parsed}, message.name


def test_nobody_real_is_in_them() -> None:
    headers = b"\n".join(message.build().partition(b"\n\n")[0] for message in CLEAN_MESSAGES)

    domains = set(_ADDRESS.findall(headers))

    assert [domain for domain in domains if not _RESERVED.search(domain)] == []
