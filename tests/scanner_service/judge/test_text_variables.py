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
    EMPTY,
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
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.verdict import (
    AuthenticationResult,
    DecidedBy,
    Destiny,
    InspectorReport,
    InspectorStatus,
    QuarantineReport,
    ReportedFinding,
    SpamReport,
)

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


def test_templates_are_tried_with_the_examples_of_the_reference() -> None:
    shown = re.findall(
        r"^\| `(\w+)` \| .+ \| `(.+)` \|$", PAGE.partition("\n## From amavisd-new's macros\n")[0], re.MULTILINE
    )

    assert dict(shown) == {name: as_the_reference_has_it(example) for name, example in EXAMPLES.items()}


def as_the_reference_has_it(example: object) -> str:
    match example:
        case list():
            return ", ".join(example)
        case bool():
            return str(example).lower()
        case _:
            return str(example)


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
    assert len(values) == len(MESSAGE_EXAMPLES)
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


def test_fields_of_who_sent_it_again_and_with_what_have_variables_of_their_own() -> None:
    raw = (
        b"Resent-From: Zoe <zoe@example.net>\r\nSender: list@example.net\r\nResent-Sender: hal@example.net\r\n"
        b"X-Mailer: Other 2.0\r\nUser-Agent: Mailer 1.0\r\n\r\n"
    )

    values = message_variables(replace(MESSAGE, raw=raw), 0)

    names = ("resent_from", "header_sender", "resent_sender", "user_agent")
    assert [values[name] for name in names] == [
        "Zoe <zoe@example.net>",
        "list@example.net",
        "hal@example.net",
        "Mailer 1.0",
    ]


@pytest.mark.parametrize(("user", "relays", "own"), [("bob", False, True), (None, True, True), (None, False, False)])
def test_own_users_are_who_gave_a_name_or_may_relay(user: str | None, relays: bool, own: bool) -> None:
    envelope = replace(ENVELOPE, authenticated_user=user, relay_client=relays)

    assert message_variables(replace(MESSAGE, envelope=envelope), 0)["own_user"] is own


def test_what_is_not_known_of_a_message_is_empty() -> None:
    values = message_variables(Message("", Envelope("", (Recipient("bob@example.com"),), source=""), b"", ""), 0)

    known = ("recipients", "date", "date_utc")
    assert {name: values[name] for name in values if name not in known} == {
        name: EMPTY[name] for name in MESSAGE_EXAMPLES if name not in known
    }


def test_of_a_message_in_which_nothing_was_found_a_judgement_says_the_least() -> None:
    assert dict(judged_variables(Judged(Destiny.PASS))) == {name: EMPTY[name] for name in JUDGED_EXAMPLES}


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
    ("category", "words"),
    [
        ("clean", ("clean", "", "CLEAN", "CLEAN")),
        ("spam", ("spam", "", "SPAM", "SPAM")),
        ("spammy.tag3", ("spammy", "tag3", "SPAMMY", "SPAMMY")),
        ("banned", ("banned", "", "BANNED", "BANNED: program")),
        ("unchecked.encrypted", ("unchecked", "encrypted", "UNCHECKED", "UNCHECKED: encrypted")),
        ("bad_header.8bit", ("bad_header", "8bit", "BAD HEADER", "BAD HEADER: 8bit, missing")),
        ("oversized", ("oversized", "", "OVERSIZED", "OVERSIZED")),
        ("virus", ("virus", "", "INFECTED", "INFECTED: Eicar")),
        ("news.of.tomorrow", ("news", "of.tomorrow", "OTHER", "news")),  # of another version's verdict
    ],
)
def test_the_reason_names_what_decided_and_no_score(category: str, words: tuple[str, ...]) -> None:
    findings = (
        *FINDINGS,
        Finding(ContentCategory.SPAMMY, "policy", "score 6.1"),
        Finding(ContentCategory.BAD_HEADER, "bad_header", "8bit", SubCategory.EIGHT_BIT),
        Finding(ContentCategory.BAD_HEADER, "bad_header", "missing", SubCategory.MISSING),
        Finding(ContentCategory.BAD_HEADER, "bad_header", "8bit", SubCategory.EIGHT_BIT),
    )

    values = judged_variables(Judged(Destiny.REJECT, category, findings))

    assert tuple(values[name] for name in ("category", "sub_category", "label", "reason")) == words


def test_rules_and_parts_are_those_of_what_is_banned() -> None:
    findings = (
        Finding(ContentCategory.BANNED, "banned", "program", part="2/a.exe"),
        Finding(ContentCategory.BANNED, "banned", "script", rule="default/script"),
        Finding(ContentCategory.VIRUS, "clamd", "Eicar", part="3/b.exe", rule="other"),
    )

    values = judged_variables(Judged(Destiny.REJECT, "banned", findings))

    assert (values["banned_rules"], values["banned_parts"]) == (["default/script"], ["2/a.exe"])


def test_names_and_engines_are_told_once() -> None:
    findings = (Finding(ContentCategory.VIRUS, "clamd", "Eicar"),) * 2

    values = judged_variables(Judged(Destiny.REJECT, "virus", findings))

    names = ("viruses", "virus_engines", "found", "categories", "reason")
    assert [values[name] for name in names] == [["Eicar"], ["clamd"], ["Eicar"], ["virus"], "INFECTED: Eicar"]


@pytest.mark.parametrize(
    ("category", "is_spam", "is_spam_to_block"),
    [
        (ContentCategory.SPAM, True, True),
        (ContentCategory.SPAMMY, True, False),
        (ContentCategory.VIRUS, False, False),
    ],
)
def test_spammy_mail_is_spam_that_is_not_blocked(
    category: ContentCategory,
    is_spam: bool,
    is_spam_to_block: bool,
) -> None:
    values = judged_variables(Judged(Destiny.PASS, findings=(Finding(category, "spamd", "x"),)))

    assert (values["is_spam"], values["is_spam_to_block"]) == (is_spam, is_spam_to_block)


@pytest.mark.parametrize(("score", "stars"), [(None, 0), (-3.0, 0), (0.9, 0), (1.0, 1), (64.0, 64), (65.0, 64)])
def test_the_bar_has_a_star_for_each_point(score: float | None, stars: int) -> None:
    assert judged_variables(Judged(Destiny.PASS, spam=SpamReport(score)))["spam_bar"] == "*" * stars


def test_a_verdict_says_what_came_of_it() -> None:
    passed = verdict_on(ENVELOPE)
    verdict = replace(
        passed,
        destiny=Destiny.PASS,
        recipients=(passed.recipients[0], replace(passed.recipients[1], destiny=Destiny.DISCARD)),
        decided_by=DecidedBy("virus", "clamd", "default", "destinies.virus"),
        findings=(
            ReportedFinding("unchecked", "encrypted", "decode", "encrypted"),
            ReportedFinding("virus", None, "clamd", "Eicar"),
        ),
        inspectors=(
            InspectorReport("clamd", True, InspectorStatus.HIT, "found", None, 1.0),
            InspectorReport("spamd", False, InspectorStatus.NOT_DONE, "no answer in 20 s", None, 1.0),
            InspectorReport("rspamd", False, InspectorStatus.NOT_DONE, None, None, 0.0),  # nobody asked it
        ),
        added_recipients=("postmaster@example.com",),
        quarantine=QuarantineReport(stored=True),
        would_be=verdict_on(ENVELOPE, Destiny.REJECT, VIRUS_REPLY),
        spam=SpamReport(7.4, ("A", "B")),
        milliseconds={"total": 41.7},
    )

    values = verdict_variables(verdict)

    assert set(values) == set(EXAMPLES) - set(MESSAGE_EXAMPLES)
    assert {name: values[name] for name in values if name not in judged_variables(Judged(Destiny.PASS))} == {
        "reply": "200 2.0.0 Ok",
        "delivered": ["bob@example.com"],
        "blocked": ["eve@example.com"],
        "added_recipients": ["postmaster@example.com"],
        "quarantined": True,
        "complete": True,
        "would_be": "reject",
        "auth": [],
        "dkim_domains": [],
        "not_done": ["spamd"],
        "policy_version": "1",
        "ms": 41,
    }
    told = ("recipient", "destiny", "reason", "categories", "spam_score", "policy", "rule")
    assert [values[name] for name in told] == [
        "bob@example.com",
        "pass",
        "INFECTED: Eicar",
        ["unchecked.encrypted", "virus"],
        7.4,
        "default",
        "destinies.virus",
    ]


def test_a_verdict_on_which_little_is_known_says_the_least() -> None:
    verdict = replace(verdict_on(ENVELOPE), complete=False, milliseconds={})

    values = verdict_variables(verdict)

    assert [values[name] for name in ("complete", "quarantined", "would_be", "ms")] == [False, False, "", 0]


def test_only_a_good_signature_speaks_for_its_domain() -> None:
    results = (
        AuthenticationResult("spf", "pass", "spf.example"),
        AuthenticationResult("dkim", "fail", "bad.example"),
        AuthenticationResult("dkim", "pass", "good.example"),
        AuthenticationResult("dkim", "pass", "good.example"),
        AuthenticationResult("dkim", "pass"),
    )

    values = verdict_variables(replace(verdict_on(ENVELOPE), authentication=results))

    assert values["auth"] == ["spf=pass", "dkim=fail", "dkim=pass", "dkim=pass", "dkim=pass"]
    assert values["dkim_domains"] == ["good.example"]


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
