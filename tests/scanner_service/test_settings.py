"""The settings: a file, the environment over it, the command line over both; and what is said of a mistake."""

import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import pytest

from scanner_service.api.access import Scope
from scanner_service.mail_log import LogFormat
from scanner_service.settings import (
    ENVIRONMENT_PREFIX,
    ClamdSetting,
    Settings,
    SettingsError,
    YaraSetting,
    load_settings,
    read_nameserver,
    read_token,
)

EVERYTHING = """\
[state]
directory = "/var/lib/couriergate"
[listen]
host = "0.0.0.0"
port = 8026
uds = "/run/couriergate/scanner.sock"
uds_group = "courier"
[[auth.tokens]]
name = "shim"
file = "/etc/couriergate/shim.token"
scopes = ["scan", "path"]
[virus]
engines = [
  {kind = "clamd", address = "unix:/run/clamav/clamd.ctl"},
  {kind = "clamd", address = "tcp:[::1]:3310", name = "spare"},
  {kind = "yara"},
]
engine_wait_seconds = 5
[mail_auth]
enabled = true
seconds = 2.5
nameservers = ["127.0.0.1:5353", "[::1]:53", "2001:db8::53", "192.0.2.53"]
[limits]
max_message_bytes = 1000
deadline_seconds = 30
depth = 7
parts = 70
[log]
format = "json"
"""


@pytest.fixture(autouse=True)
def environment() -> Iterator[MutableMapping[str, str]]:
    """The environment without any setting; what a test changes is undone."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(ENVIRONMENT_PREFIX):
            del os.environ[name]
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scanner.toml"


def load(file: Path, text: str, **listen: object) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load_settings(file, listen)


def test_each_setting_of_the_file_is_read(file: Path) -> None:
    settings = load(file, EVERYTHING)

    assert settings.state.directory == Path("/var/lib/couriergate")
    assert (settings.listen.host, settings.listen.port) == ("0.0.0.0", 8026)
    assert (settings.listen.uds, settings.listen.uds_group) == (Path("/run/couriergate/scanner.sock"), "courier")
    assert settings.auth.tokens[0].file == Path("/etc/couriergate/shim.token")
    assert settings.auth.tokens[0].scopes == {Scope.SCAN, Scope.PATH}
    assert settings.virus.engines == (
        ClamdSetting(kind="clamd", address="unix:/run/clamav/clamd.ctl"),
        ClamdSetting(kind="clamd", address="tcp:[::1]:3310", name="spare"),
        YaraSetting(kind="yara"),
    )
    assert settings.virus.engine_wait_seconds == 5
    assert (settings.mail_auth.enabled, settings.mail_auth.seconds) == (True, 2.5)
    assert [read_nameserver(one) for one in settings.mail_auth.nameservers] == [
        ("127.0.0.1", 5353),
        ("::1", 53),
        ("2001:db8::53", 53),
        ("192.0.2.53", 53),
    ]
    assert settings.limits.max_message_bytes == 1000
    assert settings.limits.deadline_seconds == 30
    assert (settings.limits.depth, settings.limits.parts) == (7, 70)
    assert settings.log.format is LogFormat.JSON


def test_the_rules_without_a_name_are_the_default_set(file: Path) -> None:
    banned = load(file, "[[banned.rules]]\nname = 'ours'\n[banned.rule_sets.strict]\n").banned

    assert [rule.name for rule in banned.rules] == ["ours"]
    assert list(banned.rule_sets) == ["strict"]


def test_an_empty_file_is_the_embedded_default(file: Path) -> None:
    settings = load(file, "")

    assert settings.model_dump() == Settings().model_dump()
    assert settings.state.directory == Path.cwd() / "var"
    assert (settings.listen.host, settings.listen.port, settings.listen.uds) == ("127.0.0.1", 8025, None)
    assert [engine.kind for engine in settings.virus.engines] == ["yara"]


def test_a_file_that_was_named_must_be_there(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"scanner\.toml: there is no such file"):
        load_settings(file, {})


def test_a_file_that_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match=r"scanner\.toml: cannot be read"):
        load_settings(file, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lisen]\nport = 1\n", "FILE, line 1: lisen: unknown setting; did you mean 'listen'?"),
        ("[listen]\nprot = 1\n", "FILE, line 2: listen.prot: unknown setting; did you mean 'port'?"),
        ("listen.prot = 1\n", "FILE, line 1: listen.prot: unknown setting; did you mean 'port'?"),
        ("[listen]\nx = 1\n", "FILE, line 2: listen.x: unknown setting; known are host, port, uds, uds_group"),
        ("zzz = 1\n", "FILE, line 1: zzz: unknown setting; known are state, listen, auth, virus, banned, spam,"),
        (
            "# port\n[log]\nformat = 'json'\n\n[listen]\nhost = 'port'\nport = 0\n",
            "FILE, line 7: listen.port: want at least 1, got 0",
        ),
        ("[records]\nkeep_days = 0\n", "FILE, line 2: records.keep_days: want at least 1, got 0"),
        (
            "[database]\nurl = 'mysql://u:secret@h/d'\n",
            "FILE, line 2: database.url: want sqlite:////PATH or postgresql://USER:PASSWORD@HOST/NAME",
        ),
        (
            "[policy]\nsql = 'postgresql://ann:secret@db.example/mail'\n",
            "FILE, line 2: policy.sql: want a table, got 'postgresql://***@db.example/mail'",
        ),
        ("[listen]\nport = 65536\n", "FILE, line 2: listen.port: want at most 65535, got 65536"),
        ("[listen]\nport = 'x'\n", "FILE, line 2: listen.port: want a whole number, got 'x'"),
        ("[state]\ndirectory = 'var'\n", "FILE, line 2: state.directory: want an absolute path, got 'var'"),
        ("[listen]\nuds = 'run/sock'\n", "FILE, line 2: listen.uds: want an absolute path, got 'run/sock'"),
        ("[virus]\nengines = []\n", "FILE, line 2: virus.engines: want 1 or more in the list, got []"),
        ("[virus]\nengines = 'clamd'\n", "FILE, line 2: virus.engines: want a list, got 'clamd'"),
        ("[virus]\nengines = [{address = 'x'}]\n", "FILE, line 2: virus.engines.0: must have a kind"),
        ("[headers]\non_clean = 7\n", "FILE, line 2: headers.on_clean: want true or false, got 7"),
        ("[listen]\nhost = true\n", "FILE, line 2: listen.host: want a text, got true"),
        ("[limits]\ndecode_seconds = 0\n", "FILE, line 2: limits.decode_seconds: want more than 0, got 0"),
        ("[limits]\ndepth = 1.5\n", "FILE, line 2: limits.depth: want a whole number, got 1.5"),
        ("[mail_auth]\nseconds = 'x'\n", "FILE, line 2: mail_auth.seconds: want a number, got 'x'"),
        ("log = 'json'\n", "FILE, line 1: log: want a table, got 'json'"),
        (
            f"[headers]\non_clean = '{'x' * 99}'\n",
            f"FILE, line 2: headers.on_clean: want true or false, got '{'x' * 56}...",
        ),
        (
            "[spam]\nengine = {kind = 'spamd', adress = 'x'}\n",
            "FILE, line 2: spam.engine.address: must be set\nFILE, line 2: spam.engine.adress: unknown setting; did",
        ),
        (
            "[[banned.rules]]\nname = 'a'\ntypes = ['jave']\n",
            "FILE, line 3: banned.rules.0.types.0: there is no type 'jave' of content; did you mean 'java'?",
        ),
        (
            "[[banned.rules]]\nname = 'a'\ninside = ['ziip']\n",
            "FILE, line 3: banned.rules.0.inside.0: there is no type 'ziip' of content; did you mean 'zip'?",
        ),
        (
            "[[banned.rule_sets.strict.rules]]\nname = 'a'\nextension = ['7z']\n",
            "FILE, line 3: banned.rule_sets.strict.rules.0.extension: unknown setting; did you mean 'extensions'?",
        ),
        (
            "[virus]\nengines = [{kind = 'clam'}]\n",
            "FILE, line 2: virus.engines.0: want kind = 'clamd' or 'yara', got 'clam'",
        ),
        ("[[virus.engines]]\nkind = 'clamd'\n", "FILE, line 1: virus.engines.0.address: must be set"),
        (
            "[[virus.engines]]\nkind = 'yara'\naddress = 'x'\n",
            "FILE, line 3: virus.engines.0.address: unknown setting; known are kind, name, rules, backup",
        ),
        (
            "[[virus.engines]]\nkind = 'yara'\n[[virus.engines]]\nkind = 'yara'\nnaem = 'x'\n",
            "FILE, line 5: virus.engines.1.naem: unknown setting; did you mean 'name'?",
        ),
        ("[virus]\nengines = [\n {kind = 'clamd'},\n]\n", "FILE, line 2: virus.engines.0.address: must be set"),
        ("'listen'.port = 0\n", "FILE, line 1: listen.port: want at least 1, got 0"),
        ("[ listen ]\nport=0\n", "FILE, line 2: listen.port: want at least 1, got 0"),
        ("[virus]\nengine_wait_seconds = -1\n", "FILE, line 2: virus.engine_wait_seconds: "),
        ("[virus]\nsignature_days = -1\n", "FILE, line 2: virus.signature_days: "),
        ("[[virus.spam_scores]]\nnames = '('\n", "FILE, line 2: virus.spam_scores.0.names: want a regular"),
        ("[[virus.spam_scores]]\nscore = 1\n", "FILE, line 1: virus.spam_scores.0.names: must be set"),
        ("[[virus.spam_scores]]\nnames = 'x'\nscore = -1\n", "FILE, line 3: virus.spam_scores.0.score: "),
        ("[[virus.spam_scores]]\nnames = 'x'\nscore = inf\n", "FILE, line 3: virus.spam_scores.0.score: "),
        ("[virus]\nengine_wait_seconds = nan\n", "FILE, line 2: virus.engine_wait_seconds: "),
        ("[[auth.tokens]]\nname = 'a'\nfile = '/t'\nscopes = []\n", "FILE, line 4: auth.tokens.0.scopes: "),
        ("[limits]\nmax_message_bytes = 0\n", "FILE, line 2: limits.max_message_bytes: "),
        ("[limits]\ndepth = 101\n", "FILE, line 2: limits.depth: "),
        ("[banned.rule_sets.default]\n", "FILE, line 1: banned.rule_sets: want another name than 'default'"),
        (
            "[[banned.rule_sets.strict.rules]]\nname = 'a'\nnames = '('\n",
            "FILE, line 3: banned.rule_sets.strict.rules.0.names: want a regular expression, got '('",
        ),
        ("[log]\nformat = 'xml'\n", "FILE, line 2: log.format: want 'logfmt' or 'json', got 'xml'"),
        ("[log\n", "FILE: not TOML: "),
        ("[log]\n[log]\n", "FILE: not TOML: "),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_nearest_name(file: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(file, text)

    assert str(raised.value).replace(str(file), "FILE").startswith(said)


def test_each_mistake_has_its_own_line(file: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(file, "[listen]\nport = 0\nprot = 1\n[log]\nformat = 1\n")

    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == [
        "listen.port",
        "listen.prot",
        "log.format",
    ]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "clamd",
        "unix:",
        "unix:run/clamd.ctl",
        "tcp:",
        "tcp:host",
        "tcp:host:",
        "tcp:host:x",
        "tcp:host:65536",
        "tcp:::1:3310",
        "tcp:a..b:3310",
        f"tcp:{'x' * 64}:3310",
        "http://host:3310",
        "tcp:host/x:1",
    ],
)
def test_an_address_of_clamd_that_cannot_be_one_is_refused(file: Path, address: str) -> None:
    with pytest.raises(SettingsError, match=r"line 2: virus\.engines\.0\.address: "):
        load(file, f"[virus]\nengines = [{{kind = 'clamd', address = '{address}'}}]\n")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "dns.example",
        "192.0.2.53:",
        "192.0.2.53:0",
        "192.0.2.53:65536",
        "192.0.2.53:x",
        "[::1",
        "::1]:53",
        "192.0.2",
    ],
)
def test_an_address_of_a_name_server_that_cannot_be_one_is_refused(file: Path, address: str) -> None:
    with pytest.raises(SettingsError, match=r"line 2: mail_auth\.nameservers"):
        load(file, f"[mail_auth]\nnameservers = ['{address}']\n")


def test_the_environment_is_above_the_file_and_the_command_line_above_both(
    file: Path, environment: MutableMapping[str, str]
) -> None:
    environment["COURIERGATE_SCANNER__LISTEN__PORT"] = "2"
    environment["COURIERGATE_SCANNER__LISTEN__HOST"] = "127.0.0.2"
    environment["COURIERGATE_SCANNER__VIRUS__ENGINES"] = '[{"kind": "clamd", "address": "unix:/c"}]'

    settings = load(file, "[listen]\nport = 1\nhost = '127.0.0.1'\n[limits]\nparts = 9\n", port=3)

    assert settings.listen.port == 3
    assert settings.listen.host == "127.0.0.2"
    assert settings.limits.parts == 9
    assert settings.virus.engines == (ClamdSetting(kind="clamd", address="unix:/c"),)


def test_a_value_may_lie_in_a_file_that_the_environment_names(
    file: Path, tmp_path: Path, environment: MutableMapping[str, str]
) -> None:
    (tmp_path / "secret").write_text("2345\n")
    environment["COURIERGATE_SCANNER__LISTEN__PORT_FILE"] = str(tmp_path / "secret")

    assert load(file, "[listen]\nport = 1\n").listen.port == 2345


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LISTEN__PROT", "1", "VARIABLE: listen.prot: unknown setting; did you mean 'port'?"),
        ("LISTEN__PORT", "x", "VARIABLE: listen.port: want a whole number, got 'x'"),
        ("STATE__DIRECTORY", "var", "VARIABLE: state.directory: want an absolute path, got 'var'"),
        (
            "LISEN__PORT",
            "1",
            "VARIABLE: unknown section; known are state,",
        ),
        ("PORT", "1", "VARIABLE: unknown section; known are state,"),
        ("_FILE", "/x", "VARIABLE: unknown section; known are state,"),
        (
            "LISTEN__PORT_FILE",
            "/nowhere",
            "VARIABLE: the file cannot",
        ),
        ("VIRUS__ENGINES", "clamd", "environment: want JSON for a list or a whole section: "),
        ("LISTEN", "8025", "VARIABLE: listen: want a table, got 8025"),
        ("LISTEN", "x", "environment: want JSON for a list or a whole section: "),
    ],
)
def test_a_mistake_in_the_environment_is_told(
    file: Path, environment: MutableMapping[str, str], name: str, value: str, said: str
) -> None:
    environment[f"COURIERGATE_SCANNER__{name}"] = value

    with pytest.raises(SettingsError) as raised:
        load(file, "")

    assert str(raised.value).replace(f"environment variable COURIERGATE_SCANNER__{name}", "VARIABLE").startswith(said)


def test_a_mistake_on_the_command_line_is_told_as_one_though_the_file_sets_the_same(file: Path) -> None:
    file.write_text("[listen]\nport = 1\n")

    with pytest.raises(SettingsError) as raised:
        load_settings(file, {"port": 0})

    assert str(raised.value) == "command line: listen.port: want at least 1, got 0"


def test_a_mistake_in_the_environment_is_told_as_one_though_the_file_sets_the_same(
    file: Path, environment: MutableMapping[str, str]
) -> None:
    environment["COURIERGATE_SCANNER__LISTEN__PORT"] = "x"

    with pytest.raises(SettingsError) as raised:
        load(file, "[listen]\nport = 1\n")

    assert str(raised.value).startswith("environment variable COURIERGATE_SCANNER__LISTEN__PORT: listen.port: want ")


def test_a_mistake_in_the_file_is_told_as_one_though_the_environment_sets_its_neighbour(
    file: Path, environment: MutableMapping[str, str]
) -> None:
    environment["COURIERGATE_SCANNER__LISTEN__HOST"] = "127.0.0.1"

    with pytest.raises(SettingsError) as raised:
        load(file, "[listen]\nport = 0\n")

    assert str(raised.value) == f"{file}, line 2: listen.port: want at least 1, got 0"


def test_settings_cannot_be_changed_once_they_are_read(file: Path) -> None:
    settings = load(file, "")

    with pytest.raises(ValueError, match="frozen"):
        settings.listen.port = 1  # type: ignore[misc]


@pytest.mark.parametrize("content", [b"sixteen-and-more", b"  padded-with-space-and-line \n\n", b"!~" * 50])
def test_a_token_is_one_word_of_sixteen_characters_or_more(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    assert read_token(tmp_path / "token") == content.decode().strip()


@pytest.mark.parametrize(
    "content", [b"", b"fifteen-no-more", b"two words are too much", b"\xff" * 20, b"a" * 20 + b"\nb"]
)
def test_what_is_no_token_is_refused_with_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(SettingsError, match=str(tmp_path / "token")):
        read_token(tmp_path / "token")
