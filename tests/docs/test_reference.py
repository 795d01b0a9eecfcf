"""The reference has a heading for each setting, reply and log field, and none for what is not there."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from scanner_service.decode.file_type import KNOWN_TYPES
from scanner_service.decode.formats.ooxml import DOCUMENT_TYPES
from scanner_service.inspectors.banned_rules import DEFAULT_RULES
from scanner_service.judge.book_reader import BANKS, CONDITIONS
from scanner_service.judge.policy_reader import SETTINGS
from scanner_service.policy_choice import BUILT_IN
from scanner_service.settings import Settings as ScannerSettings
from shim import filter_reply
from shim.metrics import COUNTERS, GAUGES, HISTOGRAMS
from shim.settings import Settings as ShimSettings
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import DecidedBy, MessageFacts, Verdict

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")])


def headings(page: str) -> set[str]:
    """Return what stands in code spans in the headings of a page."""
    lines = (REFERENCE / page).read_text().splitlines()
    return {span for line in lines if line.startswith("#") for span in re.findall(r"`([^`]+)`", line)}


def test_each_shim_setting_has_its_heading() -> None:
    settings = {field.name for field in dataclasses.fields(ShimSettings)}

    documented = headings("shim_settings.md")

    assert documented == settings


def test_each_scanner_setting_has_its_heading() -> None:
    settings = set()
    for section, field in ScannerSettings.model_fields.items():
        if section == "policy":
            settings.add("[policy]")
            continue
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        settings |= {f"[{section}] {name}" for name in field.annotation.model_fields}

    documented = headings("scanner_settings.md")

    assert documented == settings


def test_each_policy_setting_has_its_heading() -> None:
    assert headings("policy.md") == {*SETTINGS, BANKS, "sql"}


def test_each_condition_of_a_bank_has_its_row_and_each_built_in_bank_too() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (REFERENCE / "policy.md").read_text(), re.MULTILINE)

    assert set(rows) == {*CONDITIONS, *BUILT_IN} - {"default"}


def test_each_reply_of_the_shim_has_its_heading() -> None:
    replies = {str(value) for value in vars(filter_reply).values() if isinstance(value, SmtpReply)}

    documented = headings("replies.md")

    assert replies <= documented


def test_each_reply_of_the_judge_has_its_heading() -> None:
    source = (ROOT / "scanner_service/judge/one_reply.py").read_text()
    texts = re.findall(r'SmtpReply\((4\d\d|5\d\d), "([\d.]+)", f"([^{]+)', source)

    documented = headings("replies.md")

    assert len(texts) == 4
    for code, enhanced, text in texts:
        assert any(heading.startswith(f"{code} {enhanced} {text}") for heading in documented)


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("shim/handle_message.py", "log"),
        ("shim/pause_watch.py", "log"),
        ("shim/daemon.py", "log"),
        ("shim/supervisor.py", "log"),
        ("shim/worker.py", "log"),
        ("scanner_service/mail_log.py", "info"),
    ],
)
def test_each_log_field_has_its_heading(source: str, call: str) -> None:
    calls = [node for node in ast.walk(ast.parse((ROOT / source).read_text())) if isinstance(node, ast.Call)]
    fields = {
        keyword.arg
        for node in calls
        if (isinstance(node.func, ast.Name) and node.func.id == call)
        or (isinstance(node.func, ast.Attribute) and node.func.attr == call)
        for keyword in node.keywords
        if keyword.arg is not None
    }

    documented = headings("log_lines.md") | {"host"}  # in the sentence on the service's line

    assert fields
    assert fields <= documented


def test_each_step_of_a_message_has_its_heading() -> None:
    steps = set(re.findall(r'end_step\("(\w+)"\)', (ROOT / "shim/handle_message.py").read_text()))

    assert steps == {"read_ms", "scan_ms", "write_ms"}
    assert steps <= headings("log_lines.md")


def test_each_change_of_recipients_has_its_heading() -> None:
    source = (ROOT / "shim/handle_message.py").read_text().partition("def _changed_recipients")[2]

    names = set(re.findall(r'^        "(\w+)": \[', source, re.MULTILINE))

    assert names == {"discarded", "bounced", "replaced", "added"}
    assert names <= headings("log_lines.md")


def test_each_metric_of_the_shim_has_its_heading() -> None:
    assert headings("shim_metrics.md") == {*COUNTERS, *GAUGES, *HISTOGRAMS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    broken = [link for link in links if not (page.parent / link).exists()]

    assert broken == []


def test_each_rule_of_what_is_banned_stands_with_its_reason_and_all_that_it_fits() -> None:
    page = " ".join((REFERENCE / "banned.md").read_text().split())

    assert headings("banned.md") == {rule.name for rule in DEFAULT_RULES}
    for rule in DEFAULT_RULES:
        section = page.partition(f"## `{rule.name}`")[2].partition("## `")[0]
        assert rule.reason.lower() in section.lower()
        fits = [*(f".{one}" for one in rule.extensions), *rule.types, *rule.content_types, *rule.marks]
        assert [one for one in fits if f"`{one}`" not in section] == []


def test_each_type_of_content_is_listed_and_none_that_no_part_has() -> None:
    page = (REFERENCE / "banned.md").read_text()

    listed = page.partition("## Types of content")[2].partition("\n\n")[2].split("\n\n")[1]

    assert set(re.findall("`([^`]+)`", listed)) == KNOWN_TYPES | DOCUMENT_TYPES


def test_each_field_of_a_verdict_is_named() -> None:
    page = (REFERENCE / "http_interface.md").read_text()
    fields = {field.name for kind in (Verdict, DecidedBy, MessageFacts) for field in dataclasses.fields(kind)}

    assert [name for name in sorted(fields) if f"`{name}`" not in page] == []
