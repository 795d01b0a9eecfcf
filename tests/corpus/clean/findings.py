"""What the service, with no settings, finds in the messages of the corpus; and the page that shows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.clean import ORIGINS
from tests.corpus.clean.message import CleanMessage, Shelf
from tests.scanner_service.live_service import live_service, post

PAGE = Path(__file__).parents[3] / "docs/reference/clean_corpus.md"
BEGIN, END = "<!-- made by python -m tests.corpus.clean --write -->\n", "<!-- end -->\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The destiny of a message, and the categories of its findings with their sub-categories."""

    destiny: str
    findings: frozenset[str]


def judge(messages: Iterable[CleanMessage]) -> dict[str, Outcome]:
    """Send each message to a running service, and return what comes of it, by the message's name."""
    with live_service() as service, service.client(by_unix_socket=True) as client:
        return {
            message.name: _outcome(post(client, message.build()).raise_for_status().json()) for message in messages
        }


def as_markdown(outcomes: Mapping[str, Outcome]) -> str:
    """Return a table for each origin."""
    return "\n".join(f"## {_title(origin.__name__)}\n\n{_table(origin.MESSAGES, outcomes)}" for origin in ORIGINS)


def with_tables(page: str, tables: str) -> str:
    """Return the page with these tables in place of those that it has."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{tables}\n{END}{rest.partition(END)[2]}"


def _outcome(verdict: Mapping[str, object]) -> Outcome:
    findings = verdict["findings"]
    assert isinstance(findings, list)
    return Outcome(str(verdict["destiny"]), frozenset(_full_category(finding) for finding in findings))


def _full_category(finding: Mapping[str, str | None]) -> str:
    return f"{finding['category']}.{finding['sub_category']}" if finding["sub_category"] else str(finding["category"])


def _title(module: str) -> str:
    return module.rpartition(".")[2].capitalize()


def _table(messages: Shelf, outcomes: Mapping[str, Outcome]) -> str:
    lines = ["| message | why it is here | found | accepted, because |", "| --- | --- | --- | --- |"]
    for message in messages:
        outcome = outcomes[message.name]
        found = (
            _words(outcome.findings)
            if outcome.destiny == "pass"
            else f"{outcome.destiny}: {_words(outcome.findings)}"
        )
        accepted = f"{_words(message.tagged)}: {message.argument}" if message.tagged else ""
        lines.append(f"| {message.name} | {_cell(message.why)} | {found} | {_cell(accepted)} |")
    return "\n".join(lines) + "\n"


def _words(findings: frozenset[str]) -> str:
    return ", ".join(sorted(findings))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
