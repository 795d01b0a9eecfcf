"""The variables of templates: each is there, each has its line in the reference, none is undone by a stranger."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.template_filters import FILTERS, TESTS
from scanner_service.judge.text_template import TextTemplate
from scanner_service.judge.text_variables import (
    EXAMPLES,
    JUDGED_EXAMPLES,
    MESSAGE_EXAMPLES,
    Judged,
    judged_variables,
    message_variables,
    verdict_variables,
)
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.header_text import address_in, header_text, oldest_public_address, received_addresses
from scanner_service.model.message import Message
from tests.fakes.verdicts import verdict_on
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.verdict import AuthenticationResult, DecidedBy, Destiny, ReportedFinding, SpamReport

PAGE = (Path(__file__).parents[3] / "docs/reference/templates.md").read_text()
MACROS = Path(__file__).with_name("amavis_macros.txt").read_text().splitlines()
ENVELOPE = Envelope(
    "ann@example.net",
    (Recipient("bob@example.com"), Recipient("eve@example.com")),
    host="mail.example.com",
    queue_id="0016.6B03.4F36",
    client=Client("192.0.2.25", "mx.example.net", "helo.example.net"),
    authenticated_user="bob",
    source="smtp",
)
RAW = (
    b"Received: from a (a [192.0.2.25]) by b; Mon, 2 Mar 2026 10:00:00 +0000\r\n"
    b"Received: from c (c [IPv6:2001:db8::7])\r\n\tby a\r\n"
    b"Received: from d ([8.8.8.8]) by c\r\n"
    b"Received: from e ([10.0.0.7]) by d\r\n"
    b"Message-ID: <1@example.net>\r\nResent-Message-ID: <2@example.net>\r\n"
    b"From: =?utf-8?q?Ann_M=C3=BCller?= <ann@example.net>\r\n"
    b"Subject: =?utf-8?b?TWludXRlcw==?=\r\n of Monday\r\nX-Mailer: Mailer 1.0\r\n"
    b"\r\nSubject: none\r\n"
)
MESSAGE = Message("b7kQ2sX9aLmP", ENVELOPE, RAW, "9f86")
FINDINGS = (
    Finding(ContentCategory.VIRUS, "clamd", "Eicar"),
    Finding(ContentCategory.BANNED, "banned", "program", part="2/a.exe", rule="default/program"),
    Finding(ContentCategory.UNCHECKED, "decode", "encrypted", SubCategory.ENCRYPTED),
    Finding(ContentCategory.SPAM, "spamd", "score 7.4"),
)


def rows_of(heading: str) -> dict[str, str]:
    """Return the first two cells of each row below a heading, the first without its code span."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `((?:\\\||[^`])+)` \| (.+?) (?:\| .*)?\|$", section, re.MULTILINE)
    return {name.replace("\\|", "|"): rest for name, rest in rows}


def test_each_variable_has_a_row_in_the_reference() -> None:
    pages = [rows_of(f"Variables of {what}") for what in ("the message", "a judgement", "the verdict")]

    assert [list(page) for page in pages] == [
        list(MESSAGE_EXAMPLES),
        list(JUDGED_EXAMPLES),
        [name for name in EXAMPLES if name not in {**MESSAGE_EXAMPLES, **JUDGED_EXAMPLES}],
    ]


def test_each_filter_and_test_is_named_in_the_reference() -> None:
    rows = rows_of("What there is")

    assert re.findall(r"`(\w+)`", rows["name | filter"]) == sorted(FILTERS)
    assert re.findall(r"`(\w+)`", rows["name is test"]) == sorted(TESTS)


def test_each_macro_of_amavis_has_its_counterpart_or_the_reason_why_it_has_none() -> None:
    rows = rows_of("From amavisd-new's macros")

    assert list(rows) == MACROS
    for macro, here in rows.items():
        words = set(re.findall(r"`([a-z_0-9]+)(?: \\\|[^`]*|\[[^`]*| is number)?`", here.partition("(")[0]))
        has_counterpart = "`" in here.partition(":")[0]
        assert has_counterpart or here.startswith(("no counterpart: ", "none needed: ")), macro
        if has_counterpart and not here.startswith(("`{", "filter", "`value", "`'", "`in`", "`%`", "`loop")):
            assert words, macro
            assert words <= set(EXAMPLES), macro


@pytest.mark.parametrize(
    "macro", [row for row in rows_of("From amavisd-new's macros").values() if row.startswith("filter")]
)
def test_a_filter_in_place_of_a_function_is_there(macro: str) -> None:
    assert re.findall(r"filter `(\w+)`", macro)[0] in FILTERS


def test_the_message_says_what_is_in_its_envelope_and_header() -> None:
    values = message_variables(MESSAGE, 1772445600.5)

    assert set(values) == set(MESSAGE_EXAMPLES)
    assert dict(values) == {
        "mail_id": "b7kQ2sX9aLmP",
        "queue_id": "0016.6B03.4F36",
        "host": "mail.example.com",
        "sender": "ann@example.net",
        "recipients": ["bob@example.com", "eve@example.com"],
        "client_ip": "192.0.2.25",
        "client_name": "mx.example.net",
        "client_helo": "helo.example.net",
        "user": "bob",
        "own_user": True,
        "source": "smtp",
        "size": len(RAW),
        "sha256": "9f86",
        "message_id": "<1@example.net>",
        "resent_message_id": "<2@example.net>",
        "subject": "Minutes of Monday",
        "from": "Ann Müller <ann@example.net>",
        "from_address": "ann@example.net",
        "resent_from": "",
        "header_sender": "",
        "resent_sender": "",
        "user_agent": "Mailer 1.0",
        "received_ips": ["192.0.2.25", "2001:db8::7", "8.8.8.8", "10.0.0.7"],
        "oldest_public_ip": "8.8.8.8",
        "date": "Mon, 02 Mar 2026 10:00:00 -0000",
        "date_utc": "2026-03-02T10:00:00Z",
        "unix_time": 1772445600,
    }


def test_a_judgement_says_what_was_found() -> None:
    judged = Judged(
        Destiny.REJECT,
        "virus",
        FINDINGS,
        SpamReport(7.4, ("A", "B")),
        "default",
        "destinies.virus",
        ("bob@example.com",),
    )

    values = judged_variables(judged)

    assert set(values) == set(JUDGED_EXAMPLES)
    assert dict(values) == {
        "recipient": "bob@example.com",
        "destiny": "reject",
        "category": "virus",
        "sub_category": "",
        "label": "INFECTED",
        "categories": ["virus", "banned", "unchecked.encrypted", "spam"],
        "reason": "INFECTED: Eicar",
        "viruses": ["Eicar"],
        "banned": ["program"],
        "banned_rules": ["default/program"],
        "banned_parts": ["2/a.exe"],
        "bad_headers": [],
        "unchecked": ["encrypted"],
        "found": ["Eicar", "program", "encrypted", "score 7.4"],
        "virus_engines": ["clamd"],
        "is_spam": True,
        "is_spam_to_block": True,
        "spam_score": 7.4,
        "spam_tests": ["A", "B"],
        "spam_bar": "*******",
        "policy": "default",
        "rule": "destinies.virus",
    }


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        ("clean", "CLEAN"),
        ("spam", "SPAM"),
        ("banned", "BANNED: program"),
        ("unchecked.encrypted", "UNCHECKED: encrypted"),
        ("oversized", "OVERSIZED"),
    ],
)
def test_the_reason_names_what_decided_and_no_score(category: str, reason: str) -> None:
    assert judged_variables(Judged(Destiny.REJECT, category, FINDINGS))["reason"] == reason


def test_a_verdict_says_what_came_of_it() -> None:
    verdict = replace(
        verdict_on(ENVELOPE),
        decided_by=DecidedBy("virus", "clamd", "default", "destinies.virus"),
        findings=(ReportedFinding("unchecked", "encrypted", "decode", "encrypted"),),
        authentication=(
            AuthenticationResult("spf", "pass", "example.net"),
            AuthenticationResult("dkim", "pass", "example.net"),
        ),
        milliseconds={"total": 41.7},
    )

    values = verdict_variables(verdict)

    assert set(values) == set(EXAMPLES) - set(MESSAGE_EXAMPLES)
    assert values["categories"] == ["unchecked.encrypted"]
    assert (values["auth"], values["dkim_domains"], values["ms"]) == (["spf=pass", "dkim=pass"], ["example.net"], 41)
    assert (values["delivered"], values["blocked"]) == (["bob@example.com", "eve@example.com"], [])


def test_values_have_the_kinds_of_their_examples() -> None:
    values = {
        **message_variables(MESSAGE, 0),
        **judged_variables(Judged(Destiny.PASS, spam=SpamReport(1.5))),
        **verdict_variables(replace(verdict_on(ENVELOPE), spam=SpamReport(1.5))),
    }

    assert {name: type(value) for name, value in values.items()} == {
        name: type(example) for name, example in EXAMPLES.items()
    }


def test_only_what_the_template_names_is_made() -> None:
    template = TextTemplate.parse("here", "{{ mail_id }}", 100)
    asked: list[str] = []

    class Watched(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            asked.append(name)
            return super().get(name, default)

    template.render(Watched(mail_id="x", subject="y"))

    assert asked == ["mail_id"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b" plain ", "plain"),
        (b"\xff\xfe", "\udcff\udcfe"),
        (b"=?utf-8?q?a=0d=0ab?=", "a\r\nb"),
        (b"=?nonsense?q?a?=", "a"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?utf-8?b?YQ=?=", "a"),
        (b"x" * 5000, "x" * 1000),
        (b"a\r\n\tb", "a b"),
    ],
)
def test_a_strangers_field_is_read_as_far_as_that_is_safe(value: bytes, text: str) -> None:
    assert header_text(b"X-Other: 1\r\nSUBJECT : " + value + b"\r\n\r\nbody", "Subject") == text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Ann <ann@example.net>", "ann@example.net"),
        ('"a <b@c>" <d@e>', "d@e"),
        ("ann@example.net (Ann)", "ann@example.net"),
        ("ann@example.net, eve@example.net", "ann@example.net"),
        ("undisclosed", ""),
        ("(" * 1000, ""),
        ("<", ""),
        ("", ""),
    ],
)
def test_the_address_of_an_author_is_found_where_people_see_it(text: str, address: str) -> None:
    assert address_in(text) == address


@given(st.binary(max_size=300))
def test_no_header_raises(noise: bytes) -> None:
    for raw in (noise, b"Subject: =?" + noise, b"Received: [" + noise, b"From: " + noise.replace(b"\n", b"\n ")):
        header_text(raw, "Subject")
        address_in(header_text(raw, "From"))
        received_addresses(raw)
        oldest_public_address(raw)


def test_a_field_full_of_addresses_costs_little() -> None:
    raw = b"".join(b"Received: " + b"[192.0.2.1] " * 5000 + b"\r\n" for _ in range(200)) + b"\r\n"

    assert len(received_addresses(raw)) <= 200
    assert oldest_public_address(raw) == ""
