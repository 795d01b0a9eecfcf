"""The policies of a settings file: what holds, and how its mistakes are told."""

from pathlib import Path

import pytest

from scanner_service.policy_choice import BUILT_IN, POLICIES, built_in_policies, choose_policies
from scanner_service.settings import SettingsError, load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scanner.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[policy.message_size_limit]\n'*@example.com' = 70000\n",
            "FILE, line 2: policy.message_size_limit.*@example.com: want user@domain, user@, domain, .domain or '.'",
        ),
        (
            "[policy.message_size_limit]\n'.' = 10000000\n'a@b.example' = 100\n",
            "FILE, line 3: policy.message_size_limit.a@b.example: want at least 65536, got 100",
        ),
        (
            "[policy]\nmessage_size = 1\n",
            "FILE, line 2: policy.message_size: unknown setting; did you mean 'message_size_limit'?",
        ),
        (
            "[policy.destinies]\nviruses = 'discard'\n",
            "FILE, line 2: policy.destinies.viruses: there is no 'viruses' here; did you mean 'virus'?",
        ),
        (
            "[policy.destinies]\nvirus = 'drop'\n",
            "FILE, line 2: policy.destinies.virus: want pass, reject, bounce, discard, tempfail, got 'drop'",
        ),
        (
            "[policy.destinies]\nunchecked.encrypted = 'reject'\n",
            'FILE, line 2: policy.destinies.unchecked.encrypted: want "unchecked.encrypted" in quotes',
        ),
        (
            "[policy]\nbanned_rule_set = 'strct'\n[banned.rule_sets.strict]\n",
            "FILE, line 2: policy.banned_rule_set: there is no rule set 'strct'; did you mean 'strict'?",
        ),
        (
            "[policy.spam_levels]\ntag2 = 13\nkill = 12\n",
            "FILE, line 3: policy.spam_levels.kill: want at least tag2, 13, got 12",
        ),
        ("[policy.spam_levels]\nkill = nan\n", "FILE, line 2: policy.spam_levels.kill: want a number, got nan"),
        (
            "[policy.lovers]\nvirus = 'ann@example.com'\n",
            "FILE, line 2: policy.lovers.virus: want true or false, got 'ann@example.com'",
        ),
        (
            "[policy.bypass]\nspammy = ['.']\n",
            "FILE, line 2: policy.bypass.spammy: there is no 'spammy' here; did you mean 'spam'?",
        ),
        (
            "[policy.banks.partner]\ntags = false\n",
            "FILE, line 1: policy.banks.partner: want when: whose mail is it? One or more of clients, ",
        ),
        (
            "[policy.banks.partner]\nwhen = { client = ['192.0.2.0/24'] }\n",
            "FILE, line 2: policy.banks.partner.when.client: unknown condition; did you mean 'clients'?",
        ),
        (
            "[policy.banks.partner]\nwhen = [{ clients = ['192.0.2.1/24'] }]\n",
            "FILE, line 2: policy.banks.partner.when.0.clients: want addresses and networks: 192.0.2.1/24 has",
        ),
        (
            "[policy.banks.partner]\nwhen = { dkim_domains = ['partner.example'] }\n",
            "FILE, line 1: a bank is chosen by dkim_domains or spf_domains: set [mail_auth] enabled = true",
        ),
        (
            "[policy.lovers]\nvirus = [{ file = '/nowhere/lovers' }]\n",
            "FILE, line 2: policy.lovers.virus.0: file: '/nowhere/lovers' cannot be read: ",
        ),
        (
            "[policy.lovers]\nvirus = [{ file = '/dev/zero' }]\n",
            "FILE, line 2: policy.lovers.virus.0: file: '/dev/zero' cannot be read: want a regular file",
        ),
        (
            '[policy.lovers]\nvirus = [{ file = "/a\\u0000b" }]\n',
            "FILE, line 2: policy.lovers.virus.0: file: '/a\\x00b' cannot be read: embedded null byte",
        ),
        (
            "[policy.lovers]\nvirus = [{ patterns = { 'a{99999999999}' = true } }]\n",
            "FILE, line 2: policy.lovers.virus.0.a{99999999999}: want a regular expression, got 'a{99999999999}': ",
        ),
        (
            f"[policy.lovers]\nvirus = [{{ patterns = {{ '{'(' * 3000}{')' * 3000}' = true }} }}]\n",
            "FILE, line 2: policy.lovers.virus.0.(((",
        ),
        (
            f"[policy.spam_levels]\nkill = 1{'0' * 400}\n",
            "FILE, line 2: policy.spam_levels.kill: want a number that is not as large as that",
        ),
        (
            "[policy.message_size_limit]\n'ann@example.com' = 70000\n'Ann@example.com' = 80000\n",
            "FILE, line 3: policy.message_size_limit.Ann@example.com: is there twice: case does not count",
        ),
        (
            "[policy.white_senders]\n'good.example' = true\n'ann@example.com' = ['news.example']\n",
            "FILE, line 2: policy.white_senders.good.example: want senders by recipient, as in the other entries",
        ),
        (
            "[policy.copy_to]\nspam = '{local}@archive.example'\n",
            "FILE, line 2: policy.copy_to.spam: want user@domain, got '{local}@archive.example'",
        ),
        (
            (
                "[auth]\ntokens = [{ name = 'edge', file = '/edge', scopes = ['scan'] }]\n"
                "[policy.banks.edge]\nwhen = [{ authenticated = true }, { tokens = ['edge', 'egde'] }]\n"
            ),
            "FILE, line 4: policy.banks.edge.when.tokens: there is no token 'egde'; did you mean 'edge'?",
        ),
        (
            "[policy.redirect]\nspam = 'spam@{host}'\n",
            "FILE, line 2: policy.redirect.spam: ",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_nearest_name(file: Path, text: str, said: str) -> None:
    file.write_text(text)

    with pytest.raises(SettingsError) as raised:
        choose_policies(load_settings(file, {}))

    assert str(raised.value).startswith(said.replace("FILE", str(file)))


def test_every_mistake_is_told_at_once(file: Path) -> None:
    file.write_text("[policy]\nx = 1\ny = 2\n")

    with pytest.raises(SettingsError) as raised:
        choose_policies(load_settings(file, {}))

    assert len(str(raised.value).splitlines()) == 2


def test_the_environment_may_set_a_destiny(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text("")
    before = choose_policies(load_settings(file, {})).version

    monkeypatch.setenv("COURIERGATE_SCANNER__POLICY__DESTINIES__VIRUS", "discard")
    written = load_settings(file, {}).policy.written

    assert written == {"destinies": {"virus": "discard"}}
    assert choose_policies(load_settings(file, {})).version != before


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("OBSERVE", "true", {"observe": True}),
        ("SPAM_LEVELS__KILL", "8.5", {"spam_levels": {"kill": 8.5}}),
        ("MESSAGE_SIZE_LIMIT", "100000", {"message_size_limit": 100000}),
        ("LOCAL_DOMAINS", '[".example.com"]', {"local_domains": [".example.com"]}),
        ("DESTINIES", '{"unchecked.encrypted": "reject"}', {"destinies": {"unchecked.encrypted": "reject"}}),
        ("BANKS__LOCAL__REFUSE", "true", {"banks": {"local": {"refuse": True}}}),
        ("SUBJECT_TAGS__SPAM", "[SPAM?]", {"subject_tags": {"spam": "[SPAM?]"}}),
        ("SUBJECT_TAGS__SPAM", '"1"', {"subject_tags": {"spam": "1"}}),
        ("REPLIES__VIRUS", "null", {"replies": {"virus": "null"}}),
    ],
)
def test_the_environment_may_set_what_is_no_text(
    monkeypatch: pytest.MonkeyPatch, file: Path, name: str, value: str, written: dict[str, object]
) -> None:
    file.write_text("")
    monkeypatch.setenv(f"COURIERGATE_SCANNER__POLICY__{name}", value)

    settings = load_settings(file, {})

    assert settings.policy.written == written
    assert choose_policies(settings).version


def test_built_in_policies_are_files_that_people_can_read() -> None:
    assert {file.stem for file in POLICIES.glob("*.toml")} == set(BUILT_IN) == set(built_in_policies())
    assert all(file.read_text().startswith("# ") for file in POLICIES.glob("*.toml"))
