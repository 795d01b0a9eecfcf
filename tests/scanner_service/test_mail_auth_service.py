"""The whole service with `[mail_auth]` on, and what it does not load without."""

import subprocess
import sys
from pathlib import Path

from tests.fakes.dns_server import DnsServer
from tests.scanner_service.inspectors.mail_auth.signing import (
    BODY,
    COURIERS_RECEIVED,
    DOMAIN,
    HEADER,
    SELECTOR,
    key_record,
    signed,
)
from tests.scanner_service.live_service import post_form
from tests.scanner_service.scanner_program import running_scanner
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import AuthenticationResult, Destiny

ENVELOPE = Envelope("alice@example.net", (Recipient("bob@example.com"),), client=Client("192.0.2.25"))
_KEY = key_record()
ZONE = f"""
{SELECTOR}._domainkey.{DOMAIN} TXT "{_KEY[:200]}" "{_KEY[200:]}"
_dmarc.{DOMAIN} TXT "v=DMARC1; p=reject"
{DOMAIN} TXT "v=spf1 ip4:192.0.2.25 -all"
"""


def settings(server: DnsServer) -> str:
    return f'[mail_auth]\nenabled = true\nseconds = 1\nnameservers = ["{server.address}"]\n'


def test_the_verdict_and_the_log_tell_who_sent_a_message(tmp_path: Path) -> None:
    with DnsServer(ZONE) as server, running_scanner(tmp_path, settings=settings(server)) as program:
        with program.client() as client:
            verdict = decode_verdict(post_form(client, COURIERS_RECEIVED + signed(), ENVELOPE).content)
        (line,) = program.log_lines(f"mail_id={verdict.mail_id}")

    assert verdict.authentication == (
        AuthenticationResult("spf", "pass", "example.net", "smtp.mailfrom"),
        AuthenticationResult("dkim", "pass", "example.net", ""),
        AuthenticationResult("dmarc", "pass", "example.net", "p=reject; aligned: spf, dkim"),
    )
    assert ' auth="spf=pass dkim=pass dmarc=pass" ' in line


def test_what_fails_refuses_nothing(tmp_path: Path) -> None:
    stranger = Envelope("alice@example.net", (Recipient("bob@example.com"),), client=Client("198.51.100.1"))
    with (
        DnsServer(ZONE) as server,
        running_scanner(tmp_path, settings=settings(server)) as program,
        program.client() as client,
    ):
        verdict = decode_verdict(post_form(client, COURIERS_RECEIVED + HEADER + BODY, stranger).content)

    assert [one.result for one in verdict.authentication] == ["fail", "none", "fail"]
    assert (verdict.destiny, verdict.complete) == (Destiny.PASS, True)


def test_name_servers_that_are_not_there_refuse_nothing(tmp_path: Path) -> None:
    with DnsServer(ZONE) as server:
        pass
    with running_scanner(tmp_path, settings=settings(server)) as program:
        with program.client() as client:
            verdict = decode_verdict(post_form(client, COURIERS_RECEIVED + signed(), ENVELOPE).content)
        (line,) = program.log_lines(f"mail_id={verdict.mail_id}")

    assert [one.result for one in verdict.authentication] == ["temperror"] * 3
    assert (verdict.destiny, verdict.complete) == (Destiny.PASS, True)
    assert 'not_done="mail_auth: DNS, TXT of example.net: ' in line


def test_without_it_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys; from scanner_service.inspector_choice import choose_inspectors; "
        "from scanner_service.settings import Settings; choose_inspectors(Settings()); "
        "print(*sorted({'dns', 'spf', 'publicsuffixlist', 'cryptography'} & set(sys.modules)))"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout == "\n"
