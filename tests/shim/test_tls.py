"""Scanners behind TLS that want to know who asks: whom the shim trusts, and what it says where it is not trusted."""

from dataclasses import dataclass

import pytest

from tests.fakes.certificates import Authority, Certificate, server_context
from tests.fakes.courier_queue import MESSAGE, control_file
from tests.fakes.scanner import FakeScanner, refuse_the_header_form
from tests.fakes.shim_program import LogLine, MailHost, ShimProgram
from tests.fakes.submit import submit

CLEAN = b"200 2.0.0 Ok\n"
NOT_CHECKED = b"451 4.3.0 Message could not be checked, try again later\n"
PLACE = "IP:127.0.0.1"
MEGABYTE = MESSAGE + b"x" * 2**20
MANY = control_file(recipients=[f"somebody-{number}@test.example".encode() for number in range(300)])


@dataclass(frozen=True, slots=True)
class Pki:
    """An authority, one that nobody trusts, and what they signed."""

    ours: Authority
    strange: Authority
    scanner: Certificate
    shim: Certificate

    def settings(self, known_as: Certificate | None) -> dict[str, object]:
        """Return the shim's settings for TLS."""
        files = {"tls_ca": str(self.ours.certificate)}
        if known_as is not None:
            files |= {"tls_certificate": str(known_as.certificate), "tls_key": str(known_as.key)}
        return {**files, "deadline_seconds": 10, "retry_seconds": 0.3}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    ours, strange = Authority(folder / "ours"), Authority(folder / "strange")
    return Pki(ours, strange, ours.issue(PLACE), ours.issue("DNS:mx.test.example"))


def _ask(host: MailHost, pki: Pki, scanner: Certificate, known_as: Certificate | None) -> tuple[bytes, LogLine]:
    """Return reply and log line for a mail; the scanner has this certificate, and wants one of our authority."""
    with FakeScanner(tls=server_context(scanner, clients=pki.ours)) as running:
        host.set_up([running.endpoint], **pki.settings(known_as))
        with ShimProgram(host) as shim:
            reply = submit(host.filter_socket, host.queue.put())
            (line,) = [one for one in shim.log() if "reply" in one.fields]
    return reply, line


def test_with_the_right_certificates_there_is_a_verdict(mail_host: MailHost, pki: Pki) -> None:
    reply, line = _ask(mail_host, pki, pki.scanner, pki.shim)

    assert reply == CLEAN
    assert line.fields["scanner"].startswith("https://127.0.0.1:")


@pytest.mark.parametrize(
    ("name", "days", "problem"),
    [
        ("DNS:scanner.example", 1, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (PLACE, -1, "certificate has expired"),
    ],
    ids=["wrong host name", "expired"],
)
def test_a_scanner_that_is_not_the_one_wanted_gets_no_mail(
    mail_host: MailHost, pki: Pki, name: str, days: int, problem: str
) -> None:
    reply, line = _ask(mail_host, pki, pki.ours.issue(name, days=days), pki.shim)

    assert reply == NOT_CHECKED
    assert line.level == "ERR"
    assert problem in line.fields["problem"]


def test_a_scanner_that_a_stranger_vouches_for_gets_no_mail(mail_host: MailHost, pki: Pki) -> None:
    reply, line = _ask(mail_host, pki, pki.strange.issue(PLACE), pki.shim)

    assert reply == NOT_CHECKED
    assert "unable to get local issuer certificate" in line.fields["problem"]


def test_without_a_certificate_of_its_own_it_is_refused_and_says_why(mail_host: MailHost, pki: Pki) -> None:
    reply, line = _ask(mail_host, pki, pki.scanner, known_as=None)

    assert reply == NOT_CHECKED
    assert line.level == "ERR"
    assert "client certificate (tls_certificate)" in line.fields["problem"]


@pytest.mark.parametrize(("issuer", "days"), [("ours", -1), ("strange", 1)], ids=["expired", "of a stranger"])
def test_with_a_certificate_that_the_scanner_does_not_take_it_is_refused_and_says_why(
    mail_host: MailHost, pki: Pki, issuer: str, days: int
) -> None:
    authority: Authority = getattr(pki, issuer)

    reply, line = _ask(mail_host, pki, pki.scanner, authority.issue("DNS:old.test.example", days=days))

    assert reply == NOT_CHECKED
    assert "client certificate (tls_certificate)" in line.fields["problem"]


@pytest.mark.parametrize(
    ("scanner_wants", "control"),
    [(None, MANY), (431, control_file()), (400, control_file())],
    ids=["envelope too long", "431", "400"],
)
def test_a_form_comes_whole_through_tls(
    mail_host: MailHost, pki: Pki, scanner_wants: int | None, control: bytes
) -> None:
    usual = refuse_the_header_form(scanner_wants) if scanner_wants else None
    with FakeScanner(usual=usual, tls=server_context(pki.scanner, clients=pki.ours)) as scanner:
        mail_host.set_up([scanner.endpoint], **pki.settings(pki.shim))
        with ShimProgram(mail_host):
            reply = submit(mail_host.filter_socket, mail_host.queue.put(MEGABYTE, control))

    assert reply == CLEAN
    request = scanner.heard[-1]
    assert request.is_form
    assert request.message() == MEGABYTE
    assert len(request.envelope().recipients) == control.count(b"\nr")
