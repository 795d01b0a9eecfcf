"""What administrators write is read strictly: each setting in each of its forms, each mistake with its place."""

from pathlib import Path
from typing import TypeVar

import pytest

from scanner_service.judge.policy import Mixed
from scanner_service.judge.policy_reader import SETTINGS, PolicyError
from scanner_service.judge.tables import AddressKeys, Lookup
from tests.scanner_service.judge.policies import BANNED, EIGHT_BIT, VIRUS, book_of, envelope_to, judged
from verdict_api.verdict import Destiny

T = TypeVar("T")
BOB, CAROL, OTHER = "bob@example.com", "carol@example.com", "x@elsewhere.test"
SWITCHES = ("tags", "bounces", "refuse", "soft_bounce")


def faults_of(policy: str, **more: object) -> str:
    """Return all that is said against a policy."""
    with pytest.raises(PolicyError) as caught:
        book_of(policy, **more)
    assert str(caught.value) == "\n".join(map(str, caught.value.faults))
    return str(caught.value)


def _value(lookup: Lookup[T], who: str) -> T | None:
    found = lookup.find(AddressKeys.of(who))
    return None if found is None else found.value


def size_limits(policy: str, **more: object) -> list[int | None]:
    """Return the limits of bob, carol and somebody elsewhere."""
    lookup = book_of(policy, **more).base.message_size_limit
    assert lookup is not None
    return [_value(lookup, who) for who in (BOB, CAROL, OTHER)]


def lovers(policy: str, **more: object) -> list[bool | None]:
    """Return whether bob, carol and somebody elsewhere love viruses."""
    lookup = book_of(policy, **more).base.lovers["virus"]
    return [_value(lookup, who) for who in (BOB, CAROL, OTHER)]


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        ("70000", [70000, 70000, 70000]),
        (f'{{ "{BOB}" = 70000, ".com" = 80000 }}', [70000, 80000, None]),
        (f'[{{ keys = {{ "{BOB}" = 70000 }} }}, {{ value = 90000 }}]', [70000, 90000, 90000]),
        (f'[{{ value = 90000 }}, {{ keys = {{ "{BOB}" = 70000 }} }}]', [90000, 90000, 90000]),
        ("[{ patterns = { '^BOB@' = 70000, '@example' = 80000 } }]", [70000, 80000, None]),
        ("[{ file = '/etc/sizes' }]", [70000, None, 80000]),
        ("[]", [None, None, None]),
    ],
)
def test_a_value_is_for_everybody_or_by_recipient(value: str, limits: list[int | None]) -> None:
    sizes = f"# sizes\n\n{BOB} 70000\n  # more\n{BOB} 99999\n{OTHER}\t80000\n"

    assert size_limits(f"message_size_limit = {value}", read_file=lambda _: sizes) == limits


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("true", [True, True, True]),
        ("false", [False, False, False]),
        (f'["{BOB}"]', [True, None, None]),
        (f'["!{BOB}", "example.com"]', [False, True, None]),
        (f'{{ "{BOB}" = true, "." = false }}', [True, False, False]),
        (f'[{{ list = ["{BOB}"] }}, {{ value = false }}]', [True, False, False]),
        (f'["!{BOB}", {{ value = true }}]', [False, True, True]),
        (f'[{{ keys = {{ "{CAROL}" = true }} }}, ".com"]', [True, True, None]),
        ("[{ file = '/etc/lovers' }]", [False, True, None]),
    ],
)
def test_what_is_true_or_false_may_be_a_list(value: str, wanted: list[bool | None]) -> None:
    text = f"# who loves\n!{BOB} # not he\nexample.com\n"

    assert lovers(f"lovers.virus = {value}", read_file=lambda _: text) == wanted


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("lovers = true", "policy.lovers: want a table by category, got True"),
        ("spam_levels = 5", "policy.spam_levels: want a table by level, got 5"),
        ("lovers.viruss = true", "policy.lovers.viruss: there is no 'viruss' here; did you mean 'virus'?"),
        ("bypass.spammy = true", "policy.bypass.spammy: there is no 'spammy' here; did you mean 'spam'?"),
        (
            "spam_levels.x = 1",
            "policy.spam_levels.x: there is no 'x' here; known are tag, tag2, tag3, kill, dsn_cutoff",
        ),
        ("lovers.virus = 1", "policy.lovers.virus: want true or false, got 1"),
        ('bypass.virus = "yes"', "policy.bypass.virus: want true or false, got 'yes'"),
        (
            'destinies.virus = "drop"',
            "policy.destinies.virus: want pass, reject, bounce, discard, tempfail, got 'drop'",
        ),
        ("destinies.virus = true", "policy.destinies.virus: want pass, reject, bounce, discard, tempfail, got True"),
        ('mixed.virus = "soft"', "policy.mixed.virus: want softest, strictest, discard, bounce, got 'soft'"),
        ('spam_levels.kill = "5"', "policy.spam_levels.kill: want a number, got '5'"),
        ("spam_levels.kill = true", "policy.spam_levels.kill: want a number, got True"),
        ("spam_levels.kill = nan", "policy.spam_levels.kill: want a number, got nan"),
        (
            f"spam_levels.kill = 1{'0' * 400}",
            "policy.spam_levels.kill: want a number that is not as large as that",
        ),
        ("spam_levels = { tag2 = 5, kill = 4.5 }", "policy.spam_levels.kill: want at least tag2, 5, got 4.5"),
        ("spam_levels = { tag = 3, tag2 = 2 }", "policy.spam_levels.tag2: want at least tag, 3, got 2"),
        ("spam_levels = { tag2 = 5, tag3 = 4 }", "policy.spam_levels.tag3: want at least tag2, 5, got 4"),
        ("spam_levels = { tag3 = 5, kill = 4 }", "policy.spam_levels.kill: want at least tag3, 5, got 4"),
        ('white_senders = { "." = 5 }', "policy.white_senders..: want true or false, got 5"),
        (
            'black_senders = ["a b"]',
            "policy.black_senders.0: want user@domain, user@, domain, .domain or '.', got 'a b'",
        ),
        ("sender_scores = 1001", "policy.sender_scores: want a number from -1000 to 1000, got 1001"),
        ('sender_scores = { "a.example" = -1000.5 }', "policy.sender_scores.a.example: want a number from -1000 to"),
        (
            'sender_scores = { "a@b.example" = { "*" = 1 } }',
            "policy.sender_scores.a@b.example.*: want user@domain, user@, domain, .domain or '.', got '*'",
        ),
        ('sender_scores = { "*" = { "a.example" = 1 } }', "policy.sender_scores.*: want user@domain, "),
        (
            f'white_senders = {{ "{BOB}" = ["a.example"], "b.example" = true }}',
            "policy.white_senders.b.example: want senders by recipient, as in the other entries, got True",
        ),
        (
            "destinies.unchecked.encrypted = 'reject'",
            'policy.destinies.unchecked.encrypted: want "unchecked.encrypted" in quotes',
        ),
        ("message_size_limit = 65535", "policy.message_size_limit: want at least 65536, got 65535"),
        ("message_size_limit = 70000.0", "policy.message_size_limit: want a whole number, got 70000.0"),
        ("message_size_limit = true", "policy.message_size_limit: want a whole number, got True"),
        (
            "message_size_limit = [5]",
            "policy.message_size_limit.0: want a text, or a table with one of keys, list, patterns, file, value, got",
        ),
        (
            "message_size_limit = [{ value = 70000, keys = {} }]",
            "policy.message_size_limit.0: want a text, or a table with one of keys, list, patterns, file, value",
        ),
        ("lovers.virus = [{ keyes = {} }]", "policy.lovers.virus.0: want a text, or a table with one of keys, "),
        ("lovers.virus = [{ keys = [] }]", "policy.lovers.virus.0: keys: want a table, got []"),
        ("lovers.virus = [{ list = {} }]", "policy.lovers.virus.0: list: want a list, got {}"),
        ("lovers.virus = ['!*']", "policy.lovers.virus.0: want user@domain, user@, domain, .domain or '.', got '*'"),
        ("lovers.virus = [{ list = [7] }]", "policy.lovers.virus.0.0: want an address or a domain, got 7"),
        ("lovers.virus = [{ patterns = 1 }]", "policy.lovers.virus.0: patterns: want a table, got 1"),
        (
            "lovers.virus = [{ patterns = { '(' = true } }]",
            "policy.lovers.virus.0.(: want a regular expression, got '(': ",
        ),
        (
            f"lovers.virus = [{{ patterns = {{ '({'x' * 199}y' = true }} }}]",
            f": want a regular expression, got '({'x' * 199}': missing ), unterminated subpattern at position 0",
        ),
        ("lovers.virus = [{ patterns = { 'a' = 1 } }]", "policy.lovers.virus.0.a: want true or false, got 1"),
        ("lovers.virus = [{ file = 1 }]", "policy.lovers.virus.0: file: want a path, got 1"),
        ("lovers.virus = [{ file = 'here' }]", "policy.lovers.virus.0: file: want an absolute path, got 'here'"),
        ("lovers.virus = [{ value = 1 }]", "policy.lovers.virus.0: want true or false, got 1"),
        ("banned_rule_set = 'strict'", "policy.banned_rule_set: there is no rule set 'strict'; known are default"),
        (
            "redirect.virus = 'nobody'",
            "policy.redirect.virus: want an address such as spam@{domain}, with {address}, ",
        ),
        ("redirect.virus = 5", "policy.redirect.virus: want a text, got 5"),
        ("copy_to.virus = 'a@{domain}'", "policy.copy_to.virus: want user@domain, got 'a@{domain}'"),
        ("copy_to.virus = 'nobody'", "policy.copy_to.virus: want user@domain, got 'nobody'"),
        ("copy_to.virus = '{a}@example.com'", "policy.copy_to.virus: want user@domain, got '{a}@example.com'"),
        ("copy_to.virus = 5", "policy.copy_to.virus: want a text, got 5"),
        (
            "address_extension.virus = 'virus'",
            "policy.address_extension.virus: want a delimiter and a word, as '-spam' or '+spam', got 'virus'",
        ),
        ("address_extension.virus = 5", "policy.address_extension.virus: want a text, got 5"),
        (
            f"subject_tags.virus = '{'x' * 101}'",
            "policy.subject_tags.virus: want at most 100 characters in one line, got ",
        ),
        (
            'subject_tags.virus = "a\\nb"',
            "policy.subject_tags.virus: want at most 100 characters in one line, got 'a\\nb'",
        ),
        (
            "recipient_delimiter = '++'",
            "policy.recipient_delimiter: want one character such as '+', or '' for none, got",
        ),
        (
            "recipient_delimiter = 'a'",
            "policy.recipient_delimiter: want one character such as '+', or '' for none, got",
        ),
        (
            "recipient_delimiter = '@'",
            "policy.recipient_delimiter: want one character such as '+', or '' for none, got",
        ),
        (
            "recipient_delimiter = 1",
            "policy.recipient_delimiter: want one character such as '+', or '' for none, got 1",
        ),
        *((f"{name} = 1", f"policy.{name}: want true or false, got 1") for name in SWITCHES),
        ("observe = 'virus'", "policy.observe: want true, false or a list of categories, got 'virus'"),
        ("observe = ['vius']", "policy.observe: there is no category 'vius'; did you mean 'virus'?"),
        ("observe = [5]", "policy.observe: there is no category 5; known are virus, banned, "),
        ("observ = true", "policy.observ: unknown setting; did you mean 'observe'?"),
        ("banned_rule_sets = 'x'", "policy.banned_rule_sets: unknown setting; did you mean 'banned_rule_set'?"),
        ("zzz = 1", f"policy.zzz: unknown setting; known are {', '.join(SETTINGS)}"),
        ("banks = 5", "policy.banks: want a table, got 5"),
        ("banks.a = 5", "policy.banks.a: want a table, got 5"),
        (
            "banks.a.tags = true",
            "policy.banks.a: want when: whose mail is it? One or more of clients, authenticated, ",
        ),
        ("banks.a.when = 5", "policy.banks.a.when: want a table of clients, authenticated, "),
        ("banks.a.when = {}", "policy.banks.a.when: want a table of clients, "),
        ("banks.a.when = [{ authenticated = true }, 5]", "policy.banks.a.when.1: want a table of clients, "),
        ("banks.a.when = { client = [] }", "policy.banks.a.when.client: unknown condition; did you mean 'clients'?"),
        ("banks.a.when = { clients = [] }", "policy.banks.a.when.clients: want a list of texts, got []"),
        ("banks.a.when = { clients = 'a' }", "policy.banks.a.when.clients: want a list of texts, got 'a'"),
        (
            "banks.a.when = { sources = ['smtp', 5] }",
            "policy.banks.a.when.sources: want a list of texts, got ['smtp', 5]",
        ),
        ("banks.a.when = { sources = [5] }", "policy.banks.a.when.sources: want a list of texts, got [5]"),
        (
            "banks.a.when = { clients = ['x'] }",
            "policy.banks.a.when.clients: want addresses and networks: 'x' does not",
        ),
        ("banks.a.when = { authenticated = 1 }", "policy.banks.a.when.authenticated: want true or false, got 1"),
        (
            "banks.a.when = { dkim_domains = ['a b'] }",
            "policy.banks.a.when.dkim_domains.0: want user@domain, user@, ",
        ),
        (
            "[banks.a]\nwhen = { null_sender = true }\nlovers.virus = 1",
            "policy.banks.a.lovers.virus: want true or false, got 1",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(policy: str, said: str) -> None:
    assert said in faults_of(policy)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            f'["{BOB}"]',
            ": want a value, a table by recipient, or a list of tables, got a list of addresses",
        ),
        (
            '{ "Bob@example.com" = 70000, "bob@Example.com" = 80000 }',
            ".bob@Example.com: is there twice: case does not count",
        ),
    ],
)
def test_no_more_is_told_than_the_mistake(value: str, said: str) -> None:
    assert faults_of(f"message_size_limit = {value}") == f"policy.message_size_limit{said}"


@pytest.mark.parametrize(
    ("setting", "text", "said"),
    [
        ("message_size_limit", f"\n{BOB} 7\n", "{}, line 2: want at least 65536, got 7"),
        ("message_size_limit", f"{BOB}\n", "{}, line 1: want a whole number, got ''"),
        ("message_size_limit", "* 70000\n", "{}, line 1: want user@domain, user@, domain, .domain or '.', got '*'"),
        ("spam_levels.kill", f"{BOB} many\n", "{}, line 1: want a number, got 'many'"),
        ("spam_levels.kill", f"{BOB} true\n", "{}, line 1: want a number, got True"),
        ("spam_levels.kill", f"{BOB} false\n", "{}, line 1: want a number, got False"),
        ("lovers.virus", "*\n", "{}, line 1: want user@domain, user@, domain, .domain or '.', got '*'"),
        ("lovers.virus", "!*\n", "{}, line 1: want user@domain, user@, domain, .domain or '.', got '*'"),
        ("lovers.virus", f"{BOB} true\n", f"{{}}, line 1: want one address or domain, got '{BOB} true'"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_line(setting: str, text: str, said: str) -> None:
    told = faults_of(f"{setting} = [{{ file = '/etc/f' }}]", read_file=lambda _: text)

    assert told.endswith(f"policy.{setting}.0.{said.format('/etc/f')}")


def test_a_file_that_cannot_be_read_is_told() -> None:
    assert faults_of("lovers.virus = [{ file = '/etc/f' }]") == (
        "policy.lovers.virus.0: file: '/etc/f' cannot be read: /etc/f must not be read from here"
    )


def test_all_mistakes_are_told_at_once() -> None:
    told = faults_of("tags = 1\nbounces = 1\n[banks.a]\nx = 1\n[banks.b]\nwhen = { y = 1 }")

    assert [line.partition(":")[0] for line in told.splitlines()] == [
        "policy.tags",
        "policy.bounces",
        "policy.banks.a.x",
        "policy.banks.a",
        "policy.banks.b.when.y",
    ]


@pytest.mark.parametrize(
    ("policy", "category"),
    [
        ('white_senders = ["good.example"]', []),
        ('white_senders = { "good.example" = true }', []),
        (f'white_senders = {{ "{BOB}" = ["good.example"] }}', []),
        (f'white_senders = {{ "{CAROL}" = ["good.example"] }}', ["spam"]),
        (f'white_senders = {{ "{BOB}" = {{ ".example" = true }}, "{CAROL}" = ["."] }}', []),
        (f'white_senders = {{ "{BOB}" = [{{ patterns = {{ "@good" = true }} }}] }}', []),
        ('white_senders = { "good.example" = false }', ["spam"]),
    ],
)
def test_senders_are_for_everybody_or_by_recipient(policy: str, category: list[str]) -> None:
    to = envelope_to(BOB, sender="a@good.example")

    judgement = judged(f"{policy}\nspam_levels.kill = 3\nsender_scores = 4", to=to)

    assert [one.category.word for one in judgement.findings] == category


@pytest.mark.parametrize(
    ("setting", "category", "written", "value"),
    [
        ("destinies", "virus", "'bounce'", Destiny.BOUNCE),
        ("lovers", "unchecked.encrypted", "true", True),
        ("bypass", "spam", "true", True),
        ("mixed", "spam", "'strictest'", Mixed.STRICTEST),
        ("spam_levels", "tag3", "5", 5.0),
        ("redirect", "spam", "'spam@{domain}'", "spam@{domain}"),
        ("redirect", "spam", "''", ""),
        ("copy_to", "spam", "'a@example.com'", "a@example.com"),
        ("copy_to", "spam", "''", ""),
        ("address_extension", "spam", "'-spam'", "-spam"),
        ("address_extension", "spam", "''", ""),
        ("subject_tags", "spam", "'[SPAM?]'", "[SPAM?]"),
        ("subject_tags", "spam", "''", ""),
    ],
)
def test_what_is_written_for_a_category_is_what_holds(
    setting: str, category: str, written: str, value: object
) -> None:
    book = book_of(f'{setting}."{category}" = {written}')

    assert _value(getattr(book.base, setting)[category], BOB) == value


@pytest.mark.parametrize(
    ("policy", "setting", "value"),
    [
        ("local_domains = ['example.com']", "local_domains", True),
        ("message_size_limit = 65536", "message_size_limit", 65536),
        ("banned_rule_set = 'default'", "banned_rule_set", "default"),
    ],
)
def test_what_is_written_for_a_recipient_is_what_holds(policy: str, setting: str, value: object) -> None:
    assert _value(getattr(book_of(policy).base, setting), BOB) == value


@pytest.mark.parametrize(
    ("policy", "setting", "value"),
    [
        ("recipient_delimiter = '-'", "recipient_delimiter", "-"),
        ("recipient_delimiter = ''", "recipient_delimiter", ""),
        ("observe = true", "observe", {"all"}),
        ("observe = false", "observe", set()),
        ("observe = ['spam', 'unchecked.encrypted']", "observe", {"spam", "unchecked.encrypted"}),
        *((f"{name} = {str(value).lower()}", name, value) for name in SWITCHES for value in (True, False)),
    ],
)
def test_what_is_written_for_all_is_what_holds(policy: str, setting: str, value: object) -> None:
    assert getattr(book_of(policy).base, setting) == value


@pytest.mark.parametrize("setting", ["replies", "alerts", "subject_tags"])
def test_a_file_has_texts_of_several_words(setting: str) -> None:
    lines = f"{BOB} No  {{{{ label }}}} here, please \t # he has asked for it # twice\n"

    book = book_of(f"{setting}.virus = [{{ file = '/etc/f' }}]", read_file=lambda _: lines)

    template = _value(getattr(book.base, setting)["virus"], BOB)
    assert template is not None
    assert template.source == "No  {{ label }} here, please"


@pytest.mark.parametrize(
    "policy",
    [
        "spam_levels = { tag = 2, tag2 = 2, tag3 = 3.5, kill = inf, dsn_cutoff = 1 }",
        f'spam_levels.tag2 = {{ "{BOB}" = 50 }}\nspam_levels.kill = 5',
        "sender_scores = -1000",
        "sender_scores = 1000",
        "message_size_limit = 65536",
        f"subject_tags.virus = '{'x' * 100}'",
        "recipient_delimiter = ''",
        "recipient_delimiter = '-'",
        "redirect.virus = ''",
        "copy_to.virus = ''",
        "copy_to.virus = 'a@example.com'",
        "address_extension.virus = ''",
        "address_extension.virus = '+a-b.c_d'",
        "observe = true",
        "observe = ['unchecked.encrypted', 'spam']",
        *(f"{name} = false" for name in SWITCHES),
    ],
)
def test_what_can_be_used_is_taken(policy: str) -> None:
    assert book_of(policy).version


def test_a_rule_set_that_there_is_can_be_chosen() -> None:
    book = book_of("banned_rule_set = 'strict'", rule_sets=("default", "strict"))

    assert judged(book, BANNED).destiny is Destiny.PASS


def test_a_place_names_the_bank_and_the_setting() -> None:
    book = book_of(
        f'destinies.virus = {{ "{BOB}" = "discard" }}\n[banks.a]\nwhen = {{ relay_client = false }}\ntags = true'
    )

    judgement = judged(book, VIRUS, EIGHT_BIT)

    assert judgement.recipients[0].rule == f"destinies.virus {BOB}"
    assert book.base.destinies["virus"].tables[0].place.bank == "default"  # type: ignore[attr-defined]
    assert [bank.policy.name for bank in book.banks] == ["own_users", "local", "null_sender", "a"]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("", "", True),
        ("tags = true", "tags = false", False),
        ("tags = true\nbounces = true", "bounces = true\ntags = true", False),
    ],
)
def test_the_version_tells_policies_apart(one: str, other: str, *, equal: bool) -> None:
    assert (book_of(one).version == book_of(other).version) is equal


def test_the_version_changes_with_files_rule_sets_and_rows() -> None:
    policy = "lovers.virus = [{ file = '/etc/f' }]"
    versions = {
        book_of(policy, read_file=lambda _: BOB).version,
        book_of(policy, read_file=lambda _: CAROL).version,
        book_of(policy, read_file=lambda _: CAROL, rule_sets=("default", "x")).version,
        book_of(policy, read_file=lambda _: CAROL, rows_version="2").version,
    }

    assert len(versions) == 4
    assert {len(one) for one in versions} == {16}


def test_a_file_is_read_by_its_path() -> None:
    read: list[Path] = []

    def read_file(path: Path) -> str:
        read.append(path)
        return BOB

    book_of("lovers.virus = [{ file = '/etc/a' }, { file = '/etc/b' }]", read_file=read_file)

    assert read == [Path("/etc/a"), Path("/etc/b")]
