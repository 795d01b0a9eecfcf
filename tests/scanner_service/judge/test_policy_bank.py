"""Which policy holds: whose mail it is, by client, user, source and all else that banks ask for."""

import pytest

from scanner_service.judge.policy import Policy
from scanner_service.judge.policy_bank import MERGED_POLICIES, Bank, Condition, NetworkList, PolicyBook, Traffic
from tests.scanner_service.judge.policies import VIRUS, book_of, envelope_to, judged
from verdict_api.envelope import Client
from verdict_api.verdict import AuthenticationResult, Destiny

DKIM = AuthenticationResult("dkim", "pass", "good.example")
SPF = AuthenticationResult("spf", "pass", "good.example")


@pytest.mark.parametrize(
    ("networks", "ip", "has"),
    [
        (["192.0.2.0/24"], "192.0.2.7", True),
        (["192.0.2.0/24"], "192.0.3.7", False),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
        (["192.0.2.0/24"], "::ffff:192.0.3.7", False),
        (["::ffff:192.0.2.0/120"], "192.0.2.7", True),
        (["::ffff:192.0.2.0/120"], "192.0.3.7", False),
        (["::ffff:0.0.0.0/96"], "203.0.113.9", True),
        (["::ffff:192.0.2.7"], "192.0.2.7", True),
        (["::/0"], "192.0.2.7", False),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["2001:db8::/32"], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["!192.0.2.7", "192.0.2.0/24"], "192.0.2.7", False),
        (["!192.0.2.7", "192.0.2.0/24"], "192.0.2.8", True),
        (["192.0.2.0/24", "!192.0.2.7"], "192.0.2.7", True),
        (["!2001:db8::1", "2001:db8::/32"], "2001:db8::1", False),
        (["!192.0.2.7"], "192.0.2.8", False),
        (["0.0.0.0/0"], None, False),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "no address", False),
        ([], "192.0.2.7", False),
    ],
)
def test_the_first_network_that_an_address_is_in_decides(networks: list[str], ip: str | None, *, has: bool) -> None:
    assert NetworkList.of(networks).has(ip) is has


@pytest.mark.parametrize(
    "text", ["192.0.2.7/24", "192.0.2", "host.example", "", "!", "!!192.0.2.7", "2001:db8::/129"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|permitted|host bits"):
        NetworkList.of([text])


@pytest.mark.parametrize(
    ("when", "traffic", "holds"),
    [
        ('clients = ["192.0.2.0/24"]', Traffic(envelope_to()), True),
        ('clients = ["198.51.100.0/24"]', Traffic(envelope_to()), False),
        ("authenticated = true", Traffic(envelope_to(authenticated_user="ann")), True),
        ("authenticated = true", Traffic(envelope_to()), False),
        ("authenticated = false", Traffic(envelope_to()), True),
        ("authenticated = false", Traffic(envelope_to(authenticated_user="ann")), False),
        ('authenticated_users = ["ann"]', Traffic(envelope_to(authenticated_user="ann")), True),
        ('authenticated_users = ["ann"]', Traffic(envelope_to(authenticated_user="Ann@example.com")), True),
        ('authenticated_users = ["ann"]', Traffic(envelope_to(authenticated_user="bob")), False),
        ('authenticated_users = ["ann"]', Traffic(envelope_to()), False),
        ('authenticated_users = ["."]', Traffic(envelope_to()), False),
        ('authenticated_users = ["."]', Traffic(envelope_to(authenticated_user="ann")), True),
        ('authenticated_users = ["ann@example.com"]', Traffic(envelope_to(authenticated_user="ann")), False),
        ('authenticated_users = [".example.com"]', Traffic(envelope_to(authenticated_user="ann@example.com")), True),
        ('authenticated_users = ["!ann", "."]', Traffic(envelope_to(authenticated_user="ann")), False),
        ("relay_client = true", Traffic(envelope_to(relay_client=True)), True),
        ("relay_client = true", Traffic(envelope_to()), False),
        ("relay_client = false", Traffic(envelope_to()), True),
        ("null_sender = true", Traffic(envelope_to(sender="")), True),
        ("null_sender = true", Traffic(envelope_to()), False),
        ("null_sender = false", Traffic(envelope_to()), True),
        ("null_sender = false", Traffic(envelope_to(sender="")), False),
        ('sources = ["smtp"]', Traffic(envelope_to()), True),
        ('sources = ["smtp"]', Traffic(envelope_to(source="smtp/dsn")), True),
        ('sources = ["local", "smtp"]', Traffic(envelope_to()), True),
        ('sources = ["local"]', Traffic(envelope_to()), False),
        ('listeners = ["127.0.0.1:8025"]', Traffic(envelope_to(), listener="127.0.0.1:8025"), True),
        ('listeners = ["127.0.0.1:8025"]', Traffic(envelope_to(), listener="unix:/s"), False),
        ('tokens = ["backup"]', Traffic(envelope_to(), token="backup"), True),
        ('tokens = ["backup"]', Traffic(envelope_to(), token="other"), False),
        ('tokens = ["backup"]', Traffic(envelope_to()), False),
        ('dkim_domains = ["good.example"]', Traffic(envelope_to(), authentication=(DKIM,)), True),
        ('dkim_domains = [".example"]', Traffic(envelope_to(), authentication=(DKIM,)), True),
        ('dkim_domains = ["good.example"]', Traffic(envelope_to(), authentication=(SPF,)), False),
        ('dkim_domains = ["other.example"]', Traffic(envelope_to(), authentication=(DKIM,)), False),
        ('dkim_domains = ["good.example"]', Traffic(envelope_to()), False),
        (
            'dkim_domains = ["good.example"]',
            Traffic(envelope_to(), authentication=(AuthenticationResult("dkim", "fail", "good.example"),)),
            False,
        ),
        (
            'dkim_domains = ["."]',
            Traffic(envelope_to(), authentication=(AuthenticationResult("dkim", "pass", ""),)),
            False,
        ),
        ('spf_domains = ["good.example"]', Traffic(envelope_to(), authentication=(DKIM, SPF)), True),
        ('spf_domains = ["good.example"]', Traffic(envelope_to(), authentication=(DKIM,)), False),
        ('sources = ["smtp"], null_sender = true', Traffic(envelope_to(sender="")), True),
        ('sources = ["smtp"], null_sender = true', Traffic(envelope_to()), False),
        ('sources = ["local"], null_sender = true', Traffic(envelope_to(sender="")), False),
    ],
)
def test_a_bank_is_chosen_by_what_is_known_of_the_message(when: str, traffic: Traffic, *, holds: bool) -> None:
    book = book_of(f"[banks.partner]\nwhen = {{ {when} }}")

    assert ("partner" in book.policy_for(traffic).banks) is holds


def test_one_of_several_conditions_is_enough() -> None:
    book = book_of("[banks.partner]\nwhen = [{ null_sender = true }, { authenticated = true, relay_client = true }]")

    assert book.policy_for(Traffic(envelope_to(sender=""))).name == "null_sender/partner"
    assert (
        book.policy_for(Traffic(envelope_to(authenticated_user="a", relay_client=True))).name == "own_users/partner"
    )
    assert book.policy_for(Traffic(envelope_to(relay_client=True))).name == "own_users"
    assert book.policy_for(Traffic(envelope_to())).name == "default"


def test_banks_are_laid_over_each_other_in_their_order() -> None:
    policy = """
destinies.virus = "discard"
[banks.second]
when = { null_sender = true }
destinies.virus = { "bob@example.com" = "tempfail" }
[banks.first]
when = { null_sender = true }
destinies.virus = { "carol@example.com" = "pass", "bob@example.com" = "reject" }
[banks.own_users]
destinies.virus = "bounce"
"""
    to = envelope_to("bob@example.com", "carol@example.com", "dave@example.com", sender="")

    judgement = judged(policy, VIRUS, to=to)

    assert judgement.recipients[0].policy == "null_sender/second/first"
    assert [one.rule for one in judgement.recipients] == [
        "destinies.virus bob@example.com",
        "",  # nothing stands against it
        "destinies.virus",
    ]
    assert [one.destiny for one in judgement.recipients] == [Destiny.DISCARD, Destiny.PASS, Destiny.DISCARD]


def test_what_an_administrator_writes_of_a_built_in_bank_lies_over_it() -> None:
    book = book_of('[banks.own_users]\ndestinies.spam = "reject"\nwhen = { authenticated = true }')

    policy = book.policy_for(Traffic(envelope_to(authenticated_user="ann")))

    assert policy.destinies["spam"].tables[0].place.setting == "destinies.spam"  # type: ignore[attr-defined]
    assert len(policy.destinies["spam"].tables) == 3
    assert policy.tags is False
    assert book.policy_for(Traffic(envelope_to(relay_client=True))).name == "default"


def test_a_merged_policy_is_made_once_and_not_for_ever_more_of_them() -> None:
    always = (Condition(null_sender=False),)
    users = [f"u{number}" for number in range(9)]
    book = PolicyBook(
        Policy(),
        tuple(
            Bank(Policy(banks=(user,)), (Condition(listeners=frozenset(users[: number + 1])),))
            for number, user in enumerate(users)
        ),
    )
    traffic = Traffic(envelope_to(), listener="u0")

    assert book.policy_for(traffic) is book.policy_for(traffic)
    assert PolicyBook(Policy(), (Bank(Policy(banks=("a",)), always),)).policy_for(traffic).banks == ("a",)
    assert MERGED_POLICIES == 256


def test_only_so_many_merged_policies_are_kept() -> None:
    banks = tuple(
        Bank(Policy(banks=(str(bit),)), (Condition(clients=NetworkList.of(_with_bit(bit))),)) for bit in range(9)
    )
    book = PolicyBook(Policy(), banks)

    names = {
        book.policy_for(Traffic(envelope_to(client=Client(f"192.0.{number // 256}.{number % 256}")))).name
        for number in range(512)
    }

    assert len(names) == 512
    assert len(book._merged) == MERGED_POLICIES  # noqa: SLF001  # what must not grow


def _with_bit(bit: int) -> list[str]:
    return [f"192.0.{number // 256}.{number % 256}" for number in range(512) if number >> bit & 1]


@pytest.mark.parametrize(
    ("when", "needs"),
    [
        ("null_sender = true", False),
        ('dkim_domains = ["a.example"]', True),
        ('spf_domains = ["a.example"]', True),
    ],
)
def test_a_book_knows_whether_authentication_chooses(when: str, *, needs: bool) -> None:
    book = book_of(f"[banks.partner]\nwhen = [{{ relay_client = true }}, {{ {when} }}]")

    assert book.has_banks_by_authentication is needs
