"""Which addresses are delivered here, by Courier's own files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shim.courier_config import (
    SYSCONFDIR,
    LocalDomains,
    courier_me,
    filtered_sources,
    local_domains,
    shell_value,
    size_limit,
    smtp_address,
    sysconfdir,
)

LOCALS = """# mail for these is ours
#commented.example
localhost
Test.Example

  indented.example\t
.wild.example
!www.wild.example
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "me").write_text("mx.test.example\n")
    return tmp_path


@pytest.mark.parametrize(
    ("content", "name"),
    [("mx.example\n", "mx.example"), ("mx.example", "mx.example"), ("\n# it\n mx.example \nother\n", "mx.example")],
)
def test_me_is_the_first_line_that_says_something(tmp_path: Path, content: str, name: str) -> None:
    (tmp_path / "me").write_text(content)

    assert courier_me(tmp_path) == name


@pytest.mark.parametrize("content", [None, "", "\n", "# nothing\n"])
def test_without_me_the_host_has_its_own_name(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "me").write_text(content)

    assert courier_me(tmp_path) == Path("/proc/sys/kernel/hostname").read_text().strip()


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("a@test.example", True),
        ("a@TEST.example", True),
        ("a@localhost", True),
        ("a@indented.example", True),
        ("alice", True),
        ("", True),
        ('"odd@remote.example"@test.example', True),
        ("a@test.example@remote.example", False),
        ("a@remote.example", False),
        ("a@sub.test.example", False),
        ("a@nottest.example", False),
        ("a@example", False),
        ("a@", False),
        ("a@commented.example", False),
        ("a@one.wild.example", True),
        ("a@two.ONE.wild.example", True),
        ("a@wild.example", False),
        ("a@notwild.example", False),
        ("a@www.wild.example", False),
        ("a@WWW.wild.example", False),
        ("a@below.www.wild.example", True),
        ("a@mx.test.example", False),
    ],
)
def test_locals_says_who_is_local(etc: Path, address: str, local: bool) -> None:
    (etc / "locals").write_text(LOCALS)

    assert local_domains(etc).holds(address) is local


def test_a_name_that_is_listed_is_local_in_spite_of_an_exception(etc: Path) -> None:
    (etc / "locals").write_text("!www.wild.example\nwww.wild.example\n.wild.example\n")

    assert local_domains(etc).holds("a@www.wild.example")


def test_without_locals_me_is_the_local_domain(etc: Path) -> None:
    (etc / "me").write_text("MX.test.example\n")

    assert local_domains(etc) == LocalDomains(frozenset({"mx.test.example"}))


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n"])
def test_locals_that_name_nobody_are_no_local_domain(etc: Path, content: str) -> None:
    (etc / "locals").write_text(content)

    assert local_domains(etc) == LocalDomains(frozenset())


@pytest.mark.parametrize("name", ["locals", "hosteddomains"])
def test_what_cannot_be_read_is_as_if_it_were_not_there(etc: Path, name: str) -> None:
    (etc / name).symlink_to(name)

    assert local_domains(etc) == LocalDomains(frozenset({"mx.test.example"}))


def test_a_folder_that_must_not_be_read_is_as_if_it_were_not_there() -> None:
    with tempfile.TemporaryDirectory() as name:
        etc = Path(name)
        etc.chmod(0o755)
        (etc / "locals").write_text("test.example\n")
        (etc / "hosteddomains").mkdir(0o000)

        with _no_special_rights():
            domains = local_domains(etc)

    assert domains == LocalDomains(frozenset({"test.example"}))


@contextmanager
def _no_special_rights() -> Iterator[None]:
    """Root may read everything; nobody may not."""
    uid = os.geteuid()
    os.seteuid(uid or 65534)
    try:
        yield
    finally:
        os.seteuid(uid)


HOSTED = "hosted.example\nAlias.example\thosted.example\n.below.example\n# no.example\n"


def _as_a_file(path: Path) -> None:
    path.write_text(HOSTED)


def _as_a_directory(path: Path) -> None:
    path.mkdir()
    (path / "folder").mkdir()
    for number, line in enumerate(HOSTED.splitlines()):
        (path / f"domain{number}").write_text(line)


@pytest.mark.parametrize("make", [_as_a_file, _as_a_directory])
@pytest.mark.parametrize(
    ("domain", "local"),
    [
        ("hosted.example", True),
        ("HOSTED.example", True),
        ("alias.example", True),
        ("x.below.example", True),
        ("mx.test.example", True),
        ("below.example", False),
        ("no.example", False),
        ("x.hosted.example", False),
        ("alias.example\thosted.example", False),
    ],
)
def test_hosted_domains_are_local_besides_the_others(etc: Path, make: object, domain: str, local: bool) -> None:
    assert callable(make)
    make(etc / "hosteddomains")

    assert local_domains(etc).holds(f"a@{domain}") is local


def test_bytes_that_are_not_utf8_do_no_harm(etc: Path) -> None:
    (etc / "locals").write_bytes(b"\xff.example\ntest.example\n")

    domains = local_domains(etc)

    assert domains.holds("a@test.example")
    assert domains.holds("a@\udcff.example")


def test_courierfilter_names_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("sysconfdir", raising=False)
    assert sysconfdir() == SYSCONFDIR

    monkeypatch.setenv("sysconfdir", "/opt/courier/etc")
    assert sysconfdir() == Path("/opt/courier/etc")


@pytest.mark.parametrize(
    ("esmtpd", "address"),
    [
        ("", ("127.0.0.1", 25)),
        ("PORT=smtp\n", ("127.0.0.1", 25)),
        ("PORT=25\nPORT=2525,465\n", ("127.0.0.1", 2525)),
        ('PORT="25"\nADDRESS="192.0.2.1"\n', ("192.0.2.1", 25)),
        ("PORT=192.0.2.1.26,25\nADDRESS=192.0.2.2\n", ("192.0.2.1", 26)),
        ("ADDRESS=0\n", ("127.0.0.1", 25)),
        ("ADDRESS=0.0.0.0\n#ADDRESS=192.0.2.1\n", ("127.0.0.1", 25)),
    ],
)
def test_esmtpd_listens_where_its_settings_say(tmp_path: Path, esmtpd: str, address: tuple[str, int]) -> None:
    (tmp_path / "esmtpd").write_text(esmtpd)

    assert smtp_address(tmp_path) == address


def test_the_last_assignment_holds_and_nothing_is_executed(tmp_path: Path) -> None:
    (tmp_path / "esmtpd").write_text("A=1\nAB=3\nA='$(touch x)'\n")

    assert shell_value(tmp_path / "esmtpd", "A") == "$(touch x)"
    assert shell_value(tmp_path / "esmtpd", "B", "none") == "none"
    assert shell_value(tmp_path / "nothing", "A") == ""


@pytest.mark.parametrize(
    ("content", "limit"), [(None, 10485760), ("", 10485760), ("0\n", 0), ("5000\n", 5000), ("much\n", 10485760)]
)
def test_the_size_limit_is_couriers_default_or_what_the_file_says(
    tmp_path: Path, content: str | None, limit: int
) -> None:
    if content is not None:
        (tmp_path / "sizelimit").write_text(content)

    assert size_limit(tmp_path) == limit


def test_of_enablefiltering_submit_reads_255_bytes(tmp_path: Path) -> None:
    (tmp_path / "enablefiltering").write_text("local" + " " * 250 + "esmtp\n")

    assert filtered_sources(tmp_path) == ("local",)
