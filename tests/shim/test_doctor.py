"""Doctor on a whole mail host: Courier, the shim and a scanner, with one thing or another broken."""

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from shim.diagnosis import Finding, Level
from shim.doctor import render_json, render_line, render_monitor, render_unknown
from shim.probe import probe_file
from shim.probe_checks import EICAR
from tests.fakes.esmtpd import FakeEsmtpd, FakeFilter
from tests.fakes.scanner import FakeScanner, Talk, answer, give_verdict, http_answer
from tests.fakes.shim_program import PROGRAM, MailHost, ShimProgram
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from verdict_api.verdict import Destiny, Verdict

ANSWERS = {
    "/livez": {"status": "ok"},
    "/readyz": {"status": "ready", "engines": "real", "engine_versions": {"clamd": "ClamAV 1.4.6"}},
    "/version": {"version": "0.1.0", "api": ["v1"], "max_message_bytes": 2**30},
}


class DoctorsHost:
    """A mail host where everything is well, until a test breaks it."""

    def __init__(self, host: MailHost, scanner: FakeScanner, esmtpd: FakeEsmtpd) -> None:
        self.directory = host.directory
        self.all_filters = host.all_filters
        self.socket = host.filter_socket
        self.settings_file = host.settings_file
        self.esmtpd = esmtpd
        self.scanner = scanner
        self.finds_viruses = True
        self.observes = False
        scanner.usual = self._scan

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, "doctor", "--config", str(self.settings_file), *arguments],
            env={"sysconfdir": str(self.directory)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def findings(self, *arguments: str) -> list[str]:
        """Return the worst findings; at least one, as `check: what was seen`."""
        found = json.loads(self.run("--json", *arguments).stdout)["findings"]
        return [f"{one['check']}: {one['saw']}" for one in found if one["level"] in ("problem", "warning")]

    async def _scan(self, talk: Talk) -> None:
        head = await talk.hear_head()
        if head.line.startswith("GET"):
            await talk.hear()
            await talk.say(http_answer(200, json.dumps(ANSWERS[head.line.split()[1]]).encode()))
        else:
            await give_verdict(self._judge)(talk)

    def _judge(self, verdict: Verdict) -> Verdict:
        request = self.scanner.heard[-1]
        infected = base64.b64encode(EICAR)[:60] in request.message()
        if not (infected and self.finds_viruses):
            return verdict
        refusal = verdict_on(request.envelope(), Destiny.REJECT, VIRUS_REPLY)
        return replace(verdict, would_be=refusal) if self.observes else refusal


@pytest.fixture
def host(mail_host: MailHost) -> Iterator[DoctorsHost]:
    with _running(mail_host) as host:
        yield host


@pytest.fixture
def observing_host(mail_host: MailHost) -> Iterator[DoctorsHost]:
    with _running(mail_host, observe=True) as host:
        yield host


@contextmanager
def _running(mail_host: MailHost, **settings: object) -> Iterator[DoctorsHost]:
    directory = mail_host.directory
    (mail_host.filters / "active").mkdir()
    (mail_host.filters / "active/couriergate").symlink_to("/bin/true")
    (directory / "enablefiltering").write_text("esmtp local\n")
    with FakeScanner() as scanner, FakeEsmtpd(directory) as esmtpd:
        group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
        mail_host.set_up([scanner.endpoint], group=group, deadline_seconds=10, retry_seconds=0.3, **settings)
        with ShimProgram(mail_host):
            yield DoctorsHost(mail_host, scanner, esmtpd)


def test_where_all_is_well_it_says_so_and_nobody_gets_a_probe(host: DoctorsHost) -> None:
    ended = host.run()

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert "ok       settings: can be used" in lines
    assert any(line.startswith("ok       clean probe: let pass by our filter in ") for line in lines)
    assert any(line.startswith("ok       EICAR probe: refused in ") for line in lines)
    assert lines[-1] == "problems: 0, warnings: 1"  # courierfilter does not run here
    assert [request.envelope().probe for request in host.scanner.heard if request.line.startswith("POST")] == [
        True
    ] * 2
    assert host.esmtpd.delivered == []
    assert not probe_file(host.socket).exists()


def test_a_monitoring_system_gets_one_line(host: DoctorsHost) -> None:
    ended = host.run("--monitor")

    assert ended.returncode == 1
    assert ended.stdout.startswith("COURIERGATE WARNING - courierfilter: does not run | probe=")
    assert ended.stdout.endswith("ms\n")
    assert ended.stdout.count("\n") == 1


def test_without_probes_no_mail_is_sent(host: DoctorsHost) -> None:
    found = host.run("--no-probe")

    assert found.returncode == 0
    assert "probe" not in found.stdout
    assert not [request for request in host.scanner.heard if request.line.startswith("POST")]


def test_while_mail_is_not_filtered_no_probe_is_sent(host: DoctorsHost) -> None:
    (host.directory / "enablefiltering").write_text("# esmtp\n")

    ended = host.run()

    assert ended.returncode == 1
    assert "note     probe: not sent: with a problem named above, postmaster might get it" in ended.stdout
    assert host.esmtpd.delivered == []


def test_a_filter_before_us_that_skips_us_is_found_by_the_probe(host: DoctorsHost) -> None:
    with FakeFilter(host.all_filters / "a", b"000 Ok\n"):
        found = host.findings()

    assert found[1:] == [
        "clean probe: accepted unseen by our filter; a may have answered 0xx before us; postmaster gets it"
    ]
    assert len(host.esmtpd.delivered) == 1  # the clean one; the other was not sent


def test_a_filter_before_us_that_lets_us_be_asked_is_none_of_our_business(host: DoctorsHost) -> None:
    with FakeFilter(host.all_filters / "a", b"200 Ok\n"), FakeFilter(host.all_filters / "z", b"550 5.7.1 no\n"):
        found = host.findings()

    assert found == ["courierfilter: does not run"]


def test_engines_that_find_nothing_are_found_by_the_probe(host: DoctorsHost) -> None:
    host.finds_viruses = False

    found = host.findings()

    assert found[1:] == ["EICAR probe: let pass: the virus engines do not find it"]
    assert host.esmtpd.delivered == []


OBSERVED = f"let pass in observe mode; it would be: {VIRUS_REPLY}"


@pytest.mark.parametrize("observes", [False, True], ids=["old service", "service that observes"])
def test_in_observe_mode_it_warns_of_that_and_tells_that_the_virus_was_found(
    observing_host: DoctorsHost, *, observes: bool
) -> None:
    observing_host.observes = observes

    ended = observing_host.run()

    lines = ended.stdout.splitlines()
    assert ended.returncode == 0
    assert any(line.startswith("warning  observe mode: on: nothing is refused") for line in lines)
    assert any(line.startswith("ok       EICAR probe: found in ") and line.endswith(OBSERVED) for line in lines)
    assert observing_host.esmtpd.delivered == []


def test_engines_that_find_nothing_are_found_in_observe_mode_too(observing_host: DoctorsHost) -> None:
    observing_host.finds_viruses = False

    assert observing_host.findings()[-1] == "EICAR probe: let pass: the virus engines do not find it"


def test_a_shim_that_has_not_yet_read_that_it_shall_observe_is_a_warning(host: DoctorsHost) -> None:
    with host.settings_file.open("a") as settings:
        settings.write("observe = true\n")

    found = host.findings()

    assert found[-1] == f"EICAR probe: refused, although the settings say that nothing is: `{VIRUS_REPLY}`"


def test_a_service_that_observes_unasked_is_a_warning(host: DoctorsHost) -> None:
    host.observes = True

    (_, finding) = host.findings()

    assert finding.startswith("EICAR probe: found in ")
    assert finding.endswith(OBSERVED)


def test_a_scanner_that_gives_no_verdict_is_found_by_the_probe(host: DoctorsHost) -> None:
    async def act(talk: Talk) -> None:
        head = await talk.hear_head()
        await (answer(500) if head.line.startswith("POST") else host._scan)(talk)  # noqa: SLF001

    host.scanner.usual = act

    found = host.findings()

    assert found[1:] == ["clean probe: answered `451 4.3.0 Message could not be checked, try again later`"]


def test_a_postmaster_whom_nobody_wants_is_a_warning(host: DoctorsHost) -> None:
    host.esmtpd.refused_recipients = True

    found = host.findings()

    assert found[1:] == ["clean probe: could not be sent: RCPT TO is answered `550 User <postmaster> unknown`"]


def test_an_smtp_server_that_is_away_is_a_problem(host: DoctorsHost) -> None:
    (host.directory / "esmtpd").write_text("PORT=127.0.0.1.1\n")

    found = host.findings()

    assert len(found) == 2
    assert found[1].startswith("probe: 127.0.0.1 port 1: ")


def test_settings_that_are_refused_are_a_problem_and_the_rest_is_looked_at(host: DoctorsHost) -> None:
    with host.settings_file.open("a") as settings:
        settings.write("scaners = []\n")

    ended = host.run()

    assert ended.returncode == 1
    assert "unknown setting 'scaners'" in ended.stdout
    assert "ok       filter socket: " in ended.stdout
    assert "scanner http" not in ended.stdout


def test_what_cannot_be_looked_at_is_never_fine(host: DoctorsHost) -> None:
    away = host.directory / "away"
    host.settings_file.write_text(f'filter_directory = "{away}"\n')

    ended = host.run("--no-probe")

    assert ended.returncode == 1
    assert f"warning  check: cannot look: [Errno 2] No such file or directory: '{away}'" in ended.stdout


FINE = Finding(Level.OK, "clean probe", "12 ms", milliseconds=12.4)
NOTED = Finding(Level.NOTE, "order", "a, b")
WARNED = Finding(Level.WARNING, "clock", "6 s | ahead", "run a time service")
BAD = Finding(Level.PROBLEM, "socket", "there is none", "install")


@pytest.mark.parametrize(
    ("findings", "status", "line"),
    [
        ([FINE, NOTED], 0, "COURIERGATE OK - mail is filtered | probe=12ms"),
        ([NOTED], 0, "COURIERGATE OK - mail is filtered"),
        ([WARNED, FINE], 1, "COURIERGATE WARNING - clock: 6 s / ahead | probe=12ms"),
        ([FINE, WARNED, BAD], 2, "COURIERGATE CRITICAL - socket: there is none; clock: 6 s / ahead | probe=12ms"),
    ],
)
def test_the_worst_finding_comes_first_and_decides(findings: list[Finding], status: int, line: str) -> None:
    assert render_monitor(findings) == (status, line)


def test_what_could_not_be_looked_at_is_unknown() -> None:
    assert render_unknown("OSError: a | b") == (3, "COURIERGATE UNKNOWN - OSError: a / b")


def test_a_finding_is_one_line_with_what_to_do() -> None:
    assert render_line(BAD) == "problem  socket: there is none. Do: install"
    assert render_line(replace(BAD, advice="")) == "problem  socket: there is none"


def test_what_others_say_cannot_write_to_a_terminal_or_break_a_line() -> None:
    hostile = replace(BAD, saw="\x1b[31m\nok", advice="rm \udcff")

    assert render_line(hostile) == r"problem  socket: \x1b[31m\x0aok. Do: rm \xff"
    assert render_monitor([hostile]) == (2, r"COURIERGATE CRITICAL - socket: \x1b[31m\x0aok")
    assert json.loads(render_json([hostile]))["findings"][0]["saw"] == "\x1b[31m\nok"


def test_as_data_it_is_the_same() -> None:
    assert json.loads(render_json([BAD])) == {
        "findings": [
            {
                "level": "problem",
                "check": "socket",
                "saw": "there is none",
                "advice": "install",
                "milliseconds": None,
            }
        ]
    }
