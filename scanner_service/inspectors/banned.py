"""Look for parts that may not come by mail: by name, by declared type, and by what their bytes are.

Every part is tested, members of archives and attached messages too, under each name that a mail program might read.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scanner_service.inspectors.banned_rules import BannedRule, RuleSet
from scanner_service.inspectors.inspector import Inspection, WaitsForNothing, milliseconds_since, status_of
from scanner_service.model.finding import DIGEST_INLINE_BELOW_BYTES, ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message, Part
from verdict_api.verdict import InspectorReport

NAME = "banned"
FINDINGS_OF_A_RULE = 5  # a thousand programs in one archive are one thing to say
# What lies in these is never an attachment to anybody: a program opens the whole, and the names are its own. Which
# program that is, the ending decides; a member that makes a Java archive of a .zip changes nothing for its reader.
_DOCUMENT_ENDINGS = frozenset(
    (
        *("docx", "docm", "dotx", "dotm", "xlsx", "xlsm", "xlsb", "xltx", "xltm", "pptx", "pptm", "potx", "potm"),
        *("ppsx", "ppsm", "vsdx", "vsdm", "odt", "ods", "odp", "odg", "odf", "ott", "ots", "otp", "otg"),
        *("jar", "war", "ear", "epub"),
    )
)


class BannedInspector(WaitsForNothing):
    """Tests the parts by sets of rules, each by its name; see Inspector."""

    needs_parts = True
    checks = ContentCategory.BANNED

    def __init__(self, rule_sets: Mapping[str, Sequence[BannedRule]]) -> None:
        self._rule_sets = {name: RuleSet(rules) for name, rules in rule_sets.items()}

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector; it waits for nothing."""
        del until
        assert decoded is not None
        started = time.perf_counter()
        hits = [hit for name, rules in self._rule_sets.items() for hit in _hits(decoded.parts, name, rules)]
        if len(message.raw) < DIGEST_INLINE_BELOW_BYTES or not hits:
            findings = _findings(hits)
        else:  # a finding has a digest, and nobody else must wait for that of a large part
            findings = await asyncio.to_thread(_findings, hits)
        report = InspectorReport(NAME, True, status_of(findings), None, None, milliseconds_since(started))
        return Inspection(findings, (report,))


@dataclass(frozen=True, slots=True)
class _Hit:
    """A part, the rule of a set that it breaks, and what of it does."""

    part: Part
    set_name: str
    rule: BannedRule
    what: str


def _findings(hits: Sequence[_Hit]) -> tuple[Finding, ...]:
    return tuple(
        replace(
            Finding.of_part(
                hit.part,
                ContentCategory.BANNED,
                NAME,
                hit.what,
                detail=f"{hit.rule.name}: {hit.rule.reason}",
                rule=f"{hit.set_name}: {hit.rule.name}",
            ),
            observed=hit.rule.observe,
        )
        for hit in hits
    )


def _hits(parts: Sequence[Part], set_name: str, rules: RuleSet) -> Iterator[_Hit]:
    told: dict[str, int] = {}
    for part, around in _with_containers(parts):
        if not rules.is_about(part, is_inside=bool(around)):
            continue
        for rule, what in _fitting(part, around, rules.rules):
            told[rule.name] = told.get(rule.name, 0) + 1
            if told[rule.name] <= FINDINGS_OF_A_RULE:
                yield _Hit(part, set_name, rule, what)


def _fitting(part: Part, around: Sequence[Part], rules: Sequence[BannedRule]) -> Iterator[tuple[BannedRule, str]]:
    """Yield the rules on trial that fit, and then the first other one, unless it allows the part."""
    by_name = not (around and _is_one_document(around[-1]))
    types_around = frozenset(kind for container in around for kind in container.types)
    for rule in rules:
        what = rule.fits(part, by_name=by_name, around=types_around)
        if what is not None and not rule.allow:
            yield rule, what
        if what is not None and not rule.observe:
            return


def _is_one_document(container: Part) -> bool:
    """Tell whether every ending that the container may go by is one of a document; forms without one say nothing."""
    endings = {name.rpartition(".")[2].lower() for name in container.names if "." in name}
    told = {ending for ending in endings if ending.isalnum()}
    return bool(told) and told <= _DOCUMENT_ENDINGS


def _with_containers(parts: Sequence[Part]) -> Iterator[tuple[Part, Sequence[Part]]]:
    """Yield each part, and the containers that it is in, the innermost last."""
    around: list[Part] = []
    for part in parts:
        while around and not part.path.startswith(around[-1].path + "/"):
            around.pop()
        yield part, around
        around.append(part)
