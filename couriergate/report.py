"""A verdict as people read it."""

from collections.abc import Iterator, Sequence

from couriergate.scan import Scanned
from verdict_api.printable import printable
from verdict_api.verdict import Destiny, InspectorReport, ReportedFinding, ReportedPart

DIGEST_DIGITS = 16  # enough to tell parts apart; --json has all of them
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
    said = f"{scanned.file}: {verdict.destiny} ({verdict.decided_by.category})"
    return printable(said + (f" {names}" if names else ""))


def details(scanned: Scanned) -> Iterator[str]:
    """Yield the lines below the headline: the reply, who found what where, who could not look."""
    verdict = scanned.verdict
    yield f"reply     {verdict.reply}"
    yield f"mail id   {printable(verdict.mail_id)}"
    if verdict.decided_by.rule:
        yield printable(f"because   {verdict.decided_by.rule} of policy {verdict.decided_by.policy}")
    for finding in verdict.findings:
        yield printable(f"found     {_finding(finding)}")
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
        yield printable(f"part      {indent}{part.path}{declared}{types}{marks}, {part.size} bytes{digest}{names}")


def _finding(finding: ReportedFinding) -> str:
    category = finding.category + (f".{finding.sub_category}" if finding.sub_category else "")
    where = f" in part {finding.part}" if finding.part else ""
    why = f": {finding.detail}" if finding.detail else ""
    digest = f", sha256 {finding.sha256}" if finding.sha256 else ""
    return f"{category} {finding.name}{where} (by {finding.inspector}){why}{digest}"


def _inspector(inspector: InspectorReport) -> str:
    version = f", {inspector.version}" if inspector.version else ""
    why = f": {inspector.reason}" if inspector.reason else ""
    return f"{inspector.name} {inspector.status} in {inspector.milliseconds:g} ms{version}{why}"
