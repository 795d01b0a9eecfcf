"""Each setting is explained with the entry that decided it, and each bank with what speaks for it and against it."""

import pytest

from scanner_service.judge.book_reader import CONDITIONS
from scanner_service.judge.categories import CATEGORIES, CHECKS
from scanner_service.judge.explain import Explanation, explain
from scanner_service.judge.policy import Level
from scanner_service.judge.policy_bank import PolicyBook, Traffic
from scanner_service.judge.policy_reader import SETTINGS
from tests.scanner_service.judge.policies import book_of, envelope_to
from verdict_api.envelope import Client, Recipient
from verdict_api.verdict import AuthenticationResult

BOOK = book_of(
    """
tags = true
observe = ["spam"]
banned_rule_set = [{ patterns = { "^bob" = "default" } }]
[destinies]
virus = "discard"
unchecked = { ".example.com" = "tempfail" }
spam = { "bob@example.com" = "pass" }
[lovers]
virus = ["!bob@example.com", ".example.com"]
[spam_levels]
kill = { ".example.com" = 9 }
[banks.partner]
when = [{ authenticated_users = ["ann"] }, { clients = ["192.0.2.0/24"], sources = ["smtp"] }]
tags = false
white_senders = { "bob@example.com" = [".stranger.example"] }
message_size_limit = 70000
redirect.spam = "spam@{domain}"
"""
)


def explained(book: PolicyBook = BOOK, recipient: str = "Bob+x@Example.com", **more: object) -> Explanation:
    local = more.pop("local", None)
    to = envelope_to(Recipient(recipient, local=local), **more)  # type: ignore[arg-type]
    return explain(book, Traffic(to))


@pytest.mark.parametrize(
    ("setting", "value", "bank", "table", "key"),
    [
        ("destinies.virus", "discard", "default", "destinies.virus", "."),
        ("destinies.spam", "pass", "default", "destinies.spam", "bob@example.com"),
        ("destinies.unchecked", "tempfail", "default", "destinies.unchecked", ".example.com"),
        ("destinies.unchecked.encrypted", "pass", "default", "destinies.unchecked.encrypted", "."),
        ("destinies.bad_header.8bit", "pass", "", "", ""),
        ("lovers.virus", False, "default", "lovers.virus", "!bob@example.com"),
        ("lovers.spam", False, "", "", ""),
        ("mixed.virus", "discard", "", "", ""),
        ("mixed.spam", "softest", "", "", ""),
        ("spam_levels.kill", 9.0, "default", "spam_levels.kill", ".example.com"),
        ("spam_levels.tag2", None, "", "", ""),
        ("white_senders", True, "partner", "white_senders.bob@example.com", ".stranger.example"),
        ("black_senders", False, "", "", ""),
        ("message_size_limit", 70000, "partner", "message_size_limit", "."),
        ("redirect.spam", "spam@{domain}", "partner", "redirect.spam", "."),
        ("banned_rule_set", "default", "default", "banned_rule_set", "/^bob/"),
        ("tags", False, "partner", "tags", "."),
        ("observe", ("spam",), "default", "observe", "."),
        ("refuse", True, "", "", ""),
        ("bounces", False, "", "", ""),
        ("soft_bounce", False, "", "", ""),
        ("recipient_delimiter", "+", "", "", ""),
    ],
)
def test_a_setting_is_told_with_the_entry_that_decided(
    setting: str, value: object, bank: str, table: str, key: str
) -> None:
    one = next(one for one in explained().settings if one.setting == setting)

    assert (one.value, one.bank, one.table, one.key) == (value, bank, table, key)


def test_every_setting_is_there_once() -> None:
    names = [one.setting for one in explained().settings]

    assert len(names) == len(set(names))
    assert {name.partition(".")[0] for name in names} == set(SETTINGS)
    assert {name for name in names if name.startswith("destinies.")} == {f"destinies.{one}" for one in CATEGORIES}
    assert {name for name in names if name.startswith("bypass.")} == {f"bypass.{one}" for one in CHECKS}
    assert {name for name in names if name.startswith("spam_levels.")} == {f"spam_levels.{one}" for one in Level}


def test_banks_are_told_with_what_speaks_for_and_against_them() -> None:
    explanation = explained(client=Client("192.0.2.25"))

    assert explanation.policy == "partner"
    assert [(bank.bank, bank.holds) for bank in explanation.banks] == [
        ("own_users", False),
        ("local", False),
        ("null_sender", False),
        ("partner", True),
    ]
    assert explanation.banks[-1].when == (
        (("authenticated_users", False),),
        (("clients", True), ("sources", True)),
    )


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ('clients = ["192.0.2.0/24"]', True),
        ('clients = ["198.51.100.0/24"]', False),
        ("authenticated = true", False),
        ("authenticated = false", True),
        ('authenticated_users = ["ann"]', False),
        ("relay_client = false", True),
        ("null_sender = true", False),
        ('sources = ["smtp"]', True),
        ('listeners = ["unix:/run/x.sock"]', True),
        ('tokens = ["shim"]', False),
        ('dkim_domains = ["good.example"]', True),
        ('spf_domains = ["good.example"]', False),
    ],
)
def test_each_condition_is_told_with_its_outcome(condition: str, met: bool) -> None:
    signed = AuthenticationResult("dkim", "pass", "good.example")

    explanation = explain(
        book_of(f"banks.p = {{ when = {{ {condition} }} }}"),
        Traffic(envelope_to(), "unix:/run/x.sock", None, (signed,)),
    )

    name = condition.partition(" ")[0]
    assert name in CONDITIONS
    assert explanation.banks[-1].when == (((name, met),),)
    assert explanation.banks[-1].holds is met


@pytest.mark.parametrize(
    ("policy", "local", "says"),
    [
        ("", None, None),
        ("", True, True),
        ("", False, False),
        ('local_domains = [".example.com"]', None, True),
        ('local_domains = [".example.com"]', False, True),
        ('local_domains = ["other.example"]', True, False),
    ],
)
def test_it_says_whether_the_recipient_is_local_if_that_is_known(
    policy: str, local: bool | None, says: bool | None
) -> None:
    explanation = explained(book_of(policy), local=local)

    assert explanation.is_local is says


def test_for_a_recipient_elsewhere_there_is_no_redirect() -> None:
    explanation = explained(local=False)

    assert next(one.value for one in explanation.settings if one.setting == "redirect.spam") is None
