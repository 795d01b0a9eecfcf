"""Nobody gets a message twice: not by a redirect, an extension or a copy to who is a recipient already."""

import pytest

from tests.scanner_service.judge.policies import BANNED, envelope_to, judged
from verdict_api.verdict import Destiny

LOVERS = 'lovers.banned = ["."]\n'


@pytest.mark.parametrize(
    ("policy", "recipients", "reached"),
    [
        ("redirect.banned = 'spam@{domain}'", ("ann", "bob"), ["spam"]),
        ("redirect.banned = 'spam@{domain}'", ("ann", "spam"), ["spam"]),
        ("redirect.banned = 'spam@{domain}'", ("spam", "ann"), ["spam"]),
        ("redirect.banned = 'Spam@{domain}'", ("spam", "ann"), ["Spam"]),
        ("redirect.banned = 'spam@{domain}'\ncopy_to.banned = 'SPAM@example.com'", ("ann",), ["spam"]),
        (
            "redirect.banned = { 'ann@' = 'bob@{domain}', 'bob@' = 'ann@{domain}' }",
            ("ann", "bob"),
            ["ann", "bob"],
        ),
        (LOVERS + "address_extension.banned = '-x'", ("ann", "ann-x"), ["ann-x"]),
        (LOVERS + "copy_to.banned = 'Bob@Example.com'", ("ann", "bob"), ["ann", "bob"]),
        (
            LOVERS + "copy_to.banned = { 'ann@' = 'c@example.com', '.' = 'C@example.com' }",
            ("ann", "bob"),
            ["C", "ann", "bob"],
        ),
    ],
)
def test_each_address_is_reached_once(policy: str, recipients: tuple[str, ...], reached: list[str]) -> None:
    judgement = judged(policy, BANNED, to=envelope_to(*(f"{name}@example.com" for name in recipients)))

    passed = (one for one in judgement.recipients if one.destiny is Destiny.PASS)
    got = [one.replaced_by or one.address for one in passed] + list(judgement.added_recipients)
    assert sorted(address.partition("@")[0] for address in got) == reached


def test_who_gets_it_already_is_told_of() -> None:
    judgement = judged("redirect.banned = 'spam@{domain}'", BANNED, to=envelope_to("ann@x.example", "spam@x.example"))

    assert [one.note for one in judgement.recipients] == ["spam@x.example gets it already", ""]
