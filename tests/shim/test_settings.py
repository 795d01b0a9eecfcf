"""The settings file: what it may say, and how it is refused."""

from dataclasses import fields
from pathlib import Path

import pytest

from shim.log_line import LogFormat
from shim.settings import (
    OnFailure,
    Send,
    Settings,
    SettingsError,
    TooBig,
    WhenStopped,
    WithoutVerdict,
    load_settings,
    parse_settings,
    read_token,
    salvage_settings,
)


def test_an_empty_file_means_the_defaults() -> None:
    settings = parse_settings("", "f")

    assert settings == Settings()
    assert settings.scanners == ("http://127.0.0.1:8025",)
    assert settings.filter_directory == Path("/var/lib/courier/allfilters")


def test_every_setting_can_be_set() -> None:
    settings = parse_settings(
        """
        scanners = ["http://a:1", "https://b/", "unix:/run/c"]
        token_file = "/etc/courier/token"
        filter_directory = "/tmp/filters"
        socket_name = "gate-2.new"
        deadline_seconds = 300
        retry_seconds = 0.5
        on_failure = {local = "pass"}
        too_big = "pass"
        max_message_bytes = 1
        tls_ca = "/etc/courier/ca.pem"
        tls_certificate = "/etc/courier/mx.pem"
        tls_key = "/etc/courier/mx.key"
        send = "path"
        workers = 3
        when_stopped = "pass"
        user = "daemon"
        group = "mail"
        log_format = "json"
        metrics_file = "/var/lib/metrics/couriergate.prom"
        observe = true
        """,
        "f",
    )

    assert settings == Settings(
        scanners=("http://a:1", "https://b", "unix:/run/c"),
        token_file=Path("/etc/courier/token"),
        filter_directory=Path("/tmp/filters"),
        socket_name="gate-2.new",
        deadline_seconds=300.0,
        retry_seconds=0.5,
        on_failure=OnFailure(local=WithoutVerdict.PASS),
        too_big=TooBig.PASS,
        max_message_bytes=1,
        tls_ca=Path("/etc/courier/ca.pem"),
        tls_certificate=Path("/etc/courier/mx.pem"),
        tls_key=Path("/etc/courier/mx.key"),
        send=Send.PATH,
        workers=3,
        when_stopped=WhenStopped.PASS,
        user="daemon",
        group="mail",
        log_format=LogFormat.JSON,
        metrics_file=Path("/var/lib/metrics/couriergate.prom"),
        observe=True,
    )
    assert all(getattr(settings, one.name) != one.default for one in fields(Settings))


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:8025", "http://[::1]:8025", "https://scanner.example", "http://h:65535", "unix:/run/c.sock"],
)
def test_a_scanner_can_be_named_by_address_name_or_socket(endpoint: str) -> None:
    assert parse_settings(f'scanners = ["{endpoint}"]', "f").scanners == (endpoint,)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "127.0.0.1:8025",
        "localhost",
        "ftp://scanner.example",
        "http://",
        "http://:8025",
        "http://[::1",
        "http://[fe80]",
        "http://h:99999",
        "http://h:port",
        "http://h:-1",
        "http://h/v1",
        "http://h?x=1",
        "http://h#x",
        "http://two words:80",
        "unix:run/c.sock",
        "unix:",
    ],
)
def test_a_scanner_that_cannot_be_asked_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"^f, line 2: scanners: want http://HOST:PORT.*got"):
        parse_settings(f'\nscanners = ["http://a", "{endpoint}"]', "f")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('scanners = "http://a"', "want a list"),
        ("scanners = []", "want a list"),
        ("scanners = [1]", "want http://HOST:PORT"),
        ('token_file = "token"', "want an absolute path, got 'token'"),
        ("filter_directory = 1", "want an absolute path, got 1"),
        ('socket_name = ".couriergate"', "want a file name that begins with no dot"),
        ('socket_name = "a/b"', "want a file name"),
        ('socket_name = ""', "want a file name"),
        ('socket_name = "a\\n"', "want a file name"),
        ("socket_name = 1", "want a file name"),
        ("deadline_seconds = 0", "want seconds, above 0 and at most 300, got 0"),
        ("deadline_seconds = 301", "want seconds"),
        ("deadline_seconds = -1", "want seconds"),
        ("deadline_seconds = nan", "want seconds"),
        ("deadline_seconds = inf", "want seconds"),
        ("deadline_seconds = true", "want seconds"),
        ('retry_seconds = "20"', "want seconds"),
        ('too_big = "bounce"', "want one of reject, tempfail, pass, got 'bounce'"),
        ("too_big = []", "want one of reject, tempfail, pass"),
        ('on_failure = "pass"', "want a table such as"),
        ('on_failure = {strangers = "pass"}', "unknown class of senders 'strangers'; did you mean 'stranger'?"),
        ('send = "url"', "want one of content, path"),
        ('log_format = "xml"', "want one of logfmt, json"),
        ('metrics_file = "metrics"', "want an absolute path"),
        ('observe = "true"', "want true or false, got 'true'"),
        ("observe = 1", "want true or false, got 1"),
        ('tls_ca = "ca.pem"', "want an absolute path"),
        ("workers = 0", "want a number of processes"),
        ('user = "no body"', "want the name of an account"),
        ("max_message_bytes = 0", "want a number of bytes"),
        ("max_message_bytes = 1e6", "want a number of bytes"),
        ('max_message_bytes = "100M"', "want a number of bytes"),
        ("max_message_bytes = true", "want a number of bytes"),
    ],
)
def test_an_impossible_value_is_refused_by_its_place(line: str, problem: str) -> None:
    name = line.split(" ", 1)[0]

    with pytest.raises(SettingsError) as refusal:
        parse_settings(f"# settings\n\n{line}\n", "/etc/shim.toml")

    assert str(refusal.value).startswith(f"/etc/shim.toml, line 3: {name}: {problem}")


def test_a_class_of_senders_is_given_its_own_choice() -> None:
    with pytest.raises(SettingsError, match=r"^f, line 1: on_failure.local: want one of tempfail, pass, got 'drop'"):
        parse_settings('on_failure = {local = "drop"}', "f")


@pytest.mark.parametrize("line", ['tls_key = "/k"', 'tls_certificate = "/c"'])
def test_a_certificate_needs_its_key(line: str) -> None:
    with pytest.raises(SettingsError, match=r"^f: want tls_certificate and tls_key together, got one of them"):
        parse_settings(line, "f")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('scaners = ["http://a"]', "line 1: unknown setting 'scaners'; did you mean 'scanners'?"),
        ('\n\n"deadline" = 1', "line 3: unknown setting 'deadline'; did you mean 'deadline_seconds'?"),
        ("too_big = 'reject'\n  toobig.x = 1", "line 2: unknown setting 'toobig'; did you mean 'too_big'?"),
        ("[ scanner ]\nx = 1", "line 1: unknown setting 'scanner'; did you mean 'scanners'?"),
        ("q = 1", "line 1: unknown setting 'q'; known are scanners, token_file,"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_name(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        parse_settings(text, "f")

    assert str(refusal.value).startswith(f"f, {problem}")


@pytest.mark.parametrize("text", ["scanners", "scanners = [", "a = 1\na = 2", "x = \x00", "=", "workers = 1 2"])
def test_what_is_not_toml_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^f: not TOML: .*(line \d+|end of document)"):
        parse_settings(text, "f")


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shim.toml"
    path.write_text('socket_name = "gate"\n')

    assert load_settings(path).socket_name == "gate"


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"shim\.toml: there is no such file"):
        load_settings(tmp_path / "shim.toml")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "shim.toml"
    latin.write_bytes(b'socket_name = "caf\xe9"\n')

    for path in (latin, tmp_path):
        with pytest.raises(SettingsError, match=f"^{path}: cannot be read: "):
            load_settings(path)


def test_no_token_file_means_no_token() -> None:
    assert read_token(Settings()) is None


@pytest.mark.parametrize("content", ["s3cret", "s3cret\n", "  s3cret\r\n\n"])
def test_a_token_is_read_without_the_blanks_around_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)

    assert read_token(Settings(token_file=path)) == "s3cret"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"two\nlines", b"caf\xc3\xa9", b"\xff", b"a\x00b"])
def test_a_token_that_no_header_can_carry_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=f"^{path}: "):
        read_token(Settings(token_file=path))


def test_a_token_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the token cannot be read"):
        read_token(Settings(token_file=tmp_path / "token"))


@pytest.mark.parametrize(
    ("line", "observe"),
    [
        ("observe = true", True),
        ("  observe=true\t# the first week", True),
        ("observe = true\r", True),
        ("# observe = true", False),
        ("observe = false", False),
        ("observe = true or so", False),
        ("observed = true", False),
    ],
)
def test_broken_settings_still_say_whether_the_filter_only_looks_on(line: str, *, observe: bool) -> None:
    assert salvage_settings(f"scanners = [\n{line}\n").observe is observe
