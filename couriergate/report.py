"""A verdict as people read it."""

from collections.abc import Iterator, Sequence

from couriergate.scan import Scanned
from verdict_api.printable import printable
from verdict_api.verdict import (
    AuthenticationResult,
    Destiny,
    InspectorReport,
    ReportedFinding,
    ReportedPart,
    Verdict,
)

DIGEST_DIGITS = 16  # enough to tell parts apart; --json has all of them
NOTHING_DECIDED = "clean"
STYLES = {
    Destiny.PASS: "green",
    Destiny.TEMPFAIL: "yellow",
    Destiny.REJECT: "red",
    Destiny.DISCARD: "red",
    Destiny.BOUNCE: "red",
}


def headline(scanned: Scanned) -> str:
    """Return the one line that matters: file, destiny, category, names."""
    verdict = scanned.verdict
    names = ", ".join(dict.fromkeys(finding.name for finding in verdict.findings))
    said = f"{scanned.file}: {verdict.destiny} ({_category(verdict)})"
    return printable(said + (f" {names}" if names else ""))


def details(scanned: Scanned) -> Iterator[str]:
    """Yield the lines below the headline: the reply, who found what where, who could not look."""
    verdict = scanned.verdict
    yield f"reply     {verdict.reply}"
    yield f"mail id   {printable(verdict.mail_id)}"
    if verdict.decided_by.rule:
        yield printable(f"because   {verdict.decided_by.rule} of policy {verdict.decided_by.policy}")
    for finding in verdict.findings:
        yield f"found     {_finding(finding)}"
    if verdict.spam.score is not None:
        yield printable(f"score     {verdict.spam.score:g} {', '.join(verdict.spam.tests)}".rstrip())
    if verdict.authentication:
        yield f"auth      {' '.join(_authentication(one) for one in verdict.authentication)}"
    for inspector in verdict.inspectors:
        yield printable(f"asked     {_inspector(inspector)}")
    if not verdict.complete:
        yield "warning   a required check could not be made: this says nothing about what is in the message"
    if verdict.engines == "demo":
        yield "warning   demo engine: only the EICAR test file would be found"
    if verdict.engines == "none":
        yield "warning   no virus engine protects now: see /readyz of the service, or its log"


def tree(parts: Sequence[ReportedPart]) -> Iterator[str]:
    """Yield a line for each part: its place, its type, what its bytes are, its size, and every name it may go by."""
    for part in parts:
        in_message, slash, in_container = part.path.partition("/")
        indent = "  " * (in_message.count(".") + len(slash) + in_container.count("/"))
        declared = f" {part.content_type}" if part.content_type else ""
        types = f" [{' '.join(part.types)}]" if part.types else ""
        marks = "".join(f" {mark.upper()}" for mark in part.marks)
        names = "".join(f' "{name}"' for name in part.names)
        digest = f", sha256 {part.sha256[:DIGEST_DIGITS]}" if part.sha256 else ""
        said = printable(f"{declared}{types}{marks}, {part.size} bytes{digest}{names}")
        yield f"part      {indent}{_shown(part.path)}{said}"


def _category(verdict: Verdict) -> str:
    """Return what decided; where nothing did, what the message passes with all the same, as it is tagged for that."""
    category = verdict.decided_by.category
    if category != NOTHING_DECIDED:
        return category
    passed = dict.fromkeys(one for recipient in verdict.recipients for one in recipient.categories)
    return ", ".join(passed) or category


def _authentication(result: AuthenticationResult) -> str:
    said = printable(f"{result.method}={result.result}")
    return f"{said} ({printable(result.domain)})" if result.domain else said


def _shown(text: str) -> str:
    """Leave alone what the service escaped already, as the path of a part: twice escaped nobody could read it."""
    return text if text.isascii() and text.isprintable() else printable(text)


def _finding(finding: ReportedFinding) -> str:
    category = finding.category + (f".{finding.sub_category}" if finding.sub_category else "")
    where = f" in part {_shown(finding.part)}" if finding.part else ""
    why = f": {_shown(finding.detail)}" if finding.detail else ""
    digest = printable(f", sha256 {finding.sha256}") if finding.sha256 else ""
    return f"{printable(f'{category} {finding.name}')}{where} ({printable(f'by {finding.inspector}')}){why}{digest}"


def _inspector(inspector: InspectorReport) -> str:
    version = f", {inspector.version}" if inspector.version else ""
    why = f": {inspector.reason}" if inspector.reason else ""
    return f"{inspector.name} {inspector.status} in {inspector.milliseconds:g} ms{version}{why}"
