"""What `couriergate scan` says of a verdict."""

from dataclasses import replace

import pytest

from couriergate.report import details, headline, tree
from couriergate.scan import Scanned
from tests.fakes.verdicts import verdict_on
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import AuthenticationResult, Destiny, ReportedFinding, ReportedPart, SpamReport, Verdict

ENVELOPE = Envelope(sender="a@example.net", recipients=(Recipient("b@example.com"),))


@pytest.mark.parametrize(
    ("engines", "warnings"),
    [
        ("real", []),
        ("demo", ["warning   demo engine: only the EICAR test file would be found"]),
        ("none", ["warning   no virus engine protects now: see /readyz of the service, or its log"]),
    ],
)
def test_missing_protection_is_told(engines: str, warnings: list[str]) -> None:
    scanned = Scanned("clean.eml", replace(verdict_on(ENVELOPE), engines=engines), b"")

    assert [line for line in details(scanned) if line.startswith("warning")] == warnings


def lines_of(verdict: Verdict, kind: str) -> list[str]:
    return [line for line in details(Scanned("mail.eml", verdict, b"")) if line.startswith(kind)]


def test_a_mail_that_passes_tagged_is_not_called_clean() -> None:
    plain = verdict_on(ENVELOPE)
    tagged = replace(plain.recipients[0], categories=("unchecked.encrypted", "spammy"))
    refused = verdict_on(ENVELOPE, Destiny.REJECT)

    said = [headline(Scanned("mail.eml", one, b"")) for one in (plain, replace(plain, recipients=(tagged,)), refused)]

    assert said == [
        "mail.eml: pass (clean)",
        "mail.eml: pass (unchecked.encrypted, spammy)",
        "mail.eml: reject (virus)",
    ]


def test_the_score_and_who_sent_it_are_told_where_somebody_looked() -> None:
    plain = verdict_on(ENVELOPE)
    known = (AuthenticationResult("spf", "pass", "remote.example"), AuthenticationResult("dkim", "none"))
    looked = replace(plain, spam=SpamReport(2.5, ("BAYES_50", "X\x1b")), authentication=known)

    assert lines_of(plain, "score") + lines_of(plain, "auth") == []
    assert lines_of(looked, "score") == ["score     2.5 BAYES_50, X\\x1b"]
    assert lines_of(looked, "auth") == ["auth      spf=pass (remote.example) dkim=none"]


def test_what_the_service_escaped_is_not_escaped_again_and_the_rest_is() -> None:
    path = "2/caf\\xc3\\xa9.zip/run.exe"
    finding = ReportedFinding("banned", None, "banned", "caf\xe9", path, None, "no field: '\\x89PNG'")
    hostile = replace(finding, name="a", part="2\x1b", detail="\x1b[31m")

    verdict = replace(verdict_on(ENVELOPE), findings=(finding, hostile))

    assert lines_of(verdict, "found") == [
        "found     banned caf\\xc3\\xa9 in part 2/caf\\xc3\\xa9.zip/run.exe (by banned): no field: '\\x89PNG'",
        "found     banned a in part 2\\x1b (by banned): \\x1b[31m",
    ]
    assert list(tree([ReportedPart(path, "", (), (), 1)])) == ["part          2/caf\\xc3\\xa9.zip/run.exe, 1 bytes"]
